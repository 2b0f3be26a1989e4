"""The public face: errors that name the place, needs, dialects, sets, other kinds of mappings."""

from __future__ import annotations

import json
from collections import OrderedDict
from decimal import Decimal
from types import MappingProxyType

import pytest

from afterbay.core.pattern import Pattern, PatternError, PatternSet
from afterbay.errors import SettingsError


def test_an_error_names_the_path_the_reason_and_each_services_answer():
    said = {}
    for dialect in ("rule", "pipe", "mapping"):
        with pytest.raises(PatternError) as refused:
            Pattern({"dynamodb": {"NewImage": {"status": "x"}}}, dialect=dialect)
        said[dialect] = refused.value
        assert refused.value.path == "dynamodb.NewImage.status"
        assert "dynamodb.NewImage.status" in str(refused.value)
    assert said["rule"].aws_text == 'Event pattern is not valid. Reason: "status" must be an object or an array'
    assert (said["rule"].code, said["pipe"].code) == ("InvalidEventPatternException", "ValidationException")
    assert (said["mapping"].code, said["mapping"].aws_text) == (
        "InvalidParameterValueException",
        "Invalid filter pattern definition.",
    )
    assert isinstance(said["rule"], SettingsError)


def test_needs_lists_the_paths_of_all_alternatives():
    assert Pattern({"a": {"b": ["x"]}, "$or": [{"c": ["1"]}, {"a.d": ["2"]}]}).needs == {"a.b", "c", "a.d"}


def test_an_unknown_dialect_is_refused():
    with pytest.raises(PatternError, match="rule, pipe, mapping"):
        Pattern({"a": ["x"]}, dialect="bus")


def test_strict_refuses_what_a_guide_excludes_and_warnings_name_what_it_does_not_list():
    wildcard = {"a": [{"wildcard": "x*"}]}
    assert Pattern(wildcard).warnings == ()
    assert Pattern(wildcard, dialect="pipe").matches({"a": "xy"})
    with pytest.raises(PatternError, match="excludes the operator wildcard"):
        Pattern(wildcard, dialect="pipe", strict=True)
    assert Pattern(wildcard, dialect="mapping", strict=True).warnings == (
        "a: the guide of Lambda does not list the operator wildcard",
    )


def test_repeated_keys_of_a_pattern_merge():
    both = Pattern('{"d": {"n": ["1"]}, "d": {"o": ["2"]}}')
    assert both.matches({"d": {"n": "1", "o": "2"}})
    assert not both.matches({"d": {"n": "1"}})


@pytest.mark.parametrize("kind", [dict, OrderedDict, lambda value: MappingProxyType(value)])
def test_any_mapping_is_an_event(kind):
    event = kind({"a": kind({"b": "x"})})
    assert Pattern({"a": {"b": ["x"]}}).matches(event)
    assert not Pattern({"a": {"b": ["y"]}}).matches(event)


def test_bytes_come_in_three_kinds():
    for kind in (bytes, bytearray, memoryview):
        assert Pattern({"a": ["x"]}).matches(kind(b'{"a": "x"}'))


@pytest.mark.parametrize("event", ['{"a": "x"}', None, 5, [1]])
def test_what_is_no_event_is_told(event):
    pattern = Pattern({"a": ["x"]})
    for ask in (pattern.matches, pattern.explain, PatternSet([pattern]).matches, PatternSet([pattern]).matching):
        with pytest.raises(TypeError, match=f"not {type(event).__name__}"):
            ask(event)


def test_numbers_of_decoded_events():
    three = Pattern({"a": [300]})
    assert all(three.matches({"a": value}) for value in (300, 300.0, Decimal("3E+2")))
    assert not any(three.matches({"a": value}) for value in (True, "300", 301, float("nan"), Decimal("Infinity")))
    assert Pattern({"a": [10**23]}).matches({"a": 1e23})
    assert not Pattern({"a": [{"numeric": [">", 0]}]}).matches({"a": 9007199254740993})
    assert Pattern({"a": [{"anything-but": 1}]}).matches({"a": 9007199254740993})
    assert not Pattern({"a": [1]}).matches({"a": True})


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"a": {"b": "x"}}, True),
        ({"a.b": "x"}, True),
        ({"a": {"b": "y"}, "a.b": "x"}, True),
        ({"a": 5, "a.b": "x"}, True),
        ({"a": {"b": {"c": "x"}}}, False),
        ({"a": {"b": ["y", "x"]}}, True),
        ({"a": [{"b": "x"}]}, True),
        ({"a": [5]}, False),
        ({}, False),
    ],
)
def test_fast_and_exact_agree_on_dots_and_arrays(event, expected):
    assert Pattern({"a": {"b": ["x"]}}).matches(event) is expected
    absent = Pattern({"a": {"b": [{"exists": False}]}})
    has_value = event not in ({"a": {"b": {"c": "x"}}}, {"a": [5]}, {})
    assert absent.matches(event) is not has_value


def test_a_set_tells_which_patterns_match():
    patterns = [Pattern({"k": [f"v{n}"], "s": [{"prefix": "A"}]}) for n in range(100)]
    chosen = PatternSet([*patterns, Pattern({"s": [{"exists": True}]}), Pattern({"n": [{"numeric": [">", 1]}]})])
    assert chosen.matching({"k": "v7", "s": "ABC"}) == [7, 100]
    assert chosen.matching(b'{"k": ["v7", "v8"], "s": "ABC", "n": 2}') == [7, 8, 100, 101]
    assert chosen.matches({"n": 2})
    assert not chosen.matches({"n": 1})
    assert not PatternSet([]).matches({"a": 1})
    assert PatternSet([]).matching(b"{}") == []


def test_a_user_text_never_becomes_code():
    nasty = '"] or __import__("sys").exit(3) or x0["\'\\'
    pattern = Pattern({nasty: {"b\n": [nasty, {"prefix": "')+1"}]}})
    assert pattern.matches({nasty: {"b\n": nasty}})
    assert not pattern.matches({nasty: {"b\n": "x"}})


@pytest.mark.parametrize(
    ("operand", "reason"),
    [
        ('["=", 1e400]', "Cannot compare number : 1e400"),
        ('["=", 1e400, "x"]', "Too many elements in numeric expression"),
        ('[">", 1e400, 1]', "Bad value in numeric range: 1"),
        ('[">", 1e400, "=", 5]', "Bad numeric range operator: ="),
        ('[">", 1e400, "<"]', "Value of < must be numeric"),
        ('[">", 1e400, "<", 5, 6]', "Too many terms in numeric range expression"),
        ('[">", 5, "<", 5]', "Bottom must be less than top"),
        ('[">", 5, "<", 1e400]', "Cannot compare number : 1e400"),
    ],
)
def test_a_range_is_read_to_its_end_before_its_numbers_are_judged(operand, reason):
    """P33; the order is that of AWS's engine, found by spoiled patterns."""
    with pytest.raises(PatternError) as refused:
        Pattern(f'{{"a": [{{"numeric": {operand}}}]}}')
    assert refused.value.message == reason


@pytest.mark.parametrize("key", ["é", "😀", 'q"', "b\\", "c\nd", "\u0000"])
def test_a_field_of_any_name_is_read_from_bytes(key):
    for ascii_only in (True, False):
        data = json.dumps({"other": 1, key: {key: "x"}}, ensure_ascii=ascii_only).encode()
        assert Pattern({key: {key: ["x"]}}).matches(data)
        assert PatternSet([Pattern({key: {key: ["x"]}}), Pattern({"a": ["x"]})]).matching(data) == [0]


def test_bytes_are_checked_where_no_pattern_looks():
    pattern = Pattern({"a": [1]})
    assert pattern.matches('{"b": "é", "a": 1}'.encode())
    for broken in (b'{"b": "\xff", "a": 1}', b'{"b": tru, "a": 1}', b'{"a": 1} x', b'{"b": "\t", "a": 1}'):
        assert not pattern.matches(broken)


def test_wide_numbers_compare_by_their_text():
    for digits in (17, 309, 400, 1000):
        text = "9" * digits
        pattern = Pattern(f'{{"a": [{text}]}}')
        assert pattern.matches(f'{{"a": {text}}}'.encode())
        assert pattern.matches({"a": int(text)})
        assert not pattern.matches(f'{{"a": {text}.0}}'.encode())
        assert not pattern.matches({"a": int(text) - 1})


def test_patterns_that_share_a_text_are_rejected_by_it_together():
    chosen = PatternSet(Pattern({"pk": [f"order-{n}"], "status": ["SHIPPED"]}) for n in range(50))
    assert chosen.matching(b'{"pk": "order-7", "status": "SHIPPED"}') == [7]
    assert chosen.matching(b'{"pk": "order-7", "status": "\\u0053HIPPED"}') == [7]
    assert chosen.matching(b'{"pk": "order-7", "status": "PAID"}') == []


def test_sets_of_more_patterns_than_are_compiled_as_one():
    chosen = PatternSet(Pattern({"a": {"b": [f"v{n}", n]}}) for n in range(100))
    for event, places in (
        ({"a": {"b": "v7"}}, [7]),
        ({"a.b": "v7"}, [7]),
        ({"a": [{"b": "v7"}, {"b": ["v9", 3]}]}, [3, 7, 9]),
        ({"a": 5}, []),
    ):
        assert chosen.matching(event) == chosen.matching(json.dumps(event).encode()) == places
        assert chosen.matches(event) is bool(places)
