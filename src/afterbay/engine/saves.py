"""Saves of positions under way, and waiting for them."""

from __future__ import annotations

import asyncio

__all__ = ["Saves"]


class Saves:
    """How many saves of one mapping are under way. Belongs to one event loop."""

    def __init__(self) -> None:
        self._under_way = 0
        self._over = asyncio.Event()

    def begins(self) -> None:
        self._under_way += 1

    def ends(self) -> None:
        self._under_way -= 1
        self._over.set()
        self._over.clear()

    async def settled(self) -> None:
        """Return once all that is done is saved. A save that is asked for as another ends is waited for, too."""
        while self._under_way:
            await self._over.wait()
