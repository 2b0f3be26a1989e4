"""A template rendered from the branches that it looks at is what it is from the whole event (X39)."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.template.event import Event
from afterbay.core.template.glance import Glance
from afterbay.core.template.input_template import InputTemplate
from afterbay.core.template.path import Path

NAMES = ("a", "b", "S")
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=12,
)
paths = st.lists(st.sampled_from([*NAMES, "a[0]", "b[*]", "S[1]"]), min_size=1, max_size=4).map(
    lambda names: "$." + ".".join(names)
)


@given(st.dictionaries(st.sampled_from(NAMES), values, max_size=3), st.lists(paths, min_size=1, max_size=4))
def test_a_glance_finds_what_reading_all_finds(event, asked):
    data = json.dumps(event).encode()
    template = InputTemplate("[" + ", ".join(f"<{path}>" for path in asked) + "]")
    assert template.paths is not None
    seen = Glance(template.paths).read(data)
    whole = template.render_event(Event.read(data), {})
    if seen is not None:
        assert template.render_event(Event(seen), {}) == whole


@given(st.dictionaries(st.sampled_from(NAMES), st.dictionaries(st.just("S"), st.text()), min_size=1))
def test_a_glance_at_typed_attributes_is_enough(event):
    """The usual case is not passed on to the slow way."""
    glance = Glance([Path("$.a.S"), Path("$.b.S")])
    assert glance.read(json.dumps(event).encode()) is not None
