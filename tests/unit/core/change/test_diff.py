"""Which fields moved, from what to what, by value (S101)."""

from decimal import Decimal

import pytest

from afterbay.core.change.diff import ABSENT, Diff

OLD = {
    "pk": "a",
    "status": "PENDING",
    "flag": True,
    "gone": None,
    "tags": frozenset({"x", "y"}),
    "address": {"city": "Bern", "zip": "3000"},
    "lines": [{"qty": 1}, {"qty": 2}],
}
NEW = {
    "pk": "a",
    "status": "SHIPPED",
    "flag": 1,
    "total": Decimal("1.5"),
    "tags": frozenset({"y", "x"}),
    "address": {"city": "Biel", "zip": "3000"},
    "lines": [{"qty": 1}, {"qty": 3}, {"qty": 4}],
}
DIFF = Diff(OLD, NEW)


def test_fields_are_added_removed_or_modified():
    assert DIFF.added == ("total",)
    assert DIFF.removed == ("gone",)
    assert DIFF.modified == ("address", "flag", "lines", "status")
    assert set(DIFF.fields) == {"total", "gone", "address", "flag", "lines", "status"}


def test_a_transition_is_from_what_to_what():
    assert DIFF.transition("status") == ("PENDING", "SHIPPED")
    assert DIFF.transition("pk") is None
    assert DIFF.transition("nowhere") is None
    assert DIFF.transition("gone") == (None, ABSENT)
    assert DIFF.transition("address", "city") == ("Bern", "Biel")
    assert DIFF.transition("address", "zip") is None
    assert DIFF.transition("lines", 2) == (ABSENT, {"qty": 4})
    assert DIFF.transition("lines", 1, "qty") == (2, 3)
    assert DIFF.transition("status", "deeper") is None


def test_a_boolean_is_not_the_number_that_python_takes_it_for():
    assert DIFF.changed("flag")
    assert DIFF.moved("flag", from_=True, to=1)
    assert not DIFF.moved("flag", from_=1)


def test_moved_asks_for_what_is_given_only():
    assert DIFF.moved("status")
    assert DIFF.moved("status", to="SHIPPED")
    assert DIFF.moved("status", from_="PENDING", to="SHIPPED")
    assert not DIFF.moved("status", from_="SHIPPED")
    assert not DIFF.moved("pk", to="a")
    assert DIFF.moved("gone", from_=None, to=ABSENT)
    assert not DIFF.moved("total", from_=None)


def test_paths_lead_to_the_deepest_difference():
    assert [(one.path, one.old, one.new) for one in DIFF.paths()] == [
        (("address", "city"), "Bern", "Biel"),
        (("flag",), True, 1),
        (("gone",), None, ABSENT),
        (("lines", 1, "qty"), 2, 3),
        (("lines", 2), ABSENT, {"qty": 4}),
        (("status",), "PENDING", "SHIPPED"),
        (("total",), ABSENT, Decimal("1.5")),
    ]


def test_a_missing_image_counts_as_an_empty_item():
    assert Diff(None, {"a": 1}).added == ("a",)
    assert Diff({"a": 1}, None).removed == ("a",)
    assert not Diff({"a": 1}, {"a": 1})
    assert Diff({}, {"a": None})


def test_a_dot_is_part_of_a_name():
    assert Diff({"a.b": 1}, {"a.b": 2}).transition("a.b") == (1, 2)


def test_a_question_without_a_field_is_a_mistake():
    with pytest.raises(TypeError, match="name the field"):
        DIFF.changed()
