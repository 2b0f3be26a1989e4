"""Asynchronous invocations: events that wait for their function, and are tried again as Lambda tries.

What waits when the address ends is kept by the store, where there is one. Where an event goes that was given up
(destinations, dead-letter queues) cannot be set yet, and is refused where it would be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from afterbay.errors import NotFoundError, PayloadTooLargeError, ServiceError, ThrottledError
from afterbay.functions.child import LoggedAnswer

__all__ = ["EVENT_BYTES_MAX", "Event", "EventQueue", "EventStore", "Waiting"]

EVENT_BYTES_MAX = 1_048_576
"""1 MB, AWS's bound of an asynchronous event."""

EVENTS_MAX = 10_000
"""Events that wait at a time: 10 GB at worst, some 10 MB as they are; the sender of one more is throttled."""

RETRY_AFTER_S = (60.0, 120.0)
"""AWS's two retries after an error of the function: a minute after the first failure, two after the second."""

AGE_MAX = timedelta(hours=6)
"""An event that its function could not be reached with (throttled, an error of the service) is given up then."""

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 300.0
"""AWS's: from a second up to five minutes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``reference`` is the function as it was named; all its attempts have one ``request_id``."""

    reference: str
    region: str
    payload: bytes
    request_id: str
    client_context: str | None


@dataclass(slots=True)
class Waiting:
    """An event that is not done: since when, how often its function failed, and when it is tried again (None: now)."""

    event: Event
    born: datetime
    failures: int = 0
    due: datetime | None = None


class EventStore(Protocol):
    """Keeps events over a restart (``state.event_rows``)."""

    def changed(self, waiting: Waiting) -> None: ...

    def removed(self, request_id: str) -> None: ...


class Invoke(Protocol):
    """The registry's."""

    async def __call__(
        self, name_or_arn: str, region: str, payload: bytes, *, request_id: str, client_context: str | None
    ) -> LoggedAnswer: ...


class EventQueue:
    """The events that wait or run, a task each. Functions bound how many of their own run at a time."""

    def __init__(
        self,
        invoke: Invoke,
        now: Callable[[], datetime],
        sleep_until: Callable[[datetime], Awaitable[None]],
        *,
        store: EventStore | None = None,
    ) -> None:
        self._store = store
        self._invoke = invoke
        self._now = now
        self._sleep_until = sleep_until
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, event: Event) -> None:
        """Take an event. Raises ``ServiceError`` if it is too large, or too many wait."""
        if len(event.payload) > EVENT_BYTES_MAX:
            raise PayloadTooLargeError(
                f"Request must be smaller than {EVENT_BYTES_MAX} bytes for the InvokeFunction operation",
                code="RequestEntityTooLargeException",
            )
        if len(self._tasks) >= EVENTS_MAX:
            raise ThrottledError(f"{EVENTS_MAX} events are waiting", code="TooManyRequestsException")
        waiting = Waiting(event, self._now())
        self._keep(waiting)
        self.resume(waiting)

    def resume(self, waiting: Waiting) -> None:
        """Go on with an event."""
        task = asyncio.create_task(self._deliver(waiting))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def clear(self) -> None:
        """Forget what waits; what runs is cut off."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """The same, and say how many events that was."""
        if self._tasks and self._store is None:
            _log.warning("events of asynchronous invocations are dropped", extra={"events": len(self._tasks)})
        await self.clear()

    async def _deliver(self, waiting: Waiting) -> None:
        if waiting.due is not None:
            await self._sleep_until(waiting.due)
        await self._try_until_done(waiting)
        if self._store is not None:
            self._store.removed(waiting.event.request_id)

    async def _try_until_done(self, waiting: Waiting) -> None:
        event, pause_s = waiting.event, BACKOFF_FIRST_S
        while True:
            try:
                failed = await self._attempt(event)
            except NotFoundError:
                _given_up(event, "the function is not there")
                return
            except ServiceError as error:
                if self._now() + timedelta(seconds=pause_s) > waiting.born + AGE_MAX:
                    _given_up(event, f"it was too old after {error.code}")
                    return
                await self._pause(waiting, pause_s)
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
                continue
            if not failed:
                return
            waiting.failures += 1
            if waiting.failures > len(RETRY_AFTER_S):
                _given_up(event, "its retries are exhausted")
                return
            await self._pause(waiting, RETRY_AFTER_S[waiting.failures - 1])

    async def _attempt(self, event: Event) -> bool:
        """True if the function failed."""
        logged = await self._invoke(
            event.reference,
            event.region,
            event.payload,
            request_id=event.request_id,
            client_context=event.client_context,
        )
        return logged.answer.function_error is not None

    async def _pause(self, waiting: Waiting, seconds: float) -> None:
        waiting.due = self._now() + timedelta(seconds=seconds)
        self._keep(waiting)
        await self._sleep_until(waiting.due)

    def _keep(self, waiting: Waiting) -> None:
        if self._store is not None:
            self._store.changed(waiting)


def _given_up(event: Event, why: str) -> None:
    fields = {"function": event.reference, "request_id": event.request_id, "reason": why}
    _log.warning("an event of an asynchronous invocation is given up", extra=fields)
