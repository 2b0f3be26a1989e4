"""How many batches of a queue are under way at once (Q13 to Q15)."""

from __future__ import annotations

from datetime import datetime

__all__ = ["CONCURRENCY_MAX", "Scaling"]

CONCURRENCY_FIRST = 5
CONCURRENCY_MAX = 1_000
GROWTH_PER_S = 300 / 60

GROWTH_STEP_MAX_S = 60.0
"""Batches that take longer than this still count for no more."""


class Scaling:
    """Starts at five, grows while messages keep coming, shrinks by one with each failure, and is at five again once the
    queue is empty. ``most`` is the mapping's own limit."""

    def __init__(self, most: int, *, first: int = CONCURRENCY_FIRST) -> None:
        self._most = most
        self._first = min(first, most)
        self._value = float(self._first)
        self._active_at: datetime | None = None

    @property
    def limit(self) -> int:
        return int(self._value)

    def messages_came(self, now: datetime) -> None:
        if self._active_at is not None:
            passed_s = min((now - self._active_at).total_seconds(), GROWTH_STEP_MAX_S)
            self._value = min(float(self._most), self._value + max(0.0, passed_s) * GROWTH_PER_S)
        self._active_at = now

    def queue_is_empty(self) -> None:
        self._value = float(self._first)
        self._active_at = None

    def failed(self) -> None:
        self._value = max(1.0, self._value - 1)
