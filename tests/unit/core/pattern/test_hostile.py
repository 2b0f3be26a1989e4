"""Hostile patterns and events: refused or answered, in steps that grow with their size and no faster."""

from __future__ import annotations

import json

import pytest

from afterbay.core.pattern import Pattern, PatternError
from afterbay.core.pattern.match import Matcher
from afterbay.core.pattern.syntax import read_pattern
from afterbay.core.pattern.wildcard import is_too_complex, read_wildcard

SHIPPED = Pattern({"a": {"b": ["x"]}})


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 5000 + "[]" + "}" * 5000,
        "[" * 5000 + "]" * 5000,
        "",
        "{",
        "null",
        "[]",
        "5",
        '{"a":[1]} x',
        '{"a":[NaN]}',
        '{"a":[01]}',
        '{"a":["\t"]}',
        '{"a":[tru]}',
        '{"a" [1]}',
        "{a:[1]}",
        '{"a":[1}',
        '{"a":[{"numeric":["=",1e400]}]}',
        '{"a":[{"cidr":"999.1.1.1/99"}]}',
        '{"a":[{"wildcard":"' + "*a" * 500 + '"}]}',
        json.dumps({"$or": [{f"k{n}": [n]} for n in range(1001)]}),
        json.dumps({f"k{n}": ["x"] for n in range(257)}),
        json.dumps({".".join("a" * 200): ["x"]}),
        '{"a":[{"anything-but":{"prefix":[]}}]}',
        '{"$or":{"a":["1"]}}',
    ],
)
def test_a_refused_pattern(text):
    with pytest.raises(PatternError):
        Pattern(text)


def test_a_dict_that_no_json_could_be_is_refused():
    loop = {}
    loop["a"] = loop
    for wrong in (loop, {1: ["x"]}, {"a": [{1, 2}]}, {"a": [float("nan")]}, {"a": [10**6000]}):
        with pytest.raises(PatternError):
            Pattern(wrong)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":["\\ud800"]}',
        '{"a":[1e400]}',
        '{"a":[' + "1," * 5000 + "1]}",
        json.dumps({f"k{n}": [{"wildcard": "*a*b*c*d*"}] for n in range(200)}),
    ],
)
def test_an_odd_pattern_that_is_valid(text):
    assert Pattern(text).matches(b'{"a": 2}') is False


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"5",
        b"\xff\xfe",
        b'{"a": }',
        b'{"a": NaN}',
        b'{"a": {"b": 1e999}}',
        b'{"a": {"b": "\\ud800"}}',
        '{"a": {"b": "\ud800"}}'.encode("utf-8", "surrogatepass"),
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"a": {"b": ' + b"9" * 10_000 + b"}}",
        b'{"a": {"b": 1e' + b"9" * 10_000 + b"}}",
    ],
)
def test_an_event_that_matches_nothing_raises_nothing(data):
    number = Pattern({"a": {"b": [{"numeric": [">", 0]}]}})
    for pattern in (SHIPPED, number, Pattern({"a": {"b": ["y", {"prefix": "z"}]}})):
        assert pattern.matches(data) is False
        assert pattern.explain(data).matched is False


def test_depth_does_not_hide_a_value():
    assert Pattern({"a": [1]}).matches(b'{"a": ' + b"[" * 900 + b"1" + b"]" * 900 + b"}")
    deep = {"a": 1}
    for _ in range(100):
        deep = {"a": deep}
    assert Pattern({".".join("a" * 101): [1]}).matches(deep)


def test_surrogates_compare_as_they_are():
    assert Pattern('{"a": ["\\ud800x"]}').matches(b'{"a": "\\ud800x"}')
    assert Pattern('{"a": ["\\ud83d\\ude00"]}').matches('{"a": "😀"}'.encode())


def test_a_megabyte_of_wildcard_text():
    pattern = Pattern({"a": [{"wildcard": "*a*a*b"}]})
    assert not pattern.matches(b'{"a": "' + b"a" * 1_000_000 + b'"}')
    assert pattern.matches(b'{"a": "' + b"a" * 1_000_000 + b'b"}')


def test_two_fields_of_one_element_of_a_long_array_are_found_by_index():
    """Steps, not seconds: a search by pairs would look at 10**10 of them (and meet the time-out)."""
    matcher = Matcher(read_pattern({"l": {"x": [{"exists": True}], "y": ["no"], "z": ["1"]}}))
    assert not matcher.matches({"l": [{"x": n, "y": n, "z": "1"} for n in range(100_000)]})
    matcher = Matcher(read_pattern({"l": {"x": [{"exists": True}], "m": {"y": [5], "z": [7]}}}))
    assert not matcher.matches({"l": [{"x": n, "m": [{"y": 5}, {"z": 7}]} for n in range(5_000)]})


def test_complexity_is_bounded_on_patterns_made_to_have_many_subsets():
    assert is_too_complex([read_wildcard("*" + "ab" * 40 + "*" + "ba" * 40), read_wildcard("*" + "ba" * 30 + "*a")])
    assert not is_too_complex([read_wildcard("*" + "a" * 9)])
    assert is_too_complex([read_wildcard("*" + "a" * 10)])


@pytest.mark.parametrize(
    ("texts", "most"),
    [
        ([f"*{letter}" for letter in "abcdefgh"], 5),  # a star that may be empty is open beside what leads to it
        ([f"p*{letter}x" for letter in "abcdefgh"], 5),
        ([f"*/x/*.{letter}" for letter in "abcdefgh"], 2),
        ([f"p{letter}" for letter in "abcdefghijklm"], 10),  # without a star a wildcard is open all the same
    ],
)
def test_p25_counts_prefixes_left_open_as_aws_engine_does(texts, most):
    wildcards = list(map(read_wildcard, texts))
    assert not is_too_complex(wildcards[:most])
    assert is_too_complex(wildcards[: most + 1])
