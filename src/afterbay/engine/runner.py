"""Drives one mapping: perform commands, report events."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime

from afterbay.core.mapping.commands import Command, ReleaseShard, Tell, WakeAt
from afterbay.core.mapping.events import Event, RecordsRead, Woke
from afterbay.core.mapping.machine import Mapping
from afterbay.engine.clock import Clock
from afterbay.engine.meter import Handled
from afterbay.engine.perform import Performable, Performer

__all__ = ["Runner", "Told"]

log = logging.getLogger(__name__)

TOLD_MAX = 50
"""Notices kept for status."""

Told = tuple[datetime, Tell]


class Runner:
    """One mapping and the tasks that it has under way.

    Commands in one answer run side by side. Whatever must wait for another, such as a checkpoint for its dead
    letter, the core asks for only once it has heard that the other is done. ``on_end`` is called once the mapping is
    gone or stopped.
    """

    def __init__(
        self, mapping: Mapping, performer: Performer, clock: Clock, *, on_end: Callable[[Runner], None]
    ) -> None:
        self.mapping = mapping
        self.told: deque[Told] = deque(maxlen=TOLD_MAX)
        self.failure: BaseException | None = None
        self._performer = performer
        self._clock = clock
        self._on_end = on_end
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    def tell(self, event: Event) -> None:
        """Hand an event to the mapping now, and start what it asks for. Raises ``SettingsError`` for a refused
        request."""
        for command in self._handle(event):
            match command:
                case WakeAt(when=when):
                    self._wake_at(when)
                case ReleaseShard(shard=shard):
                    self._performer.source.forget(shard)
                case Tell():
                    self._say(command)
                case _:
                    self._start(command)
        if self.mapping.stopped and not self._ended.is_set():
            self._end()

    def _handle(self, event: Event) -> tuple[Command, ...]:
        counters, now = self.mapping.counters, self._clock.now()
        filtered_out, dropped = counters.filtered_out, counters.dropped
        commands = self.mapping.handle(event, now)
        self._performer.meter.handled(
            Handled(
                self.mapping.uuid,
                self.mapping.settings,
                now,
                event,
                commands,
                len(event.records) if isinstance(event, RecordsRead) else None,
                counters.filtered_out - filtered_out,
                counters.dropped - dropped,
            )
        )
        return commands

    async def ended(self) -> None:
        await self._ended.wait()

    async def close(self) -> None:
        """Cancel what is still under way, and let the source go."""
        waiting = [task for task in (*self._tasks, self._alarm) if task is not None]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._performer.source.close()

    def _start(self, command: Performable) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_out(command))
        self._tasks.add(task)
        task.add_done_callback(self._over)

    async def _carry_out(self, command: Performable) -> None:
        event = await self._performer(command)
        if not self._ended.is_set():
            self.tell(event)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self.failure is None:  # a bug of ours: the supervisor decides what becomes of the mapping
            self.failure = error
            self._end()

    def _end(self) -> None:
        self._ended.set()
        self._on_end(self)

    def _wake_at(self, when: datetime | None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None if when is None else asyncio.get_running_loop().create_task(self._wake(when))

    async def _wake(self, when: datetime) -> None:
        await self._clock.sleep_until(when)
        self._alarm = None
        self.tell(Woke())

    def _say(self, tell: Tell) -> None:
        self.told.append((self._clock.now(), tell))
        log.warning(tell.notice.value, extra={"mapping": self.mapping.uuid, "shard": tell.shard, "detail": tell.detail})
