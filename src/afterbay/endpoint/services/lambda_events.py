"""Asynchronous invocations: events that wait for their function, and are tried again as Lambda tries.

In memory: what waits when the address ends is not kept. Where an event goes that was given up (destinations,
dead-letter queues) cannot be set yet, and is refused where it would be.
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

__all__ = ["EVENT_BYTES_MAX", "Event", "EventQueue"]

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


class Invoke(Protocol):
    """The registry's."""

    async def __call__(
        self, name_or_arn: str, region: str, payload: bytes, *, request_id: str, client_context: str | None
    ) -> LoggedAnswer: ...


class EventQueue:
    """The events that wait or run, a task each. Functions bound how many of their own run at a time."""

    def __init__(
        self, invoke: Invoke, now: Callable[[], datetime], sleep_until: Callable[[datetime], Awaitable[None]]
    ) -> None:
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
        task = asyncio.create_task(self._deliver(event))
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
        if self._tasks:
            _log.warning("events of asynchronous invocations are dropped", extra={"events": len(self._tasks)})
        await self.clear()

    async def _deliver(self, event: Event) -> None:
        born, failures, pause_s = self._now(), 0, BACKOFF_FIRST_S
        while True:
            try:
                failed = await self._attempt(event)
            except NotFoundError:
                _given_up(event, "the function is not there")
                return
            except ServiceError as error:
                if self._now() + timedelta(seconds=pause_s) > born + AGE_MAX:
                    _given_up(event, f"it was too old after {error.code}")
                    return
                await self._pause(pause_s)
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
                continue
            if not failed:
                return
            failures += 1
            if failures > len(RETRY_AFTER_S):
                _given_up(event, "its retries are exhausted")
                return
            await self._pause(RETRY_AFTER_S[failures - 1])

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

    async def _pause(self, seconds: float) -> None:
        await self._sleep_until(self._now() + timedelta(seconds=seconds))


def _given_up(event: Event, why: str) -> None:
    fields = {"function": event.reference, "request_id": event.request_id, "reason": why}
    _log.warning("an event of an asynchronous invocation is given up", extra=fields)
