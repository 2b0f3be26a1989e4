"""A loop that runs beside the engine until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

__all__ = ["Background"]


class Background:
    """Runs ``loop`` as a task of its own; it is to come to no end by itself."""

    def __init__(self, loop: Callable[[], Coroutine[None, None, None]]) -> None:
        self._loop = loop
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._loop())

    async def stop(self) -> None:
        """Cancel it and wait until it is over. Without a start there is nothing to stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
