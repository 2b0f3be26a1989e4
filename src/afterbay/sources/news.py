"""Who reads a source waits here until somebody says that there is something new, or until the time is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from afterbay.sources.streams_api import Clock

__all__ = ["News"]


class News:
    """What was told so far, as a number. A service far away tells nobody: then every wait lasts its whole time.

    Take ``mark`` before you look, and hand it to ``wait``: what is told in between is not missed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told = 0
        self._heard = asyncio.Event()

    @property
    def mark(self) -> int:
        return self._told

    def tell(self) -> None:
        """There may be something new: wake all who wait."""
        self._told += 1
        self._heard.set()
        self._heard = asyncio.Event()

    async def wait(self, mark: int, timeout_s: float) -> None:
        """Return once something was told after ``mark``, or after ``timeout_s`` of clock time."""
        if self._told != mark:
            return
        until = self._clock.now() + timedelta(seconds=timeout_s)
        heard = asyncio.ensure_future(self._heard.wait())
        over = asyncio.ensure_future(self._clock.sleep_until(until))
        try:
            await asyncio.wait((heard, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
            over.cancel()
