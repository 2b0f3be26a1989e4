"""The event loop of what stays up: uvloop's where it is installed (docs/decisions/0013)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

__all__ = ["run_on_loop"]

_T = TypeVar("_T")


def run_on_loop(main: Coroutine[None, None, _T]) -> _T:
    """The result of ``main``, as ``asyncio.run`` gives it."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """None is asyncio's own: uvloop is not made for Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
