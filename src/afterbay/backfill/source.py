"""What a load reads from: parts, page by page; and how time passes while it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from afterbay.backfill.plan import Part
from afterbay.core.change.value import TypedItem
from afterbay.core.mapping.retry import backoff_s
from afterbay.engine.jitter import spread
from afterbay.errors import ServiceError, ThrottledError, UnavailableError

__all__ = ["TRIES_MAX", "ItemPage", "ItemSource", "LoopTime", "Patience", "Time"]

TRIES_MAX = 11
"""Of one page or one batch: about two minutes. What is not back by then is somebody's to mend, and the load
goes on from its state file afterwards."""


@dataclass(frozen=True, slots=True)
class ItemPage:
    """Items of one part. ``cursor`` is where the next page begins; None: the part has no more. ``units``: the read
    capacity that it took."""

    items: Sequence[TypedItem]
    cursor: str | None
    units: float = 0.0


class ItemSource(Protocol):
    async def read(self, part: Part) -> ItemPage:
        """The page at the part's cursor. Waits for its turn, and repeats what passes by itself. Raises
        ``ServiceError``."""
        ...


class Time(Protocol):
    """Seconds that do not go back, and waiting for some to pass."""

    def now_s(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class LoopTime:
    """The event loop's: capacity is counted in real seconds, whatever a local address says of the date."""

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Patience:
    """Pauses between tries of one thing: growing, jittered, and not for ever."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._failures = 0

    async def pause(self, failure: ServiceError) -> None:
        """Wait before the next try. Raises ``failure`` itself if there is to be none: another error than these two will
        not pass."""
        self._failures += 1
        if self._failures >= TRIES_MAX or not isinstance(failure, ThrottledError | UnavailableError):
            raise failure
        advice_s = failure.retry_after_s if isinstance(failure, ThrottledError) else None
        await self._time.sleep(spread(backoff_s(self._failures) if advice_s is None else advice_s))
