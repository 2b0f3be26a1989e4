"""What verbs that stay up share: signals and logs."""

from __future__ import annotations

import asyncio
import logging
import signal

from afterbay.cli.output import JsonLines

__all__ = ["logging_to_stderr", "until_told_to_stop"]


def logging_to_stderr(level: int = logging.INFO) -> None:
    """Our own log as JSON lines on stderr; libraries only when they warn."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("afterbay").setLevel(level)


async def until_told_to_stop(*, failed: asyncio.Future[None] | None = None) -> None:
    """Return at SIGTERM or Ctrl-C; a second one ends the process at once. Raises what ``failed`` fails with."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def stop() -> None:
        told.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    ended: list[asyncio.Future[object]] = [asyncio.ensure_future(_heard(told))]
    if failed is not None:
        ended.append(asyncio.ensure_future(_outcome(failed)))
    done, pending = await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
    for one in pending:
        one.cancel()
    for one in done:
        one.result()


async def _heard(told: asyncio.Event) -> object:
    return await told.wait()


async def _outcome(failed: asyncio.Future[None]) -> object:
    return await asyncio.shield(failed)
