"""Pages of lists."""

from __future__ import annotations

import pytest

from afterbay.core.bus.pages import page
from afterbay.errors import SettingsError

NAMED = {name: name.upper() for name in "cabed"}


def test_all_entries_come_in_the_order_of_their_names() -> None:
    assert page(NAMED, {}) == (["A", "B", "C", "D", "E"], {})


def test_pages_follow_one_another() -> None:
    first, more = page(NAMED, {"Limit": 2})
    second, rest = page(NAMED, {"Limit": 2, **more})
    third, end = page(NAMED, {"Limit": 2, **rest})
    assert (first, second, third, end) == (["A", "B"], ["C", "D"], ["E"], {})


def test_what_is_deleted_between_two_pages_moves_nothing() -> None:
    _, more = page(NAMED, {"Limit": 2})
    left = {name: value for name, value in NAMED.items() if name not in "ab"}
    assert page(left, more)[0] == ["C", "D", "E"]


def test_a_page_has_a_hundred_at_most() -> None:
    shown, more = page({f"{n:03}": n for n in range(101)}, {})
    assert len(shown) == 100 and set(more) == {"NextToken"}


@pytest.mark.parametrize("token", ["é", "x", "____"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(SettingsError) as error:
        page(NAMED, {"NextToken": token})
    assert error.value.code == "ValidationException"
