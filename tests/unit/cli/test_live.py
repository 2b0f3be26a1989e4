"""The lines that `afterbay dev` shows while it runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from afterbay.cli.live import LiveLines
from afterbay.core.mapping.batch import Batch, Why
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedFrom, FailedSome, NotReached, Outcome
from afterbay.core.shard.position import Position
from afterbay.engine.meter import Attempt
from afterbay.functions.logs import LogLine
from unit.core.mapping.driving import T0, record, settings


def told(outcome: Outcome, *, count: int = 2, attempts: int = 0, why: Why = Why.FULL) -> str:
    lines: list[str] = []
    records = tuple(record(n, age_s=1.5) for n in range(1, count + 1))
    batch = Batch(records, "r1", 0, attempts, why=why)
    attempt = Attempt("uuid-1", settings(), batch, T0, T0 + timedelta(milliseconds=12), outcome)
    LiveLines(lines.append).attempt(attempt)
    (line,) = lines
    return line


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Delivered(), "ok"),
        (FailedFrom(Position(2)), "failed from 2 on"),
        (FailedSome(frozenset({Position(1)})), "1 of 2 failed"),
        (FailedSome(frozenset({Position(1)}), not_reached=NotReached("429")), "1 of 2 not reached (429)"),
        (Failed(Cause.FUNCTION_ERROR), "failed (function error)"),
        (NotReached("429: slow down"), "not reached (429: slow down)"),
    ],
)
def test_a_line_tells_of_an_invocation(outcome: Outcome, words: str) -> None:
    assert told(outcome) == f"orders -> f: 2 records (BatchSize reached): {words} in 12 ms, age 1.5 s"


def test_a_repeated_attempt_is_counted() -> None:
    assert "(BatchSize reached, attempt 3): ok" in told(Delivered(), attempts=2)
    assert "(BatchSize reached, attempt 3): failed" in told(Failed(Cause.FUNCTION_ERROR), attempts=2)


def test_the_final_invocation_of_a_window_has_no_records_and_no_age() -> None:
    line = told(Delivered(), count=0, why=Why.FINAL)
    assert line == "orders -> f: no records (closes a tumbling window): ok in 12 ms"
    assert told(Delivered(), count=1).startswith("orders -> f: 1 record (")


def line(text: str) -> LogLine:
    return LogLine("f", "eu-west-1", "/aws/lambda/f", "s", "r1", T0, text)


def test_what_a_function_prints_is_shown_and_what_lambda_writes_around_it_is_not() -> None:
    lines: list[str] = []
    live = LiveLines(lines.append)
    for text in ("START RequestId: r1 Version: $LATEST\n", "hello\n", "\n", "REPORT RequestId: r1\tDuration: 1\n"):
        live.line(line(text))
    assert lines == ["f | hello"]


def test_quiet_says_nothing() -> None:
    LiveLines(None).line(line("hello\n"))
