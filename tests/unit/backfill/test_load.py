"""A load: what is counted, tried again, reported and never swallowed; how it stops."""

from __future__ import annotations

import itertools

import pytest

from afterbay.backfill.budget import Budget, Weights
from afterbay.backfill.images import Images, key_hash
from afterbay.backfill.into_sink import SinkDestination
from afterbay.backfill.load import FAILED_MAX, Load
from afterbay.backfill.plan import Part, segments
from afterbay.backfill.progress import Pace, Progress
from afterbay.backfill.report import Report
from afterbay.backfill.scan import TableScan
from afterbay.core.guard import DUPLICATE, STALE, Kind, Verdict
from afterbay.errors import RecordError, UnavailableError
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.where import WhereSink, read_where
from scanned import STREAM, ScannedTable
from unit.backfill.worlds import NOW_S, ScriptedSink

POISON = Verdict(Kind.POISON, "cannot be decoded")
BUSY = Verdict(Kind.RETRYABLE, "busy")


class Saved:
    def __init__(self) -> None:
        self.parts: dict[int, Part] = {}

    def save(self, part: Part) -> None:
        self.parts[part.number] = part


def table(*keys: str, page: int = 2) -> ScannedTable:
    found = ScannedTable(cuts=itertools.repeat(page))
    for key in keys:
        found.put(key, v={"N": "1"})
    return found


def load(found: ScannedTable, sink, *, parts=None, store=None, seen=None) -> Load:
    parts = parts or segments(1)
    scan = TableScan(found, "items", len(parts), Budget(), Weights(), found.time)
    return Load(
        scan,
        SinkDestination(sink),
        parts,
        Images(STREAM, ("pk",), NOW_S),
        store=store,
        time=found.time,
        read_s=lambda: NOW_S,
        items_expected=4,
        seen=seen,
    )


async def test_every_verdict_is_counted_by_its_kind() -> None:
    sink = ScriptedSink(b=[DUPLICATE], c=[STALE])
    one = load(table(*"abcd"), sink)
    await one.run()
    counts = one.counts
    assert (counts.scanned, counts.written, counts.refused, counts.filtered, counts.failed) == (4, 2, 2, 0, 0)
    assert one.done and counts.units == 3


async def test_a_retryable_failure_is_tried_again_alone() -> None:
    sink = ScriptedSink(b=[BUSY, BUSY])
    one = load(table(*"ab"), sink)
    await one.run()
    assert sink.batches == [["a", "b"], ["b"], ["b"]]
    assert (one.counts.written, one.counts.failed) == (2, 0)


async def test_poison_is_reported_and_passed() -> None:
    saved = Saved()
    one = load(table(*"abcd"), ScriptedSink(b=[POISON]), store=saved)
    await one.run()
    assert one.done and (one.counts.written, one.counts.failed) == (3, 1)
    (failure,) = one.counts.failures
    assert failure.keys == {"pk": {"S": "b"}} and failure.reason == "cannot be decoded"
    assert saved.parts[0].failed == 1, "and the state file remembers"


async def test_a_sink_that_stays_busy_ends_the_run_and_its_page_is_not_passed() -> None:
    saved = Saved()
    one = load(table(*"abcd"), ScriptedSink(c=[BUSY] * 100), store=saved)
    with pytest.raises(UnavailableError, match="busy"):
        await one.run()
    assert saved.parts[0].cursor == '{"pk":{"S":"b"}}' and not saved.parts[0].done
    assert one.counts.failed == 1
    again = load(table(*"abcd"), ScriptedSink(), parts=tuple(saved.parts.values()))
    await again.run()
    assert (again.counts.scanned, again.counts.written) == (2, 2)


async def test_too_many_failures_end_the_run() -> None:
    keys = [f"k{number:05d}" for number in range(FAILED_MAX + 500)]
    one = load(table(*keys, page=500), ScriptedSink(**{key: [POISON] for key in keys}))
    with pytest.raises(UnavailableError, match="something else is wrong"):
        await one.run()
    assert one.counts.failed == FAILED_MAX and len(one.counts.failures) == 100


async def test_one_parts_failure_lets_the_pages_of_others_end() -> None:
    found = table(*[f"k{number}" for number in range(40)])
    sink = ScriptedSink(k0=[BUSY] * 100)
    saved = Saved()
    one = load(found, sink, parts=segments(4), store=saved)
    with pytest.raises(UnavailableError):
        await one.run()
    assert one.counts.written == one.counts.scanned - 1, "all that was read beside it is written"
    assert sum(part.items for part in saved.parts.values()) == one.counts.scanned - 2, "and passed, but for its page"


async def test_stop_ends_after_the_page_in_flight() -> None:
    found = table(*"abcdef")
    saved = Saved()
    one = load(found, ScriptedSink(), store=saved, seen=lambda _: one.stop())
    await one.run()
    assert not one.done and one.counts.written == 2 and saved.parts[0].cursor is not None


async def test_what_the_filter_does_not_want_leaves_no_trace() -> None:
    inner = MemorySink()
    one = load(table(*"abc"), WhereSink(inner, read_where({"pk": {"S": ["b"]}}, "where")))
    await one.run()
    assert (one.counts.written, one.counts.filtered) == (1, 2)
    assert len(inner.rows()) == 1, "no tombstones either"


async def test_an_item_without_the_tables_key_is_an_error() -> None:
    with pytest.raises(RecordError, match="'sk'"):
        Images(STREAM, ("pk", "sk"), NOW_S).of([{"pk": {"S": "a"}}], NOW_S)


def test_two_runs_give_no_number_twice() -> None:
    item = [{"pk": {"S": "a"}}]
    first = Images(STREAM, ("pk",), NOW_S).of(item * 3, NOW_S)
    second = Images(STREAM, ("pk",), NOW_S + 1).of(item * 3, NOW_S)
    assert max(one.number for one in first) < min(one.number for one in second)
    assert len({one.record["eventID"] for one in first + second}) == 6


async def test_a_report_hides_keys_unless_asked() -> None:
    one = load(table(*"ab"), ScriptedSink(b=[POISON]))
    await one.run()
    report = Report("items", "memory:x", "items", one.counts, one.parts, 1.5, resumed=False)
    hidden = str(report.document(show_keys=False)) + "".join(report.failure_lines(show_keys=False))
    assert '"S":"b"' not in hidden and key_hash({"pk": {"S": "b"}}) in hidden
    shown = str(report.document(show_keys=True)) + "".join(report.failure_lines(show_keys=True))
    assert '{"pk":{"S":"b"}}' in shown
    assert not report.complete and report.finished


async def test_failures_of_earlier_runs_keep_a_report_from_being_complete() -> None:
    one = load(table(), ScriptedSink(), parts=(Part(0, "0/1", None, True, 10, 2),))
    await one.run()
    report = Report("items", "memory:x", "items", one.counts, one.parts, 0.1, resumed=True)
    told = report.document(show_keys=False)
    assert not report.complete and (told["failed"], told["failed_earlier"]) == (0, 2)


def test_progress_is_a_guess_that_ends_with_the_last_part() -> None:
    assert Progress(50, 100, 0, 4).share == 0.5
    assert Progress(500, 100, 0, 4).share == 0.99, "the estimate was too low"
    assert Progress(10, 100, 3, 4).share == 0.75, "the parts say more"
    assert Progress(10, None, 1, 4).share == 0.25
    assert Progress(10, 100, 4, 4).share == 1.0


def test_the_time_left_is_of_the_last_half_minute() -> None:
    pace = Pace()
    assert pace.left_s is None and pace.items_per_s == 0
    pace.see(0, Progress(0, 1000, 0, 2))
    pace.see(10, Progress(100, 1000, 0, 2))
    assert pace.left_s == pytest.approx(90) and pace.items_per_s == 10
    for second in range(20, 100, 10):
        pace.see(second, Progress(100 + (second - 10) * 2, 1000, 0, 2))
    assert pace.items_per_s == 2
