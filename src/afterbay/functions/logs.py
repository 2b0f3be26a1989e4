"""A function's log lines on their way from its process to a log group."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from afterbay.errors import ServiceError

__all__ = ["LogEvent", "LogLine", "LogSink", "LogWriter", "PutLogEvents"]

LINES_PENDING_MAX = 20_000
"""Lines kept while the log service is slow or away: some minutes of an ordinary function, 5 MB at 256 bytes a line."""

EVENTS_PER_PUT_MAX = 1_000
"""Lines of one PutLogEvents call; AWS takes 10,000 events of 1 MB in all."""

BYTES_PER_PUT_MAX = 900_000
"""Below AWS's 1,048,576, which counts 26 bytes more per event."""

RETRY_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a function, with its line end. ``request_id`` is empty outside an invocation."""

    function: str
    region: str
    group: str
    stream: str
    request_id: str
    time: datetime
    text: str


LogEvent: TypeAlias = tuple[datetime, str]
LogSink: TypeAlias = Callable[[LogLine], None]
PutLogEvents: TypeAlias = Callable[[str, str, str, list[LogEvent]], Awaitable[None]]
"""``(region, group, stream, events)``: makes group and stream when they are not there. Raises ``ServiceError``."""


class LogWriter:
    """Collects lines and writes them in batches, oldest first; ``write`` never waits.

    When the service does not take them, they are tried again; beyond ``LINES_PENDING_MAX`` the oldest go, and the log
    itself says how many are missing.
    """

    def __init__(self, put: PutLogEvents) -> None:
        self._put = put
        self._lines: deque[LogLine] = deque()
        self._lost = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def write(self, line: LogLine) -> None:
        """Take one line; this is a ``LogSink``."""
        if len(self._lines) >= LINES_PENDING_MAX:
            self._lines.popleft()
            self._lost += 1
        self._lines.append(line)
        self._arrived.set()

    async def close(self) -> None:
        """Write what is left, trying each batch once more, and end."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            if not self._lines:
                if self._closing:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            left = await self._write_out(self._take())
            if left and self._closing:
                return
            if left:
                self._lines.extendleft(reversed(left))
                await asyncio.sleep(RETRY_PAUSE_S)

    def _take(self) -> list[LogLine]:
        """The oldest lines that one round writes, with the note of what was lost before them."""
        batch: list[LogLine] = []
        size_bytes = 0
        while self._lines and len(batch) < EVENTS_PER_PUT_MAX:
            size_bytes += 4 * len(self._lines[0].text)
            if batch and size_bytes > BYTES_PER_PUT_MAX:
                break
            batch.append(self._lines.popleft())
        if self._lost:
            first, lost, self._lost = batch[0], self._lost, 0
            note = (
                f"afterbay: {lost} log lines before this one were dropped: the log service did not take them in time\n"
            )
            batch.insert(0, LogLine(first.function, first.region, first.group, first.stream, "", first.time, note))
        return batch

    async def _write_out(self, batch: list[LogLine]) -> list[LogLine]:
        """Write each stream's lines; the answer is what was not taken."""
        streams: dict[tuple[str, str, str], list[LogLine]] = defaultdict(list)
        for line in batch:
            streams[line.region, line.group, line.stream].append(line)
        left: list[LogLine] = []
        for (region, group, stream), lines in streams.items():
            try:
                await self._put(region, group, stream, [(line.time, line.text) for line in lines])
            except ServiceError:
                left += lines
        return left
