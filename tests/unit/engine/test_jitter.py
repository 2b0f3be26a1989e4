"""Delays are spread (R91, X89)."""

from __future__ import annotations

from afterbay.engine.jitter import any_part, spread


def test_a_delay_is_spread_by_up_to_a_quarter_both_ways() -> None:
    drawn = [spread(8.0) for _ in range(2_000)]
    assert 6.0 <= min(drawn) < 6.5 and 9.5 < max(drawn) <= 10.0
    assert spread(0.0) == 0.0


def test_of_a_pipes_delay_anything_from_none_to_all_is_left() -> None:
    drawn = [any_part(8.0) for _ in range(2_000)]
    assert 0.0 <= min(drawn) < 0.5 and 7.5 < max(drawn) <= 8.0
