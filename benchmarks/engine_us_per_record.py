"""``engine_us_per_record``: page bytes in, invocation payload bytes out, nothing but our own code between.

F = 4, batch 100, two images; CPU time of this thread, so that another process's work does not count. A function that
answers at once stands where the invocation would be: reading its answer is timed apart, it is not part of the figure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import thread_time_ns

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import payload, split_page
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Command, Deliver, ListShards, LoadPositions, ReadShard, SavePositions
from afterbay.core.mapping.events import (
    Created,
    Event,
    Invoked,
    PositionsLoaded,
    PositionsSaved,
    RecordsRead,
    ShardsListed,
)
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.outcome import Delivered
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import Position, ShardId
from benchmarks.harness import Benchmark, Better, Budget, Result, median
from benchmarks.pages import PAGE_RECORDS, STREAM_ARN, make_pages

__all__ = ["BENCHMARK", "Spent", "drive"]

PAGES = 22
ROUNDS = 5
BUDGET_US = 8.0
NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
SHARD = ShardId("shardId-00000001790000000000-00000000")
SETTINGS = MappingSettings(
    event_source_arn=STREAM_ARN,
    function_arn="arn:aws:lambda:eu-west-1:000000000000:function:orders",
    starting_position=StartingPosition.TRIM_HORIZON,
    batch_size=100,
    parallelization_factor=4,
    report_batch_item_failures=True,
)


@dataclass(slots=True)
class Spent:
    """CPU nanoseconds per stage, and what passed through. ``payload_bytes`` is the sum over all payloads."""

    split_ns: int = 0
    machine_ns: int = 0
    join_ns: int = 0
    answer_ns: int = 0
    records: int = 0
    payload_bytes: int = 0

    def per_record(self, stage_ns: int) -> float:
        return stage_ns / self.records


def drive(pages: Sequence[bytes]) -> Spent:
    """Run a mapping over ``pages`` until every record of them is delivered."""
    spent = Spent()
    mapping = Mapping("00000000-0000-4000-8000-000000000000", SETTINGS, b"seed")
    unread = deque(pages)
    waiting: deque[Event] = deque([Created(enabled=True)])
    while waiting:
        event = waiting.popleft()
        began = thread_time_ns()
        commands = mapping.handle(event, NOW)
        spent.machine_ns += thread_time_ns() - began
        for command in commands:
            answer = _performed(command, unread, spent)
            if answer is not None:
                waiting.append(answer)
    return spent


def _performed(command: Command, unread: deque[bytes], spent: Spent) -> Event | None:
    match command:
        case ReadShard(shard=shard, run=run):
            return RecordsRead(shard, run, _read(unread.popleft(), spent)) if unread else None
        case Deliver(shard=shard, lane=lane, batch=batch):
            _deliver(batch, spent)
            return Invoked(shard, lane, batch.request_id, Delivered())
        case SavePositions():
            return PositionsSaved()
        case LoadPositions():
            return PositionsLoaded(())
        case ListShards():
            return ShardsListed((ShardDescription(SHARD, (), closed=False),))
        case _:
            return None


def _read(page: bytes, spent: Spent) -> tuple[RawRecord, ...]:
    began = thread_time_ns()
    records, _ = split_page(page, STREAM_ARN)
    kept = tuple(records)
    spent.split_ns += thread_time_ns() - began
    return kept


def _deliver(batch: Batch, spent: Spent) -> None:
    began = thread_time_ns()
    made = payload(batch.records)
    joined = thread_time_ns()
    read_answer(
        b'{"batchItemFailures":[]}',
        function_error=None,
        executed_version="$LATEST",
        positions={str(record.position): Position(record.position) for record in batch.records},
        partial=True,
    )
    spent.answer_ns += thread_time_ns() - joined
    spent.join_ns += joined - began
    spent.records += len(batch.records)
    spent.payload_bytes += len(made)


def _run() -> list[Result]:
    pages = make_pages(PAGES)
    rounds = [drive(pages) for _ in range(ROUNDS)]
    assert all(one.records == PAGES * PAGE_RECORDS for one in rounds), "every record is delivered once"
    total = median(one.per_record(one.split_ns + one.machine_ns + one.join_ns) for one in rounds)
    record_bytes = rounds[0].payload_bytes / rounds[0].records
    stages = {
        "engine_split_ns": [one.per_record(one.split_ns) for one in rounds],
        "engine_machine_ns": [one.per_record(one.machine_ns) for one in rounds],
        "engine_join_ns": [one.per_record(one.join_ns) for one in rounds],
        "engine_answer_ns": [one.per_record(one.answer_ns) for one in rounds],
    }
    main = Result(
        "engine_us_per_record",
        total / 1000,
        "us CPU",
        Better.LOWER,
        budget=Budget(BUDGET_US),
        note=f"{record_bytes:.0f} bytes a record. No filter, no journal and no metrics yet: they are not built, and "
        "every record passes. split + machine + join; answer (a function's answer read) comes on top.",
    )
    return [
        main,
        *(Result(name, median(values), "ns CPU", Better.LOWER) for name, values in stages.items()),
    ]


BENCHMARK = Benchmark(
    ("engine_us_per_record", "engine_split_ns", "engine_machine_ns", "engine_join_ns", "engine_answer_ns"), _run
)
