"""Drives one mapping: perform commands, report events."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from afterbay.core.mapping.commands import Command, Tell, WakeAt
from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.events import Event, Request, Woke
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.queue_commands import QueueCommand
from afterbay.core.mapping.queue_events import QueueEvent
from afterbay.core.mapping.result import LastResult
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.clock import Clock
from afterbay.engine.meter import Handled, Meter

__all__ = ["AnyRunner", "Asked", "Machine", "Performing", "Runner", "Told"]

log = logging.getLogger(__name__)

TOLD_MAX = 50
"""Notices kept for status."""

Told = tuple[datetime, Tell]


Asked = Request | Woke
"""What any mapping can be told, whatever it reads."""

_EventT = TypeVar("_EventT", bound=Event | QueueEvent)
_EventT_contra = TypeVar("_EventT_contra", bound=Event | QueueEvent, contravariant=True)
_EventT_co = TypeVar("_EventT_co", bound=Event | QueueEvent, covariant=True)
_CommandT = TypeVar("_CommandT", bound=Command | QueueCommand)
_CommandT_contra = TypeVar("_CommandT_contra", bound=Command | QueueCommand, contravariant=True)
_CommandT_co = TypeVar("_CommandT_co", bound=Command | QueueCommand, covariant=True)


class Machine(Protocol[_EventT_contra, _CommandT_co]):
    """A mapping as the engine drives it: a stream's (``machine.Mapping``) or a queue's (``queue.QueueMapping``)."""

    @property
    def uuid(self) -> str: ...

    @property
    def settings(self) -> MappingSettings: ...

    @property
    def state(self) -> State: ...

    @property
    def last_result(self) -> LastResult: ...

    @property
    def counters(self) -> Counters: ...

    @property
    def stopped(self) -> bool: ...

    @property
    def source_over(self) -> bool: ...

    def handle(self, event: _EventT_contra | Asked, now: datetime) -> tuple[_CommandT_co, ...]: ...


class Performing(Protocol[_CommandT_contra, _EventT_co]):
    """What carries out a machine's commands."""

    @property
    def meter(self) -> Meter: ...

    def at_once(self, command: _CommandT_contra) -> bool:
        """Do what needs no waiting and has no answer; False: it is another kind of command."""
        ...

    async def __call__(self, command: _CommandT_contra) -> _EventT_co:
        """Do it, and report."""
        ...

    async def close(self) -> None: ...


class Runner(Generic[_EventT, _CommandT]):
    """One mapping and the tasks that it has under way.

    Commands in one answer run side by side. Whatever must wait for another, such as a checkpoint for its dead
    letter, the core asks for only once it has heard that the other is done. ``on_end`` is called once the mapping is
    gone or stopped, ``on_source_over`` when nothing will come from its source again.
    """

    def __init__(
        self,
        mapping: Machine[_EventT, _CommandT],
        performer: Performing[_CommandT, _EventT],
        clock: Clock,
        *,
        on_end: Callable[[Runner[_EventT, _CommandT]], None],
        on_source_over: Callable[[Runner[_EventT, _CommandT]], None],
    ) -> None:
        self.mapping = mapping
        self.told: deque[Told] = deque(maxlen=TOLD_MAX)
        self.failure: BaseException | None = None
        self._performer = performer
        self._clock = clock
        self._on_end = on_end
        self._on_source_over = on_source_over
        self._source_over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    def tell(self, event: _EventT | Asked) -> None:
        """Hand an event to the mapping now, and start what it asks for. Raises ``SettingsError`` for a refused
        request."""
        for command in self._handle(event):
            if isinstance(command, WakeAt):
                self._wake_at(command.when)
            elif isinstance(command, Tell):
                self._say(command)
            elif not self._performer.at_once(command):
                self._start(command)
        self._look_at_source()
        if self.mapping.stopped and not self._ended.is_set():
            self._end()

    def _look_at_source(self) -> None:
        """Tell of its end once, while the mapping is enabled: each listing that is under way leaves that open anew."""
        if self.mapping.state is not State.ENABLED:
            self._source_over = False
        elif self.mapping.source_over and not self._source_over:
            self._source_over = True
            self._on_source_over(self)

    def _handle(self, event: _EventT | Asked) -> tuple[_CommandT, ...]:
        counters, now = self.mapping.counters, self._clock.now()
        before = replace(counters)
        commands = self.mapping.handle(event, now)
        self._performer.meter.handled(
            Handled(
                self.mapping.uuid,
                self.mapping.settings,
                now,
                event,
                commands,
                counters.polled - before.polled if counters.reads > before.reads else None,
                counters.filtered_out - before.filtered_out,
                counters.dropped - before.dropped,
                counters.deleted - before.deleted,
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
        await self._performer.close()

    def _start(self, command: _CommandT) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_out(command))
        self._tasks.add(task)
        task.add_done_callback(self._over)

    async def _carry_out(self, command: _CommandT) -> None:
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


AnyRunner = Runner[Event, Command] | Runner[QueueEvent, QueueCommand]
