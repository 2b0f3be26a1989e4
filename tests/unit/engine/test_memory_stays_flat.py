"""A million records through the engine in this process: what it holds does not grow with history (DESIGN section 4)."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from afterbay.core.change.page import split_page
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardEnd, ShardId, StartAt
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.ports import Answer, Page, ShardListing
from afterbay.stores.memory import MemoryStore
from afterbay.stores.sqlite import SqliteStore
from unit.core.mapping.driving import settings
from unit.engine.rig import QUEUE

sys.path.insert(0, str(Path(__file__).parents[3]))  # benchmarks are no package of the product

from benchmarks.pages import PAGE_RECORDS, STREAM_ARN, make_pages

RECORDS = 1_000_000
WARM_RECORDS = 200_000
"""By then every buffer, cache and ring has been full once."""

GROWTH_MAX_MB = 12.0
"""Fifteen bytes a record would be more."""

FAILING = 50
"""Every so many batches fail, and leave by a dead letter."""

SHIPPED = '{"dynamodb":{"NewImage":{"status":{"S":["SHIPPED"]}}}}'
SHARD = ShardId("shardId-00000001790000000000-00000000")


def resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Endless:
    """A stream, a function and a destination: pages until there are ``records``; sizes are taken on the way."""

    orders_parents = False

    def __init__(self, records: int) -> None:
        (self._page,) = make_pages(1)
        self._pages = -(-records // PAGE_RECORDS)
        self._number = 0
        self._calls = 0
        self.read_records = 0
        self.delivered = 0
        self.letters = 0
        self.resident_mb: list[float] = []

    async def list_shards(self, *, pin_latest: bool, children_of: ShardId | None = None) -> ShardListing:
        shards = () if children_of is not None else (ShardDescription(SHARD, (), closed=True),)
        return ShardListing(shards, complete=children_of is None)

    async def read(self, shard: ShardId, start: StartAt, *, limit: int, pause_s: float) -> Page:
        """The same page again and again, its numbers moved up: 900 of them lie below the eighth digit."""
        self._number += 1
        moved = self._page.replace(b'"SequenceNumber":"100000000', b'"SequenceNumber":"1%08d' % self._number)
        records, _ = split_page(moved, STREAM_ARN)
        self.read_records += len(records)
        if self.read_records >= WARM_RECORDS and self._number % 20 == 0:
            self.resident_mb.append(resident_mb())
        return Page(tuple(records), end=self._number == self._pages)

    def forget(self, shard: ShardId) -> None: ...

    async def close(self) -> None: ...

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        self._calls += 1
        if self._calls % FAILING == 0:
            return Answer(b'{"errorMessage":"no"}', "Unhandled")
        self.delivered += payload.count(b'"eventID"')
        return Answer(b'{"batchItemFailures":[]}')

    async def send(self, letter: Letter, *, now: object) -> None:
        self.letters += letter.count


async def unsent(region: str, namespace: str, data: list[dict[str, object]]) -> None:
    """A metrics service that takes everything."""


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_million_records_leave_nothing_behind_in_memory(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # pytest keeps every record of the log
    stores: dict[str, Callable[[], MemoryStore | SqliteStore]] = {
        "memory": lambda: MemoryStore(b"seed" * 8, journal_bytes_max=4 * 1024 * 1024),
        "sqlite": lambda: SqliteStore(tmp_path / "state"),
    }
    store, world, clock = stores[kind](), Endless(RECORDS), Clock()
    journal = Journal(store, keys_in_clear=kind == "memory")
    journal.start()
    wanted = settings(
        parallelization_factor=4,
        batch_size=100,
        report_batch_item_failures=True,
        retry_attempts_max=0,
        on_failure=QUEUE,
        event_count=True,
        filters=(SHIPPED,),
    )
    metrics = CloudWatch(unsent, "orders", settings_of=lambda _: wanted, send_every_s=1.0)
    metrics.start()
    threads = ThreadPoolExecutor(2)
    meter = Meter(metrics, journal)
    outbox = Outbox(store, lambda _: world, clock, threads, meter=meter)
    connections = Connections(source=lambda _: world, function=lambda _: world)
    supervisor = Supervisor(connections, store, outbox, clock, jitter=lambda s: s, meter=meter, threads=threads)
    async with supervisor:
        await supervisor.create("m", wanted, enabled=True)
        while not ended(store.load("m")):
            await asyncio.sleep(0.05)  # polls a state that has no event of its own
    await metrics.close()
    await journal.close()
    held = len(store.journal_holding(b""))
    store.close()

    assert world.read_records >= RECORDS
    assert world.delivered + world.letters == world.read_records // 2
    assert world.letters > 0 and held > 0
    first, *later = world.resident_mb
    assert len(later) > 30
    assert max(later) - first <= GROWTH_MAX_MB, f"{first:.1f} MB after {WARM_RECORDS} records, then {later}"


def ended(rows: tuple[SavedShard, ...]) -> bool:
    return any(row.shard == SHARD and isinstance(row.at, ShardEnd) for row in rows)
