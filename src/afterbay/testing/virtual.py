"""A mapping's own machine over a recording, in virtual time: whatever it would wait for, the clock moves there.

Does in no time what ``engine/`` does in real time, with the same core and the same order of effects.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar, assert_never, cast

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import (
    Command,
    Deliver,
    ForgetPositions,
    ListShards,
    LoadPositions,
    ReadShard,
    ReleaseShard,
    Rest,
    SavePositions,
    StoreLetter,
    Tell,
    WakeAt,
)
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import (
    Created,
    Event,
    Invoked,
    LetterStored,
    PositionsForgotten,
    PositionsLoaded,
    PositionsSaved,
    RecordsRead,
    Rested,
    ShardsListed,
    Woke,
)
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.outcome import Delivered, FailedFrom, Outcome
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.shard.position import ShardId
from afterbay.engine.deliver import FunctionDeliverer
from afterbay.functions.local import LocalFunction
from afterbay.ports import Answer
from afterbay.sources.recording import RecordedSource
from afterbay.stores.memory import MemoryStore

__all__ = ["VirtualCall", "VirtualLetter", "VirtualMapping"]

UUID = "00000000-0000-4000-8000-000000000001"
LETTERS_MAX = 1_000_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class VirtualCall:
    """One invocation. ``attempt`` counts from 1; ``payload`` is the event's JSON; ``at`` is virtual time."""

    shard: ShardId
    batch: Batch
    attempt: int
    at: datetime
    payload: bytes
    answer: Answer
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class VirtualLetter:
    """A letter, when it was stored, and the lane that it is of."""

    letter: Letter
    lane: int
    at: datetime


class VirtualMapping:
    """``run`` it once. ``paced``: records are there when they were written, not all from the beginning.

    ``blocked_after_s``: how long a mapping that may retry for ever goes on without any progress.
    """

    def __init__(
        self,
        source: RecordedSource,
        settings: MappingSettings,
        function: LocalFunction,
        *,
        enabled: bool,
        paced: bool,
        blocked_after_s: float,
    ) -> None:
        self.calls: list[VirtualCall] = []
        self.letters: list[VirtualLetter] = []
        self.done: dict[tuple[ShardId, int], RawRecord] = {}
        self.mapping = Mapping(UUID, settings, b"afterbay.testing")
        self._source = source
        self._settings = settings
        self._function = function
        self._enabled = enabled
        self._paced = paced
        endless = settings.retry_attempts_max is None and settings.record_age_max_s is None
        self._blocked_after = timedelta(seconds=blocked_after_s) if endless else None
        self._store = MemoryStore(b"afterbay.testing")
        times = [raw.created_s for _, raw in source.recorded.order]
        self.began = datetime.fromtimestamp((min if paced else max)(times, default=0.0), UTC)
        self.now = self.began
        self._progress = self.began
        self._due: list[tuple[datetime, int, Callable[[], Event | None]]] = []
        self._planned = 0
        self._wake = 0

    def run(self) -> None:
        """Until everything is done, or nothing moves any more. Raises ``RecordError`` at a record that was recorded as
        unreadable: a mapping stands there."""
        self._tell(Created(self._enabled))
        while self._due and not self.mapping.source_over and not self._is_blocked:
            when, _, act = heapq.heappop(self._due)
            self.now = max(self.now, when)
            event = act()
            if event is not None:
                self._tell(event)

    @property
    def _is_blocked(self) -> bool:
        return self._blocked_after is not None and self.now - self._progress > self._blocked_after

    def _tell(self, event: Event) -> None:
        for command in self.mapping.handle(event, self.now):
            self._perform(command)

    def _plan(self, act: Callable[[], Event | None], *, delay_s: float = 0.0, when: datetime | None = None) -> None:
        self._planned += 1
        heapq.heappush(self._due, (when or self.now + timedelta(seconds=delay_s), self._planned, act))

    def _perform(self, command: Command) -> None:
        match command:
            case ReadShard(delay_s=delay_s):
                self._plan(lambda: self._read(command), delay_s=delay_s)
            case ListShards(delay_s=delay_s):
                self._plan(lambda: self._list(command), delay_s=delay_s)
            case Rest(shard=shard, lane=lane, run=run, request_id=request_id, delay_s=delay_s):
                self._plan(lambda: Rested(shard, lane, run, request_id), delay_s=delay_s)
            case Deliver():
                self._plan(lambda: self._deliver(command))
            case StoreLetter():
                self._plan(lambda: self._store_letter(command))
            case SavePositions():
                self._plan(lambda: self._save(command))
            case LoadPositions():
                self._plan(lambda: PositionsLoaded(self._store.load(UUID)))
            case WakeAt(when=when):
                self._wake_at(when)
            case ForgetPositions():
                self._plan(PositionsForgotten)
            case ReleaseShard() | Tell():
                return
            case _:
                assert_never(command)

    def _wake_at(self, when: datetime | None) -> None:
        self._wake += 1
        number = self._wake
        if when is not None:
            self._plan(lambda: Woke() if number == self._wake else None, when=max(when, self.now))

    def _list(self, command: ListShards) -> Event:
        told = self._source.listing(pin_latest=command.pin_latest, children_of=command.children_of)
        return ShardsListed(told.shards, told.complete, command.children_of, told.stream_disabled, told.tips)

    def _read(self, command: ReadShard) -> Event | None:
        page = self._source.page(command.shard, command.start, limit=command.limit)
        records, end = page.records, page.end
        if self._paced:
            there = tuple(one for one in records if one.created_s <= self.now.timestamp())
            if records and not there:
                self._plan(lambda: self._read(command), when=datetime.fromtimestamp(records[0].created_s, UTC))
                return None
            records, end = there, end and len(there) == len(records)
        if records:
            self._progress = self.now
        return RecordsRead(command.shard, command.run, records, end)

    def _save(self, command: SavePositions) -> Event:
        self._store.save(UUID, command.shards, command.forget)
        return PositionsSaved()

    def _store_letter(self, command: StoreLetter) -> Event:
        if self._store.store_letter(command.letter, outbox_max=LETTERS_MAX):
            self.letters.append(VirtualLetter(command.letter, command.lane, self.now))
        self._progress = self.now
        return LetterStored(command.shard, command.lane, command.letter.request_id)

    def _deliver(self, command: Deliver) -> Event:
        batch, attempt = command.batch, command.batch.attempts + 1
        heard = _Heard(self._function)
        outcome = _at_once(FunctionDeliverer(heard).records(batch, self._settings, command.window))
        self.calls.append(VirtualCall(command.shard, batch, attempt, self.now, heard.payload, heard.answer, outcome))
        for record in _done(batch, outcome):
            self.done.setdefault((command.shard, record.position), record)
            self._progress = self.now
        return Invoked(command.shard, command.lane, batch.request_id, outcome)


class _Heard:
    """``ports.Function`` that calls the handler there and then, and keeps what went in and out."""

    def __init__(self, function: LocalFunction) -> None:
        self._function = function
        self.payload = b""
        self.answer = Answer(b"")

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        self.payload = payload
        self.answer = self._function.call(payload, request_id)
        return self.answer


def _done(batch: Batch, outcome: Outcome) -> tuple[RawRecord, ...]:
    match outcome:
        case Delivered():
            return batch.records
        case FailedFrom(position=position):
            return tuple(one for one in batch.records if one.position < position)
        case _:
            return ()


def _at_once(work: Coroutine[object, None, _T]) -> _T:
    """The result of a coroutine that has nothing to wait for: no event loop is needed, and the caller may have one."""
    try:
        work.send(None)
    except StopIteration as over:
        return cast("_T", over.value)
    raise AssertionError("a handler in this process is not waited for")
