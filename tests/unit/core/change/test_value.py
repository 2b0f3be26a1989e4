"""Values that are well-formed, and those that are refused with the path of the part at fault (S96 to S101)."""

import json
from decimal import Decimal

import pytest

from afterbay.core.change.value import (
    DEPTH_MAX,
    canonical,
    decode_item,
    decode_value,
    encode_item,
    encode_value,
    equal,
    json_bytes,
    json_item,
    same_item,
    same_value,
    wire_item,
)
from afterbay.errors import RecordError


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ({"S": ""}, ""),
        ({"S": "é\u2028"}, "é\u2028"),
        ({"N": "7.0"}, 7),
        ({"N": "-0"}, 0),
        ({"N": "0.10"}, Decimal("0.1")),
        ({"B": ""}, b""),
        ({"B": "++++"}, b"\xfb\xef\xbe"),
        ({"B": b"\xfb\xef\xbe"}, b"\xfb\xef\xbe"),
        ({"BOOL": False}, False),
        ({"NULL": True}, None),
        ({"SS": ["a", ""]}, frozenset({"a", ""})),
        ({"NS": ["1", "0.5"]}, frozenset({1, Decimal("0.5")})),
        ({"BS": ["AQID"]}, frozenset({b"\x01\x02\x03"})),
        ({"L": []}, []),
        ({"M": {}}, {}),
        ({"M": {"": {"L": [{"N": "1"}, {"NULL": True}]}}}, {"": [1, None]}),
    ],
)
def test_a_typed_value_decodes_to_its_python_value(typed, value):
    decoded = decode_value(typed)
    assert equal(decoded, value)
    assert type(decoded) is type(value)
    assert same_value(encode_value(value), typed)


@pytest.mark.parametrize(
    ("typed", "path", "words"),
    [
        ("text", "a", "JSON object, not a string"),
        ({}, "a", "exactly one member, this has 0"),
        ({"S": "x", "N": "1"}, "a", "exactly one member, this has 2"),
        ({"X": 1}, "a", "unknown type 'X'"),
        ({"S": 1}, "a.S", "not a number"),
        ({"S": None}, "a.S", "not null"),
        ({"N": 1}, "a.N", "JSON string of digits"),
        ({"N": "one"}, "a.N", "N is not a number"),
        ({"N": " 1"}, "a.N", "N is not a number"),
        ({"N": "1_0"}, "a.N", "N is not a number"),
        ({"N": "\u0661"}, "a.N", "N is not a number"),
        ({"N": "NaN"}, "a.N", "N is not a number"),
        ({"N": "1E126"}, "a.N", "outside what a table stores"),
        ({"N": "1E-131"}, "a.N", "outside what a table stores"),
        ({"N": "1E999999999"}, "a.N", "outside what a table stores"),
        ({"B": "A"}, "a.B", "not base64"),
        ({"B": "AQ ID"}, "a.B", "not base64"),
        ({"B": "é"}, "a.B", "not base64"),
        ({"B": 7}, "a.B", "base64 text or bytes"),
        ({"BOOL": "true"}, "a.BOOL", "true or false"),
        ({"NULL": False}, "a.NULL", "always true"),
        ({"NULL": 1}, "a.NULL", "always true"),
        ({"SS": []}, "a.SS", "at least one member"),
        ({"SS": ["a", 1]}, "a.SS[1]", "not a number"),
        ({"NS": "1"}, "a.NS", "JSON array is wanted"),
        ({"L": {}}, "a.L", "JSON array is wanted, not an object"),
        ({"M": []}, "a.M", "a map is a JSON object, not an array"),
        ({"M": {"b": {"L": [{"S": "x"}, {"N": "x"}]}}}, "a.M.b.L[1].N", "not a number"),
    ],
)
def test_a_malformed_value_is_refused_with_its_path(typed, path, words):
    with pytest.raises(RecordError, match=words) as refused:
        decode_item({"a": typed})
    assert refused.value.path == path


def test_refusals_never_show_the_customers_values():
    with pytest.raises(RecordError) as refused:
        decode_item({"card": {"N": "4000-secret"}})
    assert "secret" not in str(refused.value)


def nested(levels: int) -> dict:
    value: dict = {"S": "end"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


def test_32_levels_are_taken_and_33_refused_in_every_direction():
    deep = decode_value(nested(DEPTH_MAX))
    assert same_value(encode_value(deep), nested(DEPTH_MAX))
    assert wire_item({"a": nested(DEPTH_MAX)}) == {"a": nested(DEPTH_MAX)}
    for refused in (
        lambda: decode_value(nested(DEPTH_MAX + 1)),
        lambda: decode_value(nested(5000)),
        lambda: encode_value([deep]),
        lambda: wire_item({"a": nested(5000)}),
    ):
        with pytest.raises(RecordError, match="nested deeper than 32"):
            refused()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.5, "float is not exact"),
        (frozenset(), "at least one member"),
        ({"a", 1}, "all of one kind"),
        ({True}, "all of one kind"),
        (Decimal("NaN"), "a table's numbers"),
        (Decimal("Infinity"), "a table's numbers"),
        (10**126, "a table's numbers"),
        (Decimal("1E-131"), "a table's numbers"),
        ({1: "a"}, "names are text"),
        (object(), "has no attribute type"),
    ],
)
def test_a_python_value_without_a_type_is_refused_with_its_path(value, words):
    with pytest.raises(RecordError, match=words) as refused:
        encode_item({"a": [value]})
    assert refused.value.path.startswith("a[0]")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"N": "1"}, {"N": "1.0"}, True),
        ({"N": "1"}, {"S": "1"}, False),
        ({"N": "1"}, {"BOOL": True}, False),
        ({"N": "0"}, {"BOOL": False}, False),
        ({"NULL": True}, {"BOOL": False}, False),
        ({"SS": ["a", "b"]}, {"SS": ["b", "a"]}, True),
        ({"NS": ["1", "2"]}, {"NS": ["2.0", "1"]}, True),
        ({"SS": ["a"]}, {"L": [{"S": "a"}]}, False),
        ({"L": [{"N": "1"}]}, {"L": [{"BOOL": True}]}, False),
        ({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]}, False),
        ({"L": []}, {"M": {}}, False),
        ({"S": ""}, {"B": ""}, False),
        ({"B": "AQID"}, {"B": b"\x01\x02\x03"}, True),
        ({"S": "\u00e9"}, {"S": "e\u0301"}, False),
        ({"M": {"a": {"N": "1"}, "b": {"S": ""}}}, {"M": {"b": {"S": ""}, "a": {"N": "1e0"}}}, True),
    ],
)
def test_equality_is_by_type_and_value(one, other, same):
    assert same_value(one, other) is same
    assert (canonical({"a": one}) == canonical({"a": other})) is same


def test_items_differ_when_one_has_an_attribute_more():
    assert not same_item({"a": {"S": ""}}, {"a": {"S": ""}, "b": {"NULL": True}})


def test_canonical_bytes_are_json_without_blanks_in_the_order_of_names():
    item = {"b": {"N": "1.0"}, "a": {"SS": ["z", "é"]}}
    assert canonical(item) == '{"a":{"SS":["z","é"]},"b":{"N":"1"}}'.encode()


def test_sinks_json_shows_numbers_as_numbers_binary_as_base64_and_sets_sorted():
    item = {"n": 2**70, "d": Decimal("0.10"), "b": b"\x00", "s": frozenset({3, -1}), "z": None, "l": [True, {"x": ""}]}
    assert json.loads(json_bytes(item), parse_float=str) == {
        "n": 2**70,
        "d": "0.10",
        "b": "AA==",
        "s": [-1, 3],
        "z": None,
        "l": [True, {"x": ""}],
    }


def test_a_set_of_binaries_is_sorted_as_a_reader_of_its_array_sees_it():
    """interfaces.md section 3, "binary as base64 text, sets as sorted arrays": ``+`` and ``/`` stand before letters."""
    typed = {"raw": {"BS": ["AA==", "/w==", "YQ==", "+w=="]}}
    shown = ["+w==", "/w==", "AA==", "YQ=="]
    assert json.loads(json_item(typed, "", lambda: typed)) == {"raw": shown}
    assert json.loads(json_bytes({"l": [decode_item(typed)]})) == {"l": [{"raw": shown}]}
