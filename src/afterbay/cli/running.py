"""What verbs that stay up share: signals and logs."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Coroutine
from typing import TypeVar

from afterbay.cli.output import JsonLines, say

__all__ = ["INTERRUPTED", "ended_by_signals", "logging_to_stderr", "say_ready", "until_told_to_stop"]

GARBAGE_OBJECTS = 50_000
"""So many new containers start a search for garbage. Python's own 700 are a few records: a batch has thousands, and no
circle among them."""

INTERRUPTED = 130
"""The exit code that shells know for Ctrl-C."""

_T = TypeVar("_T")


def logging_to_stderr(level: int = logging.INFO) -> None:
    """Our own log as JSON lines on stderr; libraries only when they warn."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("afterbay").setLevel(level)


def say_ready(line: str) -> None:
    """Say that everything is up. What is loaded by now stays: looking through it for garbage would hold up records for
    50 ms at a time."""
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, *gc.get_threshold()[1:])
    say(line)


async def until_told_to_stop(*, ready: str | None = None, failed: asyncio.Future[None] | None = None) -> None:
    """Return at SIGTERM, Ctrl-C or a closed terminal; a second one ends the process at once. Raises what ``failed``
    fails with.

    ``ready`` is said once a signal would be heard: whoever waits for that line may send one at once.
    """
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    signals = _ending()

    def stop() -> None:
        told.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, stop)
    if ready is not None:
        say_ready(ready)
    ended: list[asyncio.Future[object]] = [asyncio.ensure_future(_heard(told))]
    if failed is not None:
        ended.append(asyncio.ensure_future(_outcome(failed)))
    done, pending = await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    for one in pending:
        one.cancel()
    for one in done:
        one.result()


async def ended_by_signals(work: Coroutine[None, None, _T]) -> _T:
    """The result of ``work``, which SIGTERM, Ctrl-C and a closed terminal cancel: what it started, it ends in its own
    order. Raises ``KeyboardInterrupt`` then."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    signals = _ending()
    for number in signals:
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError as ended:
        raise KeyboardInterrupt from ended
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _ending() -> tuple[signal.Signals, ...]:
    """What ends a verb. A closed terminal does not where the caller said so (``nohup``)."""
    asked = (signal.SIGTERM, signal.SIGINT)
    return asked if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (*asked, signal.SIGHUP)


async def _heard(told: asyncio.Event) -> object:
    return await told.wait()


async def _outcome(failed: asyncio.Future[None]) -> object:
    return await asyncio.shield(failed)
