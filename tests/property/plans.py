"""Random mappings over random streams: what the properties of a mapping are held against.

A ``Plan`` is drawn by Hypothesis: settings, shards in a lineage, records, and a function that raises, answers in part,
answers malformed, refuses what is too large or is not reached. A ``Run`` plays it on the pure machine with virtual
time, in which deliveries, saves and letters take a while and so overlap, and writes down what happened.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Command, Deliver, SavePositions, StoreLetter
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import Event, Invoked, LetterStored
from afterbay.core.mapping.outcome import (
    Cause,
    Delivered,
    Failed,
    FailedFrom,
    NotReached,
    Outcome,
    ResponseContext,
)
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.shard.position import After, ShardEnd, ShardId
from unit.core.mapping.driving import Stored, World, answered, record, settings

KEEPS = '{"keep": [true]}'
BUCKET = "arn:aws:s3:::letters"
"""A destination that gets the records too: so a letter tells exactly which ones it stands for."""

ALWAYS = 10**6
LINEAGES: dict[str, dict[str, tuple[str, ...]]] = {
    "one shard": {"s": ()},
    "two shards": {"s": (), "t": ()},
    "a roll": {"s": (), "child": ("s",)},
    "a split": {"s": (), "left": ("s",), "right": ("s",)},
    "three generations": {"s": (), "child": ("s",), "grandchild": ("child",)},
}
KEYS = {"left": "ab", "right": "cd", "t": "wxyz"}
"""The items whose changes are in a shard; ``abcd`` where nothing else is said, so that a split parts them."""


@dataclass(frozen=True)
class Plan:
    """``failing``: how often a record makes the function fail. ``manners``: how the n-th failing invocation fails, over
    and over. ``throttled``: invocations that do not reach the function. ``takes``: how long the n-th command takes."""

    settings: MappingSettings
    stream: dict[str, list[RawRecord]]
    parents: dict[str, tuple[str, ...]]
    failing: dict[int, int]
    manners: tuple[str, ...]
    throttled: frozenset[int]
    takes: tuple[float, ...]
    page: int

    @property
    def closed(self) -> set[str]:
        return {parent for parents in self.parents.values() for parent in parents}

    @property
    def records(self) -> dict[int, RawRecord]:
        return {one.position: one for shard in self.stream.values() for one in shard}

    @property
    def filtered(self) -> set[int]:
        """What the filters leave out."""
        return {p for p, one in self.records.items() if self.settings.filters and not json.loads(one.body)["keep"]}

    def with_settings(self, **changes: object) -> Plan:
        return replace(self, settings=replace(self.settings, **changes))


ANY_LIMIT = st.sampled_from(["retries", "retries", "both", "age"])
AGES = [0, 0, 0, 0, 0, 0, 0, 0, 30, 59, 100]
ONE_TO_FOUR = st.integers(1, 4)


@st.composite
def plans(
    draw: st.DrawFn,
    *,
    lineages: tuple[str, ...] = tuple(LINEAGES),
    records_max: int = 14,
    factors: st.SearchStrategy[int] = ONE_TO_FOUR,
    limits: st.SearchStrategy[str] = ANY_LIMIT,
    filters: bool = True,
    poison: bool = True,
) -> Plan:
    """``poison``: some records fail for ever (then some limit ends it), else every failure passes."""
    limit = draw(limits)
    partial = draw(st.sampled_from([True, True, False]))
    chosen = settings(
        batch_size=draw(st.sampled_from([5, 4, 3, 7, 2, 1])),
        batching_window_s=draw(st.sampled_from([0, 0, 0, 1, 3])),
        parallelization_factor=draw(factors),
        bisect=draw(st.booleans()),
        report_batch_item_failures=partial,
        retry_attempts_max=draw(st.integers(0, 3)) if limit != "age" else None,
        record_age_max_s=draw(st.integers(60, 90)) if limit != "retries" else None,
        on_failure=BUCKET,
        filters=(KEEPS,) if filters and draw(st.booleans()) else (),
    )
    parents = LINEAGES[draw(st.sampled_from(lineages))]
    stream: dict[str, list[RawRecord]] = {}
    position = draw(st.sampled_from([1, 7, 95, 990]))  # as text, 10 comes before 9
    for name in parents:
        stream[name] = []
        most = records_max // len(parents)
        for _ in range(draw(st.sampled_from([most, most, most - 1, most // 2, 1, 0]))):
            position += draw(st.integers(1, 3))
            body = json.dumps({"n": position, "keep": draw(st.booleans())}).encode()
            age_s = draw(st.sampled_from(AGES))
            stream[name].append(record(position, draw(st.sampled_from(KEYS.get(name, "abcd"))), age_s=age_s, body=body))
    positions = [one.position for shard in stream.values() for one in shard]
    times = st.sampled_from([1, 2, 3, ALWAYS, ALWAYS, ALWAYS] if poison else [1, 1, 2])
    failing = draw(st.dictionaries(st.sampled_from(positions), times, min_size=1, max_size=5)) if positions else {}
    ways = ["partial", "partial", "partial", "raise", "malformed"] if partial else ["raise", "raise", "too large"]
    return Plan(
        settings=chosen,
        stream=stream,
        parents=parents,
        failing=failing,
        manners=tuple(draw(st.lists(st.sampled_from(ways), min_size=1, max_size=4))),
        throttled=frozenset(draw(st.lists(st.integers(0, 12), max_size=2))),
        takes=tuple(draw(st.lists(st.sampled_from([0.0, 0.0, 0.1, 0.7, 2.5]), min_size=1, max_size=6))),
        page=draw(st.sampled_from([1, 3, 1000])),
    )


@dataclass
class Function:
    """What the plan's function does; it remembers over restarts of the mapping, as the world outside does.

    ``done``: the records that it succeeded with, each time that it did.
    """

    plan: Plan
    left: dict[int, int] = field(default_factory=dict)
    invocations: int = 0
    failures: int = 0
    done: list[int] = field(default_factory=list)
    failing_now: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.left = dict(self.plan.failing)

    def __call__(self, batch: Batch, *, partial: bool) -> Outcome:
        self.failing_now = set()
        outcome = self._answer(batch, partial=partial)
        done = done_by(batch, outcome)
        assert not done & self.failing_now, "what failed counts as done"
        self.done += sorted(done)
        return outcome

    def _answer(self, batch: Batch, *, partial: bool) -> Outcome:
        self.invocations += 1
        if self.invocations - 1 in self.plan.throttled:
            return NotReached("throttled")
        hit = [one.position for one in batch.records if self.left.get(one.position, 0) > 0]
        for position in hit:
            self.left[position] -= 1
        self.failing_now = set(hit)
        if not hit:
            return answered(batch, b'{"batchItemFailures": []}', partial=partial)
        manner = self.plan.manners[self.failures % len(self.plan.manners)]
        self.failures += 1
        match manner:
            case "partial" if partial:
                names = [{"itemIdentifier": str(position)} for position in reversed(hit)]
                return answered(batch, json.dumps({"batchItemFailures": names}).encode(), partial=True)
            case "malformed" if partial:
                return answered(batch, b'{"batchItemFailures": [{"itemIdentifier": ""}]}', partial=True)
            case "too large" if len(batch.records) == 1:
                return Failed(Cause.TOO_LARGE, splittable=False, response=ResponseContext("$LATEST", None))
            case _:
                return answered(batch, b"", error="Unhandled", partial=partial)


class Crashed(Exception):
    """The process is gone; what was stored is what is left."""


class Run(World):
    """A plan being played.

    ``finished``: the records that are delivered, acknowledged, in a letter that is stored, or filtered out. ``calls``:
    each delivery, as it was asked for, with what came of it. ``watchers`` look at each command as it is asked for, when
    ``finished`` holds what was true just before. ``crash_at``: the n-th command that is performed is the last;
    ``effect``: it took place.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        stored: Stored | None = None,
        function: Function | None = None,
        crash_at: int | None = None,
        effect: bool = True,
    ) -> None:
        self.plan = plan
        self.scripted = function or Function(plan)
        super().__init__(
            plan.settings,
            plan.stream,
            self._call,
            parents=plan.parents,
            closed=plan.closed,
            stored=stored,
            page=plan.page,
        )
        self.finished: set[int] = set(plan.filtered)
        self.calls: list[tuple[Deliver, Outcome]] = []
        self.watchers: list[Callable[[Command], None]] = []
        self.in_flight: list[Deliver] = []
        self._storing: dict[str, Letter] = {}
        self._crash_at, self._effect = crash_at, effect
        self._performed = 0
        self._timed = 0

    def _call(self, batch: Batch) -> Outcome:
        return self.scripted(batch, partial=self.mapping.settings.report_batch_item_failures)

    def takes_s(self, command: Command) -> float:
        if not isinstance(command, Deliver | SavePositions | StoreLetter):
            return 0.0
        self._timed += 1
        return self.plan.takes[self._timed % len(self.plan.takes)]

    def tell(self, event: Event) -> tuple[Command, ...]:
        match event:
            case Invoked():
                asked = next(one for one in self.in_flight if one.batch.request_id == event.request_id)
                self.in_flight.remove(asked)
                self.calls.append((asked, event.outcome))
                self.finished |= done_by(asked.batch, event.outcome)
            case LetterStored():
                self.finished |= records_of(self._storing[event.request_id])
        commands = super().tell(event)
        for command in commands:
            if isinstance(command, Deliver):
                self.in_flight.append(dataclasses.replace(command, batch=copy.copy(command.batch)))
            for watch in self.watchers:
                watch(command)
        return commands

    def perform(self, command: Command) -> Event:
        self._performed += 1
        if self._performed == self._crash_at and not self._effect:
            raise Crashed
        event = self._store(command) if isinstance(command, StoreLetter) else super().perform(command)
        if self._performed == self._crash_at:
            raise Crashed
        return event

    def _store(self, command: StoreLetter) -> Event:
        """Kept once per request id and last record, as a store does: after a crash the same letter may come again, and
        then it is the same. A batch of which the start is too old by then has a letter of that start, too."""
        letter = self._storing[command.letter.request_id] = command.letter
        kept = self.stored.letters.setdefault(f"{letter.request_id} to {letter.last}", letter)
        assert records_of(kept) == records_of(letter), "two letters of one request id and one last record"
        return LetterStored(command.shard, command.lane, letter.request_id)

    @property
    def over(self) -> bool:
        """Every shard is read and done, and that is saved."""
        return all(self._over(name, shard) for name, shard in self.plan.stream.items())

    def _over(self, name: str, shard: list[RawRecord]) -> bool:
        row = self.stored.rows.get(ShardId(name))
        if name in self.plan.closed:
            return row is not None and row.at == ShardEnd()
        return not shard or (row is not None and row.at == After(shard[-1].position))

    def to_the_end(self) -> Run:
        """Start, and go on until everything is done; something always is, since a limit ends what fails for ever."""
        self.start()
        for _ in range(200):
            self.run(3)
            if self.over:
                return self
        raise AssertionError("the mapping does not come to its end")


def done_by(batch: Batch, outcome: Outcome) -> set[int]:
    """The records that an outcome acknowledges."""
    match outcome:
        case Delivered():
            return {one.position for one in batch.records}
        case FailedFrom(position=lowest):
            return {one.position for one in batch.records if one.position < lowest}
        case _:
            return set()


def records_of(letter: Letter) -> set[int]:
    """The records that a letter to a bucket stands for."""
    return {one["n"] for one in json.loads(letter.event)["Records"]} if letter.event else set()
