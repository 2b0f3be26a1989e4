"""Log lines reach the log service in order, in batches, through its failures, within a bound."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from afterbay.errors import UnavailableError
from afterbay.functions import logs
from afterbay.functions.logs import LogLine, LogWriter

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def line(text: str, stream: str = "s") -> LogLine:
    return LogLine("f", "eu-west-1", "/aws/lambda/f", stream, "r-1", NOW, text)


class Service:
    """Keeps what is put; fails ``failures`` times first."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.puts: list[tuple[str, str, str, list[str]]] = []

    async def __call__(self, region: str, group: str, stream: str, events) -> None:
        if self.failures:
            self.failures -= 1
            raise UnavailableError("away", code="ServiceUnavailable")
        self.puts.append((region, group, stream, [text for _, text in events]))


def written(service: Service, lines: list[LogLine], *, started: bool = False) -> None:
    async def go() -> None:
        writer = LogWriter(service)
        if started:
            writer.start()
        for one in lines:
            writer.write(one)
        if not started:
            writer.start()
        while started and not service.puts:
            await asyncio.sleep(0)
        await writer.close()

    asyncio.run(go())


def test_lines_of_a_stream_go_in_one_batch_in_order() -> None:
    service = Service()
    written(service, [line("1"), line("a", "t"), line("2")])
    assert service.puts == [
        ("eu-west-1", "/aws/lambda/f", "s", ["1", "2"]),
        ("eu-west-1", "/aws/lambda/f", "t", ["a"]),
    ]


def test_a_batch_is_bounded_by_count_and_bytes() -> None:
    service = Service()
    written(service, [line("x")] * (logs.EVENTS_PER_PUT_MAX + 1) + [line("y" * 200_000)] * 2)
    assert [len(texts) for _, _, _, texts in service.puts] == [1_000, 2, 1]


def test_what_was_not_taken_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "RETRY_PAUSE_S", 0)
    service = Service(failures=2)
    written(service, [line("1"), line("2")], started=True)
    assert [texts for _, _, _, texts in service.puts] == [["1", "2"]]


def test_closing_does_not_wait_for_a_service_that_is_away() -> None:
    service = Service(failures=1)
    written(service, [line("1")])
    assert service.puts == []


def test_beyond_the_bound_the_oldest_go_and_the_log_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LINES_PENDING_MAX", 2)
    service = Service()
    written(service, [line("1"), line("2"), line("3")])
    ((_, _, _, texts),) = service.puts
    assert texts[0].startswith("afterbay: 1 log lines before this one were dropped") and texts[1:] == ["2", "3"]
