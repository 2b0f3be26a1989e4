"""A table is read page by page: how each is asked for, what it is charged, and what happens when it is refused."""

from __future__ import annotations

import pytest

from afterbay.backfill.budget import Budget, Weights
from afterbay.backfill.plan import Part, left, passed, segments
from afterbay.backfill.scan import PAGE_ITEMS_MAX, TableScan
from afterbay.backfill.source import TRIES_MAX, ItemPage
from afterbay.errors import DeniedError, SettingsError, ThrottledError, UnavailableError
from scanned import ScannedTable


def table(count: int, size: int = 10) -> ScannedTable:
    found = ScannedTable()
    for number in range(count):
        found.put(f"k{number:04d}", v={"S": "x" * size})
    return found


def scan(
    found: ScannedTable, *, rate: float | None = None, item_bytes: float | None = None, total: int = 1
) -> TableScan:
    return TableScan(found, "items", total, Budget(rate), Weights(item_bytes), found.time)


async def all_of(source: TableScan, parts: tuple[Part, ...]) -> list[ItemPage]:
    pages = []
    for part in parts:
        while not part.done:
            page = await source.read(part)
            pages.append(page)
            part = passed(part, page.cursor, items=len(page.items), failed=0)
    return pages


async def test_segments_together_have_every_item_once() -> None:
    found = table(57)
    pages = await all_of(scan(found, total=5), segments(5))
    keys = [item["pk"]["S"] for page in pages for item in page.items]
    assert sorted(keys) == sorted(found.items)
    assert {(one["Segment"], one["TotalSegments"]) for one in found.requests} == {(n, 5) for n in range(5)}


async def test_without_a_budget_pages_are_bounded_by_their_items() -> None:
    found = table(PAGE_ITEMS_MAX + 10)
    pages = await all_of(scan(found), segments(1))
    assert [len(page.items) for page in pages] == [PAGE_ITEMS_MAX, 10]
    assert not any(found.time.slept)


async def test_within_a_budget_a_page_is_a_quarter_of_a_second() -> None:
    found = table(200, size=4_000)  # 4,000 bytes and its names: about a unit
    await all_of(scan(found, rate=40, item_bytes=4_010), segments(1))
    assert found.requests[0]["Limit"] == 10
    assert 4.5 <= found.time.seconds <= 5.5, "200 units at 40 a second"


async def test_no_second_has_more_than_the_budget_and_a_page() -> None:
    found = table(300, size=1_000)
    found.takes_s = 0.01
    await all_of(scan(found, rate=20), segments(1))
    starts = found.charged
    for at_s, _ in starts:
        assert sum(units for began_s, units in starts if at_s <= began_s < at_s + 1) <= 20 + 5


async def test_an_address_that_charges_one_unit_for_everything_is_held_to_what_items_weigh() -> None:
    found = table(100, size=4_000)
    found.tells_units = False
    pages = await all_of(scan(found, rate=40, item_bytes=4_010), segments(1))
    assert sum(page.units for page in pages) >= 99
    assert found.time.seconds >= 2


async def test_a_throttle_slows_down_and_is_no_failure() -> None:
    found = table(20)
    found.faults = [ThrottledError("slow down", code="ProvisionedThroughputExceededException")]
    budget = Budget(100)
    source = TableScan(found, "items", 1, budget, Weights(), found.time)
    page = await source.read(Part(0, "0/1"))
    assert page.items and budget.rate == 50


async def test_what_passes_by_itself_is_tried_again_with_longer_and_longer_pauses() -> None:
    found = table(1)
    found.faults = [UnavailableError("500", code="InternalServerError")] * 3
    await scan(found).read(Part(0, "0/1"))
    first, second, third = [one for one in found.time.slept if one]
    assert first < second < third


async def test_what_does_not_pass_is_raised_after_some_tries() -> None:
    found = table(1)
    found.faults = [UnavailableError("500", code="InternalServerError")] * 100
    with pytest.raises(UnavailableError):
        await scan(found).read(Part(0, "0/1"))
    assert len(found.faults) == 100 - TRIES_MAX


async def test_a_refusal_is_raised_at_once() -> None:
    found = table(1)
    found.faults = [DeniedError("no", code="AccessDeniedException")]
    with pytest.raises(DeniedError):
        await scan(found).read(Part(0, "0/1"))


async def test_an_answer_of_another_form_is_told() -> None:
    class Other:
        async def call(self, operation: str, body: bytes) -> bytes:
            return b"<html>"

    found = table(0)
    source = TableScan(Other(), "items", 1, Budget(), Weights(), found.time)
    with pytest.raises(UnavailableError, match="something else"):
        await source.read(Part(0, "0/1"))


def test_what_is_left_are_the_parts_that_are_not_done() -> None:
    first, second = segments(2)
    assert left((passed(first, None, items=3, failed=1), second)) == (second,)
    assert passed(first, "here", items=3, failed=1) == Part(0, "0/2", "here", False, 3, 1)


@pytest.mark.parametrize("total", [0, -1, 1_001])
def test_a_number_of_segments_out_of_range_is_refused(total: int) -> None:
    with pytest.raises(SettingsError, match="--segments"):
        segments(total)
