"""Attributes as columns: one text form per type, one column per name, whatever came first."""

from decimal import Decimal

import pytest

from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.lake_columns import COLUMNS_MAX, OWN, Columns, cell, check_keys, check_own, check_table, column_name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('as it is, \u00e9 "q"', 'as it is, \u00e9 "q"'),
        ("", ""),
        (5, "5"),
        (Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
        (10**40, "1" + "0" * 40),
        (True, "true"),
        (False, "false"),
        (None, None),
        (b"\x01\x00", "AQA="),
        (frozenset({"z", "x"}), '["x","z"]'),
        (frozenset({2, Decimal("1.5")}), "[1.5,2]"),
        ({"l": ["1.5", 1, None], "b": b"\x01"}, '{"l":["1.5",1,null],"b":"AQ=="}'),
        ([], "[]"),
    ],
)
def test_a_value_has_one_text(value, text):
    assert cell(value) == text


@pytest.mark.parametrize(
    ("attribute", "column"),
    [
        ("status", "status"),
        ("Total_2-x", "Total_2-x"),
        ("\u043a\u043b\u044e\u0447", "\u043a\u043b\u044e\u0447"),
        ("order.total", "order%2Etotal"),
        ("a b,`c`", "a%20b%2C%60c%60"),
        ("50%25", "50%2525"),
    ],
)
def test_a_column_is_named_as_its_attribute(attribute, column):
    assert column_name(attribute) == column


def test_new_attributes_add_columns_and_missing_ones_leave_theirs_out():
    columns = Columns(["pk", "n"])
    assert columns.cells({"pk": "a", "x": 1}) == {"pk": "a", "x": "1"}
    assert columns.added == ("x",) and columns.names == ("pk", "n", "x")


def test_a_column_keeps_the_spelling_that_came_first():
    columns = Columns(["pk", "Name"])
    assert columns.cells({"pk": "a", "name": "b"}) == {"pk": "a", "Name": "b"} and columns.added == ()


def test_two_spellings_in_one_item_are_refused_whatever_the_table_has():
    for columns in (Columns(["pk"]), Columns(["pk", "name"])):
        with pytest.raises(RecordError, match=r"'name' and 'Name'.*without="):
            columns.cells({"pk": "a", "name": "b", "Name": "c"})
        assert columns.added == ()


@pytest.mark.parametrize("attribute", ["_tok", "_TOK", "_item", "_Deleted"])
def test_the_sinks_own_columns_are_never_overwritten(attribute):
    with pytest.raises(RecordError, match=f"{attribute}.*without="):
        Columns(["pk"]).cells({"pk": "a", attribute: "b"})


def test_attributes_without_end_are_refused():
    columns = Columns(f"c{n}" for n in range(COLUMNS_MAX - 1))
    columns.cells({"one": 1})
    with pytest.raises(RecordError, match=r"'two'.*fields="):
        columns.cells({"one": 1, "two": 2})
    assert columns.cells({"one": 1}) == {"one": "1"}


@pytest.mark.parametrize("keys", [["_key"], ["PK", "pk"]])
def test_keys_that_cannot_be_columns_are_a_wrong_setting(keys):
    with pytest.raises(SettingsError, match="delta:t"):
        check_keys(keys, "delta:t")


OTHERS = {"_item": True, "_expires": False, "n": True}


@pytest.mark.parametrize(
    ("required", "others", "word"),
    [
        ({"id", "_key", "_tok", "_deleted"}, OTHERS, "never null"),
        (set(), {"n": True}, "none"),
        ({"pk", "_key", "_tok", "_deleted"}, OTHERS | {"total": False}, "total is not text"),
    ],
)
def test_another_tables_columns_are_refused(required, others, word):
    check_table({"pk", "_key", "_tok", "_deleted"}, OTHERS, ["pk"], "delta:t")
    with pytest.raises(SettingsError, match=word):
        check_table(required, others, ["pk"], "delta:t")


def test_a_table_that_no_sink_made_is_refused():
    check_own(["pk", *OWN], "delta:t")
    with pytest.raises(SettingsError, match="delta:t: the table has columns pk, n: no sink made it"):
        check_own(["pk", "n"], "delta:t")


def test_the_sinks_own_columns_begin_with_an_underscore():
    assert all(name.startswith("_") and name == name.lower() for name in OWN)
