"""One item's arrivals put in order: those that wait, how long, and what ends the wait (S94 d)."""

from __future__ import annotations

from afterbay.core.change.view import ChangeKind
from afterbay.core.shard.resequence import HELD_MAX, Arrival, Fate, ItemOrder

WINDOW_S = 2.0


def change(old: int, new: int, time_us: int = 20) -> Arrival:
    return Arrival(f"e{new}", ChangeKind.MODIFY, time_us, old, new)


def take(item: ItemOrder, *came: Arrival) -> list[tuple[int, Fate]]:
    """What becomes of the last one, and with it."""
    settled = []
    for one in came:
        settled = item.take(one, 0.0, reorder_window_s=WINDOW_S)
    return [(one.arrival.new, one.fate) for one in settled]


def test_an_arrival_that_nothing_leads_to_waits_for_the_window_and_then_applies():
    item = ItemOrder(10, image=0)
    assert take(item, change(0, 1), change(5, 6)) == []
    assert (item.image, item.held_until_s) == (1, WINDOW_S)
    assert item.woke(WINDOW_S - 0.1) == []
    assert [(one.arrival.new, one.fate) for one in item.woke(WINDOW_S)] == [(6, Fate.UNORDERED)]
    assert (item.image, item.held, item.held_until_s) == (6, [], None)


def test_what_waits_applies_when_its_turn_comes():
    item = ItemOrder(10, image=0)
    settled = take(item, change(0, 1), change(5, 6), change(1, 5))
    assert settled == [(5, Fate.APPLIED), (6, Fate.APPLIED)]
    assert (item.image, item.held_until_s) == (6, None)


def test_a_later_instant_ends_the_wait():
    item = ItemOrder(10, image=0)
    settled = take(item, change(0, 1), change(5, 6), change(9, 10, time_us=30))
    assert settled == [(6, Fate.STALE), (10, Fate.APPLIED)]
    assert (item.image, len(item.chain), item.held_until_s) == (10, 1, None)


def test_no_more_than_a_bounded_number_waits():
    item = ItemOrder(10, image=0)
    settled = take(item, change(0, 1), *(change(100 * n, 100 * n + 1) for n in range(1, HELD_MAX + 2)))
    assert settled == [(101, Fate.UNORDERED)]
    assert len(item.held) == HELD_MAX


def test_the_token_of_a_state_rises_within_an_instant_and_over_instants():
    item, tokens = ItemOrder(10, image=0), []
    for one in (change(0, 1), change(1, 2), change(2, 3, time_us=30)):
        take(item, one)
        tokens.append(item.token)
    assert tokens == sorted(set(tokens))
    assert tokens[0] == "0000000000000020/0001"
