"""Read capacity: when the next page may be asked for, and how large it is (E15)."""

from __future__ import annotations

import pytest

from afterbay.backfill.budget import HALVE_EVERY_S, PAGE_UNITS_MAX, RATE_FIRST, RECOVER_S, Budget, Weights
from afterbay.errors import SettingsError


def test_the_next_page_waits_until_the_last_one_is_paid() -> None:
    budget = Budget(100)
    budget.start(25, 0)
    assert budget.wait_s(0) == 0.25
    assert budget.wait_s(0.25) == 0


def test_time_without_a_page_saves_nothing_up() -> None:
    budget = Budget(100)
    budget.start(25, 0)
    budget.start(25, 60)
    assert budget.wait_s(60) == 0.25


def test_a_page_that_cost_more_is_paid_before_the_next() -> None:
    budget = Budget(100)
    charge = budget.start(10, 0)
    budget.settle(charge, 60, 0.05)
    assert budget.wait_s(0.1) == pytest.approx(0.5)


def test_a_page_that_cost_less_lets_the_next_go_sooner() -> None:
    budget = Budget(100)
    charge = budget.start(25, 0)
    budget.settle(charge, 5, 0.01)
    assert budget.wait_s(0.01) == pytest.approx(0.04)


def test_what_comes_back_late_is_not_spent_in_another_second() -> None:
    budget = Budget(100)
    first = budget.start(25, 0)
    budget.start(25, 0.25)
    budget.settle(first, 0, 0.26)
    assert budget.wait_s(0.26) == pytest.approx(0.24)


def test_without_a_limit_nothing_waits_and_a_page_is_what_a_scan_gives() -> None:
    budget = Budget()
    budget.start(PAGE_UNITS_MAX, 0)
    assert budget.wait_s(0) == 0 and budget.page_units is None and budget.rate is None


@pytest.mark.parametrize(("rate", "page"), [(1, 1), (2, 1), (40, 10), (1024, 256), (100_000, 256)])
def test_a_page_takes_a_quarter_of_a_second_at_most(rate: float, page: float) -> None:
    assert Budget(rate).page_units == page


def test_a_throttle_halves_the_rate_once_a_second() -> None:
    budget = Budget(100)
    budget.throttled(10)
    budget.throttled(10 + HALVE_EVERY_S / 2)
    assert budget.rate == 50
    budget.throttled(10 + HALVE_EVERY_S)
    assert budget.rate == 25


def test_the_rate_does_not_fall_below_one_unit() -> None:
    budget = Budget(2)
    for second in range(10):
        budget.throttled(second * HALVE_EVERY_S)
    assert budget.rate == 1


def test_the_rate_recovers_up_to_what_was_asked_for() -> None:
    budget = Budget(100)
    budget.throttled(0)
    seen = []
    for turn in range(1, 6):
        budget.wait_s(turn * RECOVER_S)
        seen.append(budget.rate)
    assert seen == [62.5, 78.125, 97.65625, 100, 100]


def test_a_throttle_without_a_limit_sets_half_of_what_was_read_lately() -> None:
    budget = Budget()
    for second in range(10):
        budget.settle(budget.start(200, second), 200, second)
    budget.throttled(9)
    assert budget.rate == 100
    budget.wait_s(9 + RECOVER_S)
    assert budget.rate == 125, "and there is no limit to which it recovers"


def test_a_throttle_of_the_first_page_does_not_stop_the_load() -> None:
    budget = Budget()
    budget.throttled(0)
    assert budget.rate == RATE_FIRST / 2


@pytest.mark.parametrize("rate", [0, -1, 0.5, float("nan")])
def test_less_than_a_unit_a_second_is_refused(rate: float) -> None:
    with pytest.raises(SettingsError, match="--rcu"):
        Budget(rate)


def test_a_page_has_as_many_items_as_its_units_hold() -> None:
    weights = Weights(1024)
    assert weights.limit(25) == 100 and weights.cost(100) == 25


def test_an_item_larger_than_a_page_is_asked_for_alone() -> None:
    assert Weights(400_000).limit(1) == 1


def test_an_unknown_item_counts_a_unit_until_pages_say_otherwise() -> None:
    weights = Weights()
    assert weights.limit(10) == 10
    for _ in range(20):
        weights.learn(100, 25)
    assert weights.limit(25) == pytest.approx(100, abs=1)


def test_an_empty_page_teaches_nothing() -> None:
    weights = Weights(4096)
    weights.learn(0, 1)
    assert weights.limit(10) == 10
