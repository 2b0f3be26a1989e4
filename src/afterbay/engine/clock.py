"""The one clock of a process: what time it is, and waiting for a time.

``advance`` moves it for tests and for the local address (``POST /_afterbay/clock``); ``follow`` keeps it in step with a
service's own clock (the ``Date`` header). Nothing else in the product reads the system's clock (ruff's banned-api).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]

SETTLE_TICKS = 12
"""Turns of the event loop given to what an instant woke, before time moves on: enough for a task to act on a wake-up
and ask for its next one, which may be due before the target."""

FOLLOW_TOLERANCE = timedelta(seconds=2)
"""A ``Date`` header is cut to the second and was some milliseconds on the way: a smaller difference says nothing."""


class Clock:
    """Real time plus an offset. Belongs to one event loop; ``now`` may be called from any thread."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self._offset = offset
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None
        self._advancing = asyncio.Lock()

    def now(self) -> datetime:
        """The time, UTC and aware."""
        return datetime.now(UTC) + self._offset

    async def sleep_until(self, when: datetime) -> None:
        """Return at ``when``, or at once if it is over. Wakes in the order of due times."""
        if when <= self.now():
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (when, next(self._order), woken))
        self._arm()
        await woken

    async def sleep(self, seconds: float) -> None:
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def advance(self, seconds: float) -> None:
        """Move ahead by ``seconds``; run what is due on the way, each at its own instant.

        Returns once everything due by the new time has been started.
        """
        async with self._advancing:
            target = self.now() + timedelta(seconds=seconds)
            while (due := self._next_due()) is not None and due <= target:
                self._jump_to(due)
                self._wake()
                await _settle()
            self._jump_to(target)
            self._wake()
            await _settle()

    def follow(self, date: datetime) -> None:
        """Take the time from a service's answer, if it differs by more than a header's own inaccuracy."""
        if abs(date - self.now()) > FOLLOW_TOLERANCE:
            self._offset += date - self.now()
            self._wake()

    def _jump_to(self, when: datetime) -> None:
        ahead = when - self.now()
        if ahead > timedelta(0):
            self._offset += ahead

    def _next_due(self) -> datetime | None:
        while self._sleepers and self._sleepers[0][2].done():  # cancelled sleepers
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def _wake(self) -> None:
        now = self.now()
        while (due := self._next_due()) is not None and due <= now:
            heapq.heappop(self._sleepers)[2].set_result(None)
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        due = self._next_due()
        if due is not None:
            delay_s = max(0.0, (due - self.now()).total_seconds())
            self._alarm = asyncio.get_running_loop().call_later(delay_s, self._wake)


async def _settle() -> None:
    for _ in range(SETTLE_TICKS):
        await asyncio.sleep(0)
