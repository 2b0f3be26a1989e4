"""A mapping driven over pages without a network, each stage's CPU time taken: what ``engine_us_per_record`` measures.

Whatever the engine does for a record on its way is here, in this thread: page split, machine, payload join, metrics and
journal. A function that answers at once stands where the invocation would be. The journal goes into an SQLite file, as
in ``afterbay run``; the thread that writes it takes its own time, and that counts too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time_ns

from afterbay.core.change.page import split_page
from afterbay.core.change.wire import payload
from afterbay.core.mapping.commands import Command, Deliver, ReadShard
from afterbay.core.mapping.events import (
    Created,
    Event,
    RecordsRead,
)
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.outcome import Delivered, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.shard.position import Position
from afterbay.engine.cloudwatch import CloudWatch
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Attempt, Handled
from afterbay.ports import JournalRow
from afterbay.stores.sqlite import SqliteStore
from benchmarks.answered import answered
from benchmarks.pages import STREAM_ARN

__all__ = ["FILTER", "Spent", "TimedStore", "drive", "settings"]

NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
UUID = "00000000-0000-4000-8000-000000000000"

FILTER = '{"dynamodb":{"NewImage":{"status":{"S":["SHIPPED"]}}}}'
"""On an image, as a filter usually is; half of the records pass where ``pages.make_pages`` was told so."""

PAGES_PER_WRITE = 20
"""Twenty pages a second of a shard would be a fast one: the journal is written about as often as in real time."""


def settings(*filters: str) -> MappingSettings:
    return MappingSettings(
        event_source_arn=STREAM_ARN,
        function_arn="arn:aws:lambda:eu-west-1:000000000000:function:orders",
        starting_position=StartingPosition.TRIM_HORIZON,
        batch_size=100,
        parallelization_factor=4,
        report_batch_item_failures=True,
        filters=filters,
    )


@dataclass(slots=True)
class Spent:
    """CPU nanoseconds per stage, and what passed through. ``payload_bytes`` is the sum over all payloads."""

    split_ns: int = 0
    machine_ns: int = 0
    payload_ns: int = 0
    metrics_ns: int = 0
    journal_ns: int = 0
    answer_ns: int = 0
    records: int = 0
    delivered: int = 0
    payload_bytes: int = 0

    @property
    def total_ns(self) -> int:
        """All that the engine does for a record; reading a function's answer belongs to the function's side."""
        return self.split_ns + self.machine_ns + self.payload_ns + self.metrics_ns + self.journal_ns

    def per_record(self, stage_ns: int) -> float:
        return stage_ns / self.records


class TimedStore(SqliteStore):
    """Notes what the journal's thread spends in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._lock_spent = threading.Lock()
        self.journal_ns = 0

    def append_journal(self, rows: Sequence[JournalRow]) -> None:
        began = thread_time_ns()
        super().append_journal(rows)
        with self._lock_spent:
            self.journal_ns += thread_time_ns() - began


async def _unsent(region: str, namespace: str, data: list[dict[str, object]]) -> None:
    """A metrics service that takes everything."""


class Drive:
    """One mapping and its listeners over ``pages``; ``on_page`` is told after each page that was read."""

    def __init__(
        self, pages: Iterable[bytes], wanted: MappingSettings, store: TimedStore, on_page: Callable[[int], None]
    ) -> None:
        self.spent = Spent()
        self._settings = wanted
        self._mapping = Mapping(UUID, wanted, store.seed())
        self._pages = iter(pages)
        self._on_page = on_page
        self._count = 0
        self._store = store
        self._metrics = CloudWatch(_unsent, "orders", settings_of=lambda _: wanted)
        self._journal = Journal(store)

    async def run(self) -> Spent:
        """Until every record is delivered or filtered, and all that was heard is written."""
        waiting: deque[Event] = deque([Created(enabled=True)])
        written = 0
        while waiting:
            for command in self._handle(waiting.popleft()):
                answer = answered(command, self._read, self._deliver)
                if answer is not None:
                    waiting.append(answer)
            if self._count - written >= PAGES_PER_WRITE:
                written = self._count
                await self._write()
        await self._write()
        await self._journal.close()
        return self.spent

    async def _write(self) -> None:
        began, before = thread_time_ns(), self._store.journal_ns
        await self._journal.write()
        self.spent.journal_ns += thread_time_ns() - began + self._store.journal_ns - before
        began = thread_time_ns()
        await self._metrics.send()
        self.spent.metrics_ns += thread_time_ns() - began

    def _handle(self, event: Event) -> tuple[Command, ...]:
        filtered_out = self._mapping.counters.filtered_out
        began = thread_time_ns()
        commands = self._mapping.handle(event, NOW)
        self.spent.machine_ns += thread_time_ns() - began
        polled = len(event.records) if isinstance(event, RecordsRead) else None
        filtered_out = self._mapping.counters.filtered_out - filtered_out
        handled = Handled(UUID, self._settings, NOW, event, commands, polled, filtered_out, 0)
        self.spent.metrics_ns += _timed(lambda: self._metrics.handled(handled))
        self.spent.journal_ns += _timed(lambda: self._journal.handled(handled))
        return commands

    def _read(self, command: ReadShard) -> RecordsRead | None:
        page = next(self._pages, None)
        if page is None:
            return None
        began = thread_time_ns()
        records, _ = split_page(page, STREAM_ARN)
        read = RecordsRead(command.shard, command.run, tuple(records))
        self.spent.split_ns += thread_time_ns() - began
        self.spent.records += len(read.records)
        self._count += 1
        self._on_page(self._count)
        return read

    def _deliver(self, command: Deliver) -> Outcome:
        batch, spent = command.batch, self.spent
        began = thread_time_ns()
        made = payload(batch.records)
        joined = thread_time_ns()
        outcome = read_answer(
            b'{"batchItemFailures":[]}',
            function_error=None,
            executed_version="$LATEST",
            positions={str(record.position): Position(record.position) for record in batch.records},
            partial=True,
        )
        read = thread_time_ns()
        self._metrics.attempt(Attempt(UUID, self._settings, batch, NOW, NOW, outcome))
        spent.metrics_ns += thread_time_ns() - read
        spent.answer_ns += read - joined
        spent.payload_ns += joined - began
        spent.delivered += len(batch.records)
        spent.payload_bytes += len(made)
        return Delivered()


def _timed(call: Callable[[], None]) -> int:
    began = thread_time_ns()
    call()
    return thread_time_ns() - began


async def drive(
    pages: Iterable[bytes],
    wanted: MappingSettings,
    store: TimedStore,
    *,
    on_page: Callable[[int], None] = lambda number: None,
) -> Spent:
    """Run a mapping over ``pages`` until every record of them is delivered, or left out by its filters."""
    return await Drive(pages, wanted, store, on_page).run()
