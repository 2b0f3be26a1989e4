"""Any sequence of writes, splits, rolls and time, with a crash anywhere: the stream that its stored rows make is the
one that was stored, and what it issues nobody has seen."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.change.view import ViewType
from afterbay.emulator.record import Change
from afterbay.emulator.shard import FROM_HORIZON
from afterbay.emulator.stream import KeyElement, StreamLog
from afterbay.endpoint.state.state import State
from afterbay.endpoint.state.stream_rows import StreamRows
from afterbay.endpoint.streams import StreamRegistry

TABLE = "arn:aws:dynamodb:eu-west-1:000000000000:table/items"

PUT, SPLIT, ROLL, WAIT, SAVE, LOSE, OFF, ON = "put", "split", "roll", "wait", "save", "lose", "off", "on"
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just(PUT), st.integers(0, 9)),
        st.tuples(st.just(PUT), st.integers(0, 9)),
        st.tuples(st.sampled_from((SPLIT, ROLL)), st.integers(0, 9)),
        st.tuples(st.just(WAIT), st.sampled_from((1, 3600, 13 * 3600, 25 * 3600))),
        st.tuples(st.sampled_from((SAVE, LOSE, OFF, ON)), st.just(0)),
    ),
    max_size=40,
)


@dataclass
class Hands:
    """A clock that is set by hand."""

    time: datetime = datetime(2026, 1, 5, 10, 11, 12, 345678, UTC)

    def now(self) -> datetime:
        return self.time

    async def sleep_until(self, when: datetime) -> None:
        self.time = max(self.time, when)

    async def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class World:
    """A registry on a state that is opened anew at each crash, and what anybody was told."""

    path: Path
    clock: Hands = field(default_factory=Hands)
    seeds: int = 0
    told: dict[str, set[int]] = field(default_factory=dict)
    bodies: set[bytes] = field(default_factory=set)

    def draw(self) -> bytes:
        self.seeds += 1
        return self.seeds.to_bytes(4, "big")

    def open(self) -> None:
        self.state = State(self.path)
        self.state.start()
        rows = StreamRows(self.state)
        self.registry = StreamRegistry(self.clock, self.draw, store=rows)
        self.registry.restore(rows.restore(self.draw))
        rows.reserve(self.registry.listing())

    def seen(self) -> list[object]:
        """All that can be read."""
        found = [self.registry.get(log.arn.arn) for log in self.registry.listing()]
        return [(self.registry.latest(TABLE) is log, *shown(log)) for log in found]

    def enabled(self) -> StreamLog | None:
        """The table's stream as it is now, whatever has come due; None if it has none."""
        log = self.registry.enabled(TABLE)
        return None if log is None else self.registry.get(log.arn.arn)

    async def step(self, kind: str, value: int) -> None:
        registry, log = self.registry, self.enabled()
        if kind == ON and log is None:
            registry.enable(TABLE, view=ViewType.NEW_IMAGE, keys=[KeyElement("pk", "HASH")], roots=2)
        elif kind == OFF:
            registry.disable(TABLE)
        elif kind == WAIT:
            await self.clock.advance(value)
        elif kind == PUT and log is not None:
            item = {"pk": {"S": str(value)}, "n": {"N": str(value)}}
            registry.commit(TABLE, [Change(None, item)], self.clock.now())
            self.note(log)
        elif kind in (SPLIT, ROLL) and log is not None:
            open_shards = [one for one in log.shards() if not one.closed]
            shard = open_shards[value % len(open_shards)].shard_id
            (registry.split if kind == SPLIT else registry.roll)(log.arn.arn, shard)

    def note(self, log: StreamLog) -> None:
        """The newest record's number and bytes are new, whatever happened before."""
        told = self.told.setdefault(log.arn.arn, set())
        fresh = bodies(log) - self.bodies
        assert len(fresh) == 1, "one write, one record that was never there"
        (number,) = {int(msgspec.json.decode(body)["dynamodb"]["SequenceNumber"]) for body in fresh}
        assert number not in told
        self.bodies |= fresh
        told.add(number)


def bodies(log: StreamLog) -> set[bytes]:
    return {body for one in log.shards() for body in one.read(one.trimmed or FROM_HORIZON).records}


def shown(log: StreamLog) -> tuple[object, ...]:
    shards = []
    for one in log.shards():
        page = one.read(one.trimmed or FROM_HORIZON)
        shards.append((one.shard_id, one.parent, one.low, one.high, one.start, one.end_number, one.closed_s, one.last))
        shards.append((one.trimmed, tuple(page.records), page.end))
    return log.arn.arn, log.view, log.enabled, log.disabled_at, tuple(shards)


@settings(max_examples=60)
@given(STEPS)
def test_a_stream_of_rows_goes_on_where_it_stood(steps: list[tuple[str, int]]) -> None:
    async def run(world: World) -> None:
        world.open()
        await world.step(ON, 0)
        for kind, value in steps:
            if kind == SAVE:  # told, and then a crash
                await world.state.durable()
                before = world.seen()
                await world.state.durable()
                await world.state.close()
                world.open()
                assert world.seen() == before
            elif kind == LOSE:  # a crash before the last turn was stored
                await world.state.durable()
                before = world.seen()
                await world.state.durable()
                await world.step(PUT, 1)
                abandon(world.state)
                await world.state.close()
                world.open()
                assert world.seen() == before
                await world.step(PUT, 1)  # it looks whether number and event id are new
            else:
                await world.step(kind, value)
        await world.state.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(World(Path(folder) / "state")))


def abandon(state: State) -> None:
    """What was noted and not stored is gone, as in a crash."""
    vars(state)["_pending"].clear()
