"""``engine_us_per_record``: page bytes in, invocation payload bytes out, nothing but our own code between.

F = 4, batch 100, two images, half of the records filtered out by a pattern on the new image, journal and metrics on;
CPU time of the threads that do it, so that another process's work does not count. Beside the figure its stages, and the
same without a filter; and, round by round, what the standard library's JSON takes for the same pages, since a budget in
microseconds is one of a machine, and machines are slow at times.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import thread_time_ns

from afterbay.core.change.page import split_page
from afterbay.core.mapping.filters import compile_filters
from benchmarks.engine_load import FILTER, Spent, TimedStore, drive, settings
from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median
from benchmarks.pages import PAGE_RECORDS, STREAM_ARN, make_pages

__all__ = ["BENCHMARK"]

PAGES = 40
ROUNDS = 7
BATCH = 100
BUDGET_US = 8.0

STAGES = ("split", "filter", "admit", "payload", "journal", "metrics", "answer")
NO_FILTER = "_no_filter"
"""At the end of a figure's name: every record is delivered."""


def _filter_ns(pages: Sequence[bytes]) -> float:
    """What the compiled filter takes of a record; inside the machine it cannot be timed without being slowed down."""
    passes = compile_filters((FILTER,))
    assert passes is not None
    bodies = [record.body for page in pages for record in split_page(page, STREAM_ARN)[0]]
    began = thread_time_ns()
    passed = sum(map(passes, bodies))
    spent_ns = thread_time_ns() - began
    assert passed == len(bodies) // 2, "half of the records pass"
    return spent_ns / len(bodies)


def _parsed_us(pages: Sequence[bytes]) -> float:
    """Of a record: pages parsed whole, half of their records written in batches; no order, no journal, no metrics."""
    began = thread_time_ns()
    written = 0
    for page in pages:
        records = json.loads(page)["Records"]
        passed = [one for one in records if one["dynamodb"]["NewImage"]["status"]["S"] == "SHIPPED"]
        for start in range(0, len(passed), BATCH):
            batch = passed[start : start + BATCH]
            written += len(batch)
            json.dumps({"Records": [{**one, "eventSourceARN": STREAM_ARN} for one in batch]}).encode()
    spent_ns = thread_time_ns() - began
    count = len(pages) * PAGE_RECORDS
    assert written == count // 2, "half of the records pass"
    return spent_ns / count / 1000


def _rounds(pages: Sequence[bytes], *filters: str, beside: Callable[[], None] = lambda: None) -> list[Spent]:
    """``beside`` is done before each round."""
    rounds: list[Spent] = []
    for _ in range(ROUNDS):
        beside()
        with tempfile.TemporaryDirectory() as folder:
            store = TimedStore(Path(folder) / "state")
            rounds.append(asyncio.run(drive(pages, settings(*filters), store)))
            store.close()
    count = PAGES * PAGE_RECORDS
    assert all(one.records == count and one.delivered == count // (2 if filters else 1) for one in rounds)
    return rounds


def _stages(rounds: Sequence[Spent], filter_ns: float) -> dict[str, float]:
    """Nanoseconds a record that was read. What the machine takes without its filter is called ``admit``: records into
    lanes, lanes into batches, positions out."""

    def of(stage: Callable[[Spent], int]) -> float:
        return median(one.per_record(stage(one)) for one in rounds)

    return {
        "split": of(lambda one: one.split_ns),
        "filter": filter_ns,
        "admit": of(lambda one: one.machine_ns) - filter_ns,
        "payload": of(lambda one: one.payload_ns),
        "journal": of(lambda one: one.journal_ns),
        "metrics": of(lambda one: one.metrics_ns),
        "answer": of(lambda one: one.answer_ns),
    }


def _run() -> list[Result]:
    pages = make_pages(PAGES)
    filter_ns = median(_filter_ns(pages) for _ in range(ROUNDS))
    parsed_us: list[float] = []
    filtered = _rounds(pages, FILTER, beside=lambda: parsed_us.append(_parsed_us(pages)))
    whole = _rounds(pages)
    record_bytes = whole[0].payload_bytes / whole[0].delivered
    results = [
        Result(
            "engine_us_per_record",
            median(one.per_record(one.total_ns) for one in filtered) / 1000,
            "us CPU",
            Better.LOWER,
            peer=Peer("json.loads and dumps alone", median(parsed_us)),
            budget=Budget(BUDGET_US),
            note=f"of a record read; {record_bytes:.0f} bytes each, half of them filtered out. All stages but answer.",
        ),
        Result(
            f"engine_us_per_record{NO_FILTER}",
            median(one.per_record(one.total_ns) for one in whole) / 1000,
            "us CPU",
            Better.LOWER,
        ),
    ]
    for suffix, stages in (("", _stages(filtered, filter_ns)), (NO_FILTER, _stages(whole, 0.0))):
        results += [
            Result(f"engine_{name}_ns{suffix}", value, "ns CPU", Better.LOWER)
            for name, value in stages.items()
            if name != "filter" or not suffix
        ]
    return results


BENCHMARK = Benchmark(
    (
        "engine_us_per_record",
        f"engine_us_per_record{NO_FILTER}",
        *(f"engine_{name}_ns" for name in STAGES),
        *(f"engine_{name}_ns{NO_FILTER}" for name in STAGES if name != "filter"),
    ),
    _run,
)
