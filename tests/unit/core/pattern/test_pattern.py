"""The public face: errors that name the place, needs, dialects, sets, other kinds of mappings."""

from __future__ import annotations

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
