"""The benchmarks' own arithmetic and their file: no figure is measured here."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # benchmarks/ is no part of the installed package

from benchmarks.harness import (  # noqa: E402 - the path above comes first
    Benchmark,
    Better,
    Budget,
    Peer,
    Result,
    percentile,
    select,
    table,
    write,
)
from benchmarks.pages import PAGE_RECORDS, STREAM_ARN, make_pages  # noqa: E402
from benchmarks.witness import calls, delivered  # noqa: E402

from afterbay.core.change.page import split_page  # noqa: E402

MEMBERS = {"name", "value", "unit", "peer", "peer_value", "ratio"}


def rate(value: float, peer: Peer | None = None, budget: Budget | None = None) -> Result:
    return Result("puts", value, "records/s", Better.HIGHER, peer, budget)


def duration(value: float, peer: Peer | None = None, budget: Budget | None = None) -> Result:
    return Result("wait", value, "ms", Better.LOWER, peer, budget)


def test_a_ratio_above_one_is_better_for_rates_and_for_durations() -> None:
    assert rate(300, Peer("other", 100)).ratio == 3
    assert duration(2, Peer("other", 8)).ratio == 4
    assert duration(8, Peer("other", 2)).ratio == 0.25


@pytest.mark.parametrize("peer", [None, Peer("not installed")])
def test_without_a_measured_peer_there_is_no_ratio(peer: Peer | None) -> None:
    assert rate(300, peer).ratio is None


@pytest.mark.parametrize(
    ("result", "held"),
    [
        (rate(10), None),
        (rate(10, budget=Budget(10)), True),
        (rate(9, budget=Budget(10)), False),
        (duration(10, budget=Budget(10)), True),
        (duration(11, budget=Budget(10)), False),
        (rate(30, Peer("other", 10), Budget(3, of_ratio=True)), True),
        (rate(29, Peer("other", 10), Budget(3, of_ratio=True)), False),
        (rate(29, Peer("not installed"), Budget(3, of_ratio=True)), None),
    ],
)
def test_a_budget_is_held_missed_or_not_judged(result: Result, held: bool | None) -> None:
    assert result.within_budget is held


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([5], 99, 5), ([3, 1, 2, 4], 50, 2), ([3, 1, 2, 4], 51, 3), (range(200), 99, 197)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_only_chooses_the_benchmark_that_gives_the_figure() -> None:
    one, two = Benchmark(("a", "b"), list), Benchmark(("c",), list)
    assert select([one, two], None) == (one, two)
    assert select([one, two], "b") == (one,)
    with pytest.raises(ValueError, match="'d'; there are a, b, c"):
        select([one, two], "d")


def test_the_file_holds_the_six_members_of_each_figure_and_replaces_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    file.write_text("an earlier run")
    write([rate(300, Peer("other", 100)), duration(2, Peer("not installed")), duration(7)], file)
    rows = json.loads(file.read_text())
    assert [set(row) for row in rows] == [MEMBERS] * 3
    assert [(row["peer"], row["peer_value"], row["ratio"]) for row in rows] == [
        ("other", 100, 3),
        ("not installed", None, None),
        (None, None, None),
    ]


def test_the_table_says_that_a_peer_is_missing_and_a_budget_missed() -> None:
    console = Console(record=True, width=140, file=io.StringIO())
    console.print(table([rate(1, Peer("ministack"), Budget(3, of_ratio=True)), duration(9, budget=Budget(8))]))
    shown = console.export_text()
    assert "not there" in shown
    assert "≥ 3 x not judged" in shown
    assert "≤ 8 MISSED" in shown


def test_pages_hold_what_the_source_can_read_and_every_run_measures_the_same() -> None:
    (page,) = make_pages(1)
    records, _ = split_page(page, STREAM_ARN)
    assert len(records) == PAGE_RECORDS
    assert len(page) <= 1024 * 1024
    assert [one.position for one in records] == sorted({one.position for one in records})
    assert make_pages(1) == [page]


def test_pages_have_members_in_another_order_in_about_a_tenth_of_the_records() -> None:
    (page,) = make_pages(1)
    usual = msgspec.json.decode(page)["Records"]
    shuffled = [one for one in usual if list(one) != sorted(one) or list(one["dynamodb"]) != sorted(one["dynamodb"])]
    assert 0.05 < len(shuffled) / PAGE_RECORDS < 0.15


def test_a_line_that_is_still_being_written_is_no_call(tmp_path: Path) -> None:
    file = tmp_path / "witness"
    assert calls(file) == []
    file.write_text("10 20 100 order-1\n30 40 50 order-101\n50 6")
    assert [(one.began_ns, one.ended_ns, one.first_key) for one in calls(file)] == [
        (10, 20, "order-1"),
        (30, 40, "order-101"),
    ]
    assert delivered(file) == 150
