"""Asynchronous invocations: taken at once, run behind the caller's back, tried again by the address's clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from afterbay.emulator.faults import Fault
from afterbay.endpoint.services import lambda_events
from afterbay.engine.clock import Clock
from afterbay.errors import EndpointError
from afterbay.functions.libraries import link_libraries
from integration.lambda_api import Api, run_on_api

KEEPS = """
from pathlib import Path
def handler(event, context):
    with Path(event["file"]).open("a") as out:
        out.write(context.aws_request_id + "\\n")
    if len(Path(event["file"]).read_text().splitlines()) <= event["fails"]:
        raise ValueError("as planned")
"""
GIVEN_UP = "an event of an asynchronous invocation is given up"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_libraries(tmp_path_factory.mktemp("libraries"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def ids(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def errors(api: Api) -> int:
    return sum(int(one.value) for one in api.metrics if one.series.metric == "Errors")


async def send(api: Api, file: Path, fails: int, name: str = "orders") -> int:
    event = {"file": str(file), "fails": fails}
    return (await api.invoke(event, name, x_amz_invocation_type="Event")).status


def waiting(api: Api) -> int:
    return len(api.registry.events._tasks)


def test_an_event_is_tried_three_times_with_one_request_id(
    libraries: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "file", Clock()

    async def test(api: Api):
        await api.create(code=KEEPS)
        assert await send(api, file, fails=9) == 202
        for number, pause_s in ((1, 60), (2, 120)):
            await until(lambda number=number: errors(api) == number)
            await clock.advance(pause_s - 30)
            assert len(ids(file)) == number, "not before its time"
            await clock.advance(30)
        await until(lambda: not waiting(api))

    with caplog.at_level(logging.WARNING):
        run_on_api(libraries, test, clock=clock)
    assert len(ids(file)) == 3 and len(set(ids(file))) == 1
    assert [(one.message, one.request_id) for one in caplog.records] == [(GIVEN_UP, ids(file)[0])]


def test_an_event_that_succeeds_is_done(libraries: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, clock = tmp_path / "file", Clock()

    async def test(api: Api):
        await api.create(code=KEEPS)
        await send(api, file, fails=1)
        await until(lambda: errors(api) == 1)
        await clock.advance(60)
        await until(lambda: not waiting(api))

    with caplog.at_level(logging.WARNING):
        run_on_api(libraries, test, clock=clock)
    assert len(ids(file)) == 2 and not caplog.records


def test_a_function_that_is_not_reached_is_tried_for_six_hours(
    libraries: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "file", Clock()

    async def test(api: Api):
        await api.create(code=KEEPS)
        api.faults.plan(Fault("lambda", "Invoke", "TooManyRequestsException", 4))
        await send(api, file, fails=0)
        await until(lambda: bool(api.metrics))
        await clock.advance(1 + 2 + 4 + 8 + 1)  # and what went by while the events moved
        await until(lambda: not waiting(api))
        assert len(ids(file)) == 1
        api.faults.plan(Fault("lambda", "Invoke", "ServiceException", 1000))
        await send(api, file, fails=0)
        await until(lambda: bool(clock._sleepers))
        await clock.advance(timedelta(hours=6).total_seconds())
        await until(lambda: not waiting(api))

    with caplog.at_level(logging.WARNING):
        run_on_api(libraries, test, clock=clock)
    assert len(ids(file)) == 1
    assert [(one.message, one.reason) for one in caplog.records] == [
        (GIVEN_UP, "it was too old after ServiceException")
    ]


def test_a_function_that_is_gone_drops_its_events_and_one_that_never_was_takes_none(
    libraries: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "file", Clock()

    async def test(api: Api):
        await api.create(code=KEEPS)
        await send(api, file, fails=9)
        await until(lambda: errors(api) == 1)
        await api.call("DELETE", "/2015-03-31/functions/orders")
        await clock.advance(60)
        await until(lambda: not waiting(api))
        await send(api, file, fails=0)

    with caplog.at_level(logging.WARNING), pytest.raises(EndpointError, match="Function not found") as told:
        run_on_api(libraries, test, clock=clock)
    assert told.value.status == 404 and [one.reason for one in caplog.records] == ["the function is not there"]


def test_too_much_is_refused(libraries: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lambda_events, "EVENTS_MAX", 1)
    clock = Clock()

    async def test(api: Api):
        await api.create(code=KEEPS)
        with pytest.raises(EndpointError) as large:
            await api.invoke(b'"' + b"x" * 1_048_575 + b'"', x_amz_invocation_type="Event")
        await send(api, tmp_path / "file", fails=9)
        with pytest.raises(EndpointError) as many:
            await send(api, tmp_path / "file", fails=0)
        await api.registry.reset()
        assert waiting(api) == 0
        return large.value, many.value

    large, many = run_on_api(libraries, test, clock=clock)
    assert (large.code, large.status) == ("RequestEntityTooLargeException", 413)
    assert (many.code, many.status) == ("TooManyRequestsException", 429)
