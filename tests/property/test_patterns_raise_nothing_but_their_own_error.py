"""Any JSON as a pattern and any bytes as an event: an answer or ``PatternError``, and every way to it says the same."""

from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.pattern import Pattern, PatternError, PatternSet
from afterbay.core.pattern.match import Matcher
from afterbay.core.pattern.text import read_event
from patterns import generate

WORDS = st.sampled_from(
    [*(name for name in generate.OPERATORS if "-" not in name), "equals-ignore-case", "anything-but", "$or", "a", "a.b"]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["<", "=", ">=", "*", "a*", "10.0.0.0/8", "::1", "\ud800", "\\", 10**400, 2**53 + 1, 5e-324]),
    st.text(max_size=5),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, st.text(max_size=3)), inner, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.one_of(WORDS, st.text(max_size=3)), JSON, max_size=4)


def compiled(source):
    try:
        return Pattern(source)
    except PatternError:
        return None


@given(pattern=OBJECTS, event=OBJECTS)
def test_any_json(pattern, event):
    for source in (pattern, json.dumps(pattern)):
        made = compiled(source)
        if made is not None:
            verdict = made.matches(event)
            assert made.explain(event).matched is verdict
            assert PatternSet([made]).matches(event) is verdict
            assert repr(made)


@given(source=st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_any_text_as_a_pattern(source):
    compiled(source)


@given(seed=st.integers(0, 10**6), cuts=st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=3))
def test_bytes_of_any_kind(seed, cuts):
    """An event with some of its bytes replaced: what the decoder skips is checked as what it reads is."""
    pattern, event, _, _ = generate.pair(seed)
    made = compiled(pattern)
    if made is None:
        return
    data = event.encode()
    for at, put in cuts:
        data = data[: at % (len(data) + 1)] + put + data[at % (len(data) + 1) + len(put) :]
    decoded = read_event(data)
    expected = decoded is not None and Matcher(made.alternatives).matches(decoded)
    assert made.matches(data) is expected
    assert PatternSet([made]).matching(data) == ([0] if expected else [])
    assert made.explain(data).matched is expected


@given(data=st.binary(max_size=60))
def test_bytes_that_are_hardly_ever_json(data):
    made = Pattern({"a": ["x", 1, {"anything-but": "y"}]})
    decoded = read_event(data)
    assert made.matches(data) is (decoded is not None and Matcher(made.alternatives).matches(decoded))


@given(seed=st.integers(0, 10**6))
def test_broken_off_events(seed):
    _, event, _, _ = generate.pair(seed)
    data = event.encode()[: random.Random(seed).randrange(len(event))]
    assert not Pattern({"a": [{"exists": False}]}).matches(data)
