"""Case s14: a first load in pages beside live changes, killed in mid-page and begun again (E12, E13, E15)."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import closing
from pathlib import Path

import pytest

from afterbay.backfill.budget import Budget, Weights
from afterbay.backfill.compare import Kind as DamageKind
from afterbay.backfill.identity import Identity
from afterbay.backfill.images import Image, Images
from afterbay.backfill.into_sink import SinkDestination
from afterbay.backfill.load import Load
from afterbay.backfill.notebook import Notebook
from afterbay.backfill.plan import segments
from afterbay.backfill.scan import TableScan
from afterbay.backfill.state import LoadState
from afterbay.backfill.verify import Verification, VerifyOptions
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind, Verdict
from afterbay.sinks.memory import MemorySink
from cases.driven import case
from scanned import STREAM, PassingTime, ScannedTable
from unit.backfill import sides

CASE = case("s14-backfill-meets-live-changes")
PK = CASE["table"]["key"][0]["name"]
PAGES = {step["scan_page"]: step["reads"] for step in CASE["steps"] if "scan_page" in step}
RIGHT = {
    "after-page-1": {"K1": 2, "K5": 1},
    "end": {"K1": 2, "K3": 1, "K4": 3, "K5": 1},
}
"""The case's right outcomes, in its own words: keys that are not here are absent."""
NOW_S = 1767607872.0


class Killed(Exception):
    """The engine is gone."""


class World:
    """The table and its stream, the sink, and an engine that can be killed: a live consumer and a load."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = ScannedTable(cuts=(len(PAGES[number]) for number in sorted(PAGES)), time=PassingTime())
        for key, item in CASE["table_at_start"].items():
            self.table.put(key, v={"N": str(item["v"])})
        self.sink = MemorySink()
        for key, item in CASE["sink_start_state"].items():
            self.apply(self.record(key, "put", item["v"]))
        self.stream: list[dict] = []
        self.delivered = 0
        self.held: asyncio.Queue[list[Image]] = asyncio.Queue()
        self.released: asyncio.Queue[int | None] = asyncio.Queue()
        self.pages: list[list[str]] = []
        self.verdicts: dict[str, Verdict] = {}

    numbers = itertools.count(10**20)

    def record(self, key: str, op: str, v: int | None = None) -> dict:
        item = {PK: {"S": key}, "v": {"N": str(v)}}
        number = str(next(self.numbers))
        change = {"ApproximateCreationDateTime": NOW_S, "Keys": {PK: {"S": key}}, "SequenceNumber": number}
        change |= {"StreamViewType": CASE["table"]["view"], "NewImage" if op == "put" else "OldImage": item}
        return {"eventName": "INSERT" if op == "put" else "REMOVE", "eventSourceARN": STREAM, "dynamodb": change}

    def apply(self, record: dict) -> None:
        (verdict,) = self.sink.apply([ChangeRecord(record)])
        assert verdict.kind is Kind.APPLIED

    def write(self, key: str, op: str, v: int | None) -> None:
        if op == "put":
            self.table.put(key, v={"N": str(v)})
        else:
            del self.table.items[key]
        self.stream.append(self.record(key, op, v))

    def live(self) -> list[str]:
        """The stream's consumer catches up; what it delivered, in the case's words."""
        told = []
        for record in self.stream[self.delivered :]:
            self.apply(record)
            change = ChangeRecord(record)
            told.append(f"{change.keys[PK]} removed" if change.new is None else f"{change.keys[PK]} v{change.new['v']}")
        self.delivered = len(self.stream)
        return told

    def shown(self) -> dict[str, int]:
        items = [row.item for row in self.sink.rows().values() if row.item is not None]
        assert all(item.keys() == {PK, "v"} for item in items), "backfilled and live items have one shape"
        return {str(item[PK]): item["v"] for item in items}

    # the load's destination: pages are held until the case releases them

    async def write_page(self, images: list[Image]) -> list[Verdict]:
        assert all(ChangeRecord(one.record).is_backfill for one in images), "a handler can tell them apart"
        self.pages.append([one.keys[PK]["S"] for one in images])
        await self.held.put(images)
        written = await self.released.get()
        told = await SinkDestination(self.sink).write(images[:written])
        self.verdicts.update(zip(self.pages[-1], told, strict=False))
        if written is not None:
            raise Killed
        return told

    def load(self, state: LoadState) -> Load:
        identity = Identity("arn", "2026", "the table", "memory:items", "digest")
        parts = state.parts(identity) or segments(1)
        if not state.parts(identity):
            state.begin(identity, parts)

        class Held:
            write = staticmethod(self.write_page)

            async def close(self) -> None: ...

        scan = TableScan(self.table, CASE["table"]["name"], len(parts), Budget(), Weights(), self.table.time)
        images = Images(STREAM, (PK,), NOW_S)
        return Load(scan, Held(), parts, images, store=state, time=self.table.time, read_s=lambda: NOW_S)


async def play(world: World) -> list[str]:
    """The steps of the case, in order; the checks that were made."""
    checked: list[str] = []
    state = LoadState(world.folder / "state")
    running = asyncio.ensure_future(world.load(state).run())
    for step in CASE["steps"]:
        match step:
            case {"live": _}:
                assert world.live() == []
            case {"scan_page": number, "reads": reads, "held_before_writing": True}:
                await world.held.get()
                assert world.pages[-1] == reads == PAGES[number]
            case {"write": key, "op": op, **more}:
                world.write(key, op, more.get("v"))
            case {"live_delivers": told}:
                assert world.live() == told
            case {"release_page": _}:
                world.released.put_nowait(None)
                await asyncio.sleep(0)
                while len(world.pages) == 1:  # the page is written, checkpointed, and the next one read
                    await asyncio.sleep(0)
            case {"kill_engine": when}:
                written = PAGES[2].index(when.split()[1]) + 1
                world.released.put_nowait(written)
                with pytest.raises(BaseExceptionGroup):
                    await running
                state.close()
            case {"start_engine": True}:
                state = LoadState(world.folder / "state")
                world.table.cuts = None
                running = asyncio.ensure_future(world.load(state).run())
                world.live()
                await world.held.get()
                world.released.put_nowait(None)
                await running
            case {"check": name}:
                shown = world.shown()
                extra = {key: item["v"] for key, item in CASE["sink_start_state"].items()}
                assert shown == RIGHT[name] | extra, "what is in the sink alone is not the load's to delete"
                checked.append(name)
            case _:
                raise AssertionError(f"an unknown step: {step}")
    state.close()
    return checked


async def test_the_load_ends_as_the_table_with_nothing_overwritten_and_nothing_redone(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert await play(world) == list(RIGHT)
    assert world.verdicts["K1"].kind is world.verdicts["K2"].kind is Kind.STALE, "the page's K1 v1 and K2 v1"
    assert world.pages == [PAGES[1], PAGES[2], PAGES[2]], "only the page in flight is read again"
    assert [one.get("ExclusiveStartKey") for one in world.table.requests] == [
        None,
        {PK: {"S": "K2"}},
        {PK: {"S": "K2"}},
    ]


async def test_it_can_be_run_again_at_any_time_without_harm(tmp_path: Path) -> None:
    world = World(tmp_path)
    await play(world)
    before = world.sink.rows()
    state = LoadState(tmp_path / "another")
    load = world.load(state)
    world.released.put_nowait(None)
    await load.run()
    state.close()
    assert (load.counts.written, load.counts.refused) == (0, len(world.table.items))
    assert world.sink.rows() == before


async def test_what_only_the_sink_has_is_told_as_extra_and_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path)
    await play(world)
    both = sides.both_sides(sides.FakeTable(world.table.items), world.sink)
    with closing(both.holdings), closing(Notebook()) as notebook:
        report = await Verification(both, VerifyOptions(wait_s=0), newest=None).run(notebook)
    assert [(one.finding.kind, one.key) for one in report.samples] == [(DamageKind.EXTRA, sides.key("K9"))]
    assert report.damaged == 1
    assert "K9" in world.shown()
