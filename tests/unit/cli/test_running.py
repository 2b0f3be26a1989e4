"""What ends a verb that stays up: a signal, or something that failed beneath it."""

import asyncio
import gc
import os
import signal

import pytest

from afterbay.cli import running
from afterbay.cli.running import until_told_to_stop
from afterbay.errors import StateError


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_DFL)  # the tests may run under nohup

    async def run() -> None:
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(until_told_to_stop(failed=failed))
        for _ in range(3):
            await asyncio.sleep(0)  # it listens before the signal comes, or this very process would end by it
        os.kill(os.getpid(), number)
        await asyncio.wait_for(waiting, 10)
        assert not failed.done(), "it is left to its owner"

    asyncio.run(run())


def test_a_failure_ends_it_and_is_told() -> None:
    async def run() -> None:
        failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(failed.set_exception, StateError("the disk is full"))
        with pytest.raises(StateError, match="the disk is full"):
            await asyncio.wait_for(until_told_to_stop(failed=failed), 10)

    asyncio.run(run())


async def test_a_signal_at_the_line_that_says_ready_is_heard(monkeypatch):
    said = []

    def send(line):
        said.append(line)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(running, "say", send)
    await running.until_told_to_stop(ready="up")
    assert said == ["up"]


async def test_what_is_there_when_it_is_ready_is_not_looked_through_for_garbage(monkeypatch):
    there = [[]]
    monkeypatch.setattr(running, "say", lambda line: os.kill(os.getpid(), signal.SIGTERM))
    gc.unfreeze()
    try:
        assert any(one is there for one in gc.get_objects())
        await running.until_told_to_stop(ready="up")
        assert not any(one is there for one in gc.get_objects())  # those of the permanent generation are not shown
    finally:
        gc.freeze()


def test_a_closed_terminal_ends_nothing_that_was_started_with_nohup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.SIG_IGN)
    assert signal.SIGHUP not in running._ending()  # pyright: ignore[reportPrivateUsage]
