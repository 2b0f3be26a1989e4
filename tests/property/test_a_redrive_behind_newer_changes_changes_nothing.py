"""Whatever letters say, and wherever a redrive dies on its way, a guarded sink ends as the table (E5, E16, E17)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.change.record import ChangeRecord
from afterbay.redrive.apply import apply
from afterbay.redrive.owner import Owner
from afterbay.redrive.planning import Asked
from afterbay.sinks.memory import MemorySink
from unit.redrive.world import FUNCTION, Reach, Run, Sqs, Stream, document, record

INTO = Asked(into="memory:redriven")


class Killed(Exception):
    pass


@dataclass
class Case:
    """``values`` of one key after another (None: its removal); ``letters`` are closed ranges of them."""

    keys: list[str]
    values: list[str | None]
    letters: list[tuple[int, int]]
    deaths: list[int]
    batch_size: int

    def stream(self) -> Stream:
        return Stream(
            record(n, key, value) for n, (key, value) in enumerate(zip(self.keys, self.values, strict=True), start=1)
        )

    def queue(self) -> Sqs:
        sqs = Sqs(page=3)
        for first, last in self.letters:
            sqs.send(document(first, last, count=last - first + 1))
        return sqs


@st.composite
def cases(draw) -> Case:
    length = draw(st.integers(1, 12))
    keys = draw(st.lists(st.sampled_from("abc"), min_size=length, max_size=length))
    values = [
        None if one == "gone" else one
        for one in draw(st.lists(st.sampled_from(("1", "2", "gone")), min_size=length, max_size=length))
    ]
    ranges = st.tuples(st.integers(1, length), st.integers(1, length)).map(sorted).map(tuple)
    letters = draw(st.lists(ranges, min_size=1, max_size=6))
    return Case(keys, values, letters, draw(st.lists(st.integers(0, 25), max_size=4)), draw(st.integers(1, 4)))


def redrive(case: Case, sink: MemorySink, stream: Stream, sqs: Sqs) -> None:
    """Plan, apply until it dies as often as the case says, and then to the end."""

    async def whole() -> None:
        reach = Reach(sqs, stream, sink=sink)
        plan = await reach.plan(INTO, Owner(function=FUNCTION, batch_size=case.batch_size))
        for death in (*case.deaths, None):
            run = Run(Reach(sqs, stream, sink=sink), sqs)
            steps = iter(range(1_000))

            async def perform(step, run=run, steps=steps, death=death):
                answer = await run.performer(step)
                if next(steps) == death:
                    raise Killed
                return answer

            try:
                await apply(plan, perform)
            except Killed:
                continue
        assert all(one.value in ("done", "already done") for one in (told.state for told in run.results))

    asyncio.run(whole())


def apply_all(sink: MemorySink, changes: list[ChangeRecord]) -> None:
    assert not any(told.failed for told in sink.apply(changes))


def changes_of(stream: Stream) -> list[ChangeRecord]:
    return [ChangeRecord(one.body) for one in stream.records]


@settings(max_examples=60)
@given(cases())
def test_what_is_there_already_stays(case: Case):
    stream, sqs, sink = case.stream(), case.queue(), MemorySink()
    apply_all(sink, changes_of(stream))
    before = sink.rows()
    redrive(case, sink, stream, sqs)
    assert sink.rows() == before and sqs.messages == []


@settings(max_examples=60)
@given(cases())
def test_what_was_discarded_arrives_and_nothing_newer_is_undone(case: Case):
    stream, sqs, sink = case.stream(), case.queue(), MemorySink()
    apply_all(expected := MemorySink(), changes_of(stream))
    discarded = {n for first, last in case.letters for n in range(first, last + 1)}
    apply_all(sink, [one for n, one in enumerate(changes_of(stream), start=1) if n not in discarded])
    redrive(case, sink, stream, sqs)
    assert sink.rows() == expected.rows() and sqs.messages == []
