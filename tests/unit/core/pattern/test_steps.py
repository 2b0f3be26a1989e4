"""The bound on work for an event, counted in executed lines of Python; what C code does for a line is linear.

Stated in docs/semantics/patterns.md: at most 20 lines for each byte of the event and member of the pattern (all
literals of a leaf array count as one); where a path reaches into two arrays at once, 100 lines and 500,000 more.
"""

from __future__ import annotations

import json
import sys

import pytest

from afterbay.core.pattern import Pattern

LINES_PER_BYTE = 20
LINES_PER_BYTE_IN_TWO_ARRAYS = 100
LINES_FOR_PAIRS = 500_000
WARM_UP = (b'{"a": 1}', b'{"a": [1], "l": [[]]}', b'{"a": "\\ud800"}')


def lines(pattern, data):
    """Lines executed in core/pattern and in generated functions."""
    counted = 0

    def in_ours(frame, event, arg):
        nonlocal counted
        counted += event == "line"
        return in_ours

    def entered(frame, event, arg):
        name = frame.f_code.co_filename
        return in_ours if "core/pattern" in name or name == "<pattern>" else None

    for event in WARM_UP:  # functions are generated on first need
        pattern.matches(event)
    before = sys.gettrace()
    sys.settrace(entered)
    try:
        pattern.matches(data)
    finally:
        sys.settrace(before)
    return counted


EVENTS = {
    "keys": lambda n: json.dumps({f"k{i}": i for i in range(n)}),
    "numbers": lambda n: json.dumps({"a": list(range(n))}),
    "texts": lambda n: json.dumps({"a": ["a" * 50] * n}),
    "a long text": lambda n: json.dumps({"a": "a" * n}),
    "long numbers": lambda n: '{"a": [' + ",".join(["9" * 400] * (n // 50)) + "]}",
    "exponents": lambda n: '{"a": [' + ",".join(["1e400"] * n) + "]}",
    "a number": lambda n: '{"a": ' + "9" * n + "}",
    "elements": lambda n: json.dumps({"l": [{"x": i, "y": i, "z": "1"} for i in range(n)]}),
    "elements of elements": lambda n: json.dumps({"l": [{"x": i, "m": [{"y": 5}, {"z": 7}]} for i in range(n)]}),
    "deep arrays": lambda n: '{"a": ' + "[0," * n + "1" + "]" * n + "}",
    "deep objects": lambda n: '{"a": ' * n + "1" + "}" * n,
    "repeated keys": lambda n: "{" + ",".join(['"a": [1]'] * n) + "}",
    "escapes": lambda n: '{"a": "' + "\\u0061" * n + '"}',
    "lone surrogates": lambda n: '{"a": "' + "\\ud800" * n + '"}',
    "addresses": lambda n: json.dumps({"a": [f"10.0.{i // 256}.{i % 256}" for i in range(n)]}),
}
PATTERNS = {
    "literals": {"a": [f"t{n}" for n in range(2000)] + list(range(-3000, -1000))},
    "wildcard": {"a": [{"wildcard": "*a*a*b"}]},
    "numeric": {"a": [{"numeric": [">", 10**9]}]},
    "ignoring case": {"a": [{"suffix": {"equals-ignore-case": "straße"}}]},
    "anything-but": {"a": {"b": [{"anything-but": {"wildcard": ["*a*b", "*b"]}}]}},
    "cidr": {"a": [{"cidr": "10.9.0.0/24"}]},
    "one element": {"l": {"x": [{"exists": True}], "y": ["no"], "z": ["1"]}},
    "element in element": {"l": {"x": [{"exists": True}], "m": {"y": [5], "z": [7]}}},
    "absent": {"l": {"x": [{"exists": True}], "y": [{"exists": False}], "z": ["2"]}},
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_lines_for_a_byte(pattern, event):
    data = EVENTS[event](600).encode()
    assert lines(Pattern(PATTERNS[pattern]), data) <= LINES_PER_BYTE * len(data)


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        (
            {"m": [1], "m-x": [1], "m-x.y": [4], "m.x": [2]},
            lambda n: {"m": [*[[1]] * n, {"x": 2}], "m-x": [*[[1]] * n, {"y": 3}]},
        ),
        (
            {"a": {"b": {"x": [{"exists": True}], "y": [{"exists": True}], "z": ["no"]}, "c": [{"exists": True}]}},
            lambda n: {
                "a": [{"b": {"x": i, "y": i, "z": i}, "c": i} for i in range(n)],
                "a.b": [{"x": i, "y": i, "z": i} for i in range(n)],
            },
        ),
    ],
    ids=["values beside objects", "joined keys"],
)
@pytest.mark.parametrize("size", [500, 2000])
def test_products_of_arrays_are_cut_off(pattern, event, size):
    """Without the bound: the square of the size, a million pairs and more at the larger one."""
    data = json.dumps(event(size)).encode()
    assert lines(Pattern(pattern), data) <= LINES_PER_BYTE_IN_TWO_ARRAYS * len(data) + LINES_FOR_PAIRS


def test_a_product_below_the_bound_is_searched_to_its_end():
    pattern = Pattern({"m": [1], "m-x": [1], "m-x.y": [3], "m.x": [2]})
    assert pattern.matches({"m": [1, {"x": 2}], "m-x": [1, {"y": 3}]})
    assert pattern.matches({"m": [*[[0]] * 100, 1, {"x": 2}], "m-x": [*[[0]] * 100, 1, {"y": 3}]})
