"""A sink held against the table of a history, and mended from it."""

from __future__ import annotations

import asyncio
from contextlib import closing

from afterbay.backfill.both import BothSides
from afterbay.backfill.compare import Promise
from afterbay.backfill.holdings import holdings_of
from afterbay.backfill.items import TableShape
from afterbay.backfill.notebook import Notebook
from afterbay.backfill.verify import Verification, VerifyOptions
from contract.histories import History, history


class HistoryTable:
    """What a history's table holds, read as ``backfill.items`` reads one."""

    def __init__(self, made: History) -> None:
        self.table = TableShape("orders", {"pk": "S", "sk": "S"}, 0, None, None)
        self._items = made.items

    async def scan(self, segment: int = 0, segments: int = 1):
        yield list(self._items.values())

    async def get(self, keys: list[dict]) -> list[dict | None]:
        return [self._items.get((one["pk"]["S"], one["sk"]["S"])) for one in keys]


def what_is_behind_is_found_and_mended(sink, seed: int) -> None:
    """The sink has the first half of a history, the table all of it: every key that differs is told, and mended."""
    made = history(seed, mirrored=True)
    half = len(made.changes) // 2
    assert not any(verdict.failed for verdict in sink.apply(made.changes[:half]))
    before, expected = {one.key: one.item for one in sink.read_live()}, made.expected()
    keys = frozenset({"pk", "sk"})

    async def run():
        both = BothSides(HistoryTable(made), holdings_of(sink), Promise(keys), now_s=lambda: 1_767_700_000.0)
        with closing(both.holdings), closing(Notebook()) as notebook:
            verification = Verification(both, VerifyOptions(wait_s=0), newest=None)
            report = await verification.run(notebook)
            return report, await verification.repair(notebook, both.holdings)

    report, repaired = asyncio.run(run())
    differ = {key for key in before.keys() | expected.keys() if before.get(key) != expected.get(key)}
    assert {one.key for one in report.samples} == differ and report.damaged == len(differ) > 0
    assert (repaired.repaired, repaired.remaining) == (len(differ), 0)
    assert {one.key: one.item for one in sink.read_live()} == expected
    assert not any(verdict.failed for verdict in sink.apply(made.changes[half:]))
    assert {one.key: one.item for one in sink.read_live()} == expected
