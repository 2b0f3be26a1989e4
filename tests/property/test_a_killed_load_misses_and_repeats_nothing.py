"""A load beside live changes, killed between any two of its steps and begun again, ends with the table's own state.

Each item is written once or refused; of what was done only the page in flight of each segment is read again (E13, E15).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from afterbay.backfill.budget import Budget, Weights
from afterbay.backfill.images import Image, Images
from afterbay.backfill.into_sink import SinkDestination
from afterbay.backfill.load import Load
from afterbay.backfill.plan import Part, segments
from afterbay.backfill.scan import TableScan
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import APPLIED
from afterbay.sinks.memory import MemorySink
from scanned import STREAM, PassingTime, ScannedTable

KEYS = [f"k{number:02d}" for number in range(12)]


class Killed(Exception):
    """The process is gone."""


class World:
    """A table, a stream that delivers its changes at once or later, a sink, and a load that dies after some steps."""

    def __init__(self, start: list[str], total: int, cuts: list[int], kills: list[int], changes: list) -> None:
        self.time = PassingTime()
        self.table = ScannedTable(cuts=itertools.cycle(cuts), time=self.time)
        for key in start:
            self.table.put(key, v={"N": "0"})
        self.kills = list(kills)
        self.changes = list(changes)
        self.undelivered: list[dict] = []
        self.numbers = itertools.count(10**20)
        self.sink = MemorySink()
        self.written: Counter[str] = Counter()
        self.parts = {one.number: one for one in segments(total)}
        self.steps_left: int | None = None
        self.pages_done = 0

    def step(self) -> None:
        """Before each step of the load: a change may happen, and the process may die."""
        if self.changes:
            key, kind, delivered = self.changes.pop(0)
            self.change(key, kind)
            if delivered:
                self.deliver()
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left < 0:
                raise Killed

    def change(self, key: str, kind: str) -> None:
        number = next(self.numbers)
        there = key in self.table.items
        if kind == "delete":
            if not there:
                return
            del self.table.items[key]
        else:
            self.table.put(key, v={"N": str(number)})
        event = "REMOVE" if kind == "delete" else "MODIFY" if there else "INSERT"
        change = {"ApproximateCreationDateTime": 1767607872, "Keys": {"pk": {"S": key}}, "SequenceNumber": str(number)}
        change["StreamViewType"] = "NEW_IMAGE"
        if kind != "delete":
            change["NewImage"] = self.table.items[key]
        self.undelivered.append({"eventName": event, "eventSourceARN": STREAM, "dynamodb": change})

    def deliver(self) -> None:
        self.sink.apply([ChangeRecord(one) for one in self.undelivered])
        self.undelivered.clear()

    # what the load meets

    async def call(self, operation: str, body: bytes) -> bytes:
        self.step()
        return await self.table.call(operation, body)

    async def write(self, images: list[Image]) -> list:
        self.step()
        halfway = len(images) // 2
        told = []
        for piece in (images[:halfway], images[halfway:]):
            written = await SinkDestination(self.sink).write(piece)
            self.written.update(
                one.keys["pk"]["S"] for one, verdict in zip(piece, written, strict=True) if verdict == APPLIED
            )
            told += written
            self.step()
        return told

    async def close(self) -> None: ...

    def save(self, part: Part) -> None:
        self.step()
        self.parts[part.number] = part
        self.pages_done += 1

    async def run(self) -> None:
        scan = TableScan(self, "items", len(self.parts), Budget(), Weights(), self.time)
        parts = tuple(self.parts.values())
        images = Images(STREAM, ("pk",), 1767607872.0)
        load = Load(scan, self, parts, images, store=self, time=self.time, read_s=lambda: 1767607872.0)
        await load.run()
        assert load.done

    async def live(self) -> None:
        for steps in self.kills:
            self.steps_left = steps
            with contextlib.suppress(BaseExceptionGroup):
                await self.run()
        self.steps_left = None
        await self.run()


@given(
    start=st.lists(st.sampled_from(KEYS), unique=True),
    total=st.integers(1, 3),
    cuts=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    kills=st.lists(st.integers(0, 12), max_size=6),
    changes=st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["put", "delete"]), st.booleans()), max_size=40),
)
def test_a_killed_load_misses_and_repeats_nothing(start, total, cuts, kills, changes) -> None:
    world = World(start, total, cuts, kills, changes)
    asyncio.run(world.live())
    world.deliver()
    held = {key: row.item for key, row in world.sink.rows().items() if row.item is not None}
    assert {item["pk"]: item["v"] for item in held.values()} == {
        key: int(item["v"]["N"]) for key, item in world.table.items.items()
    }
    assert all(count == 1 for count in world.written.values()), "written once, or refused"
    assert len(world.table.requests) <= world.pages_done + total * (len(kills) + 1), "only pages in flight again"
