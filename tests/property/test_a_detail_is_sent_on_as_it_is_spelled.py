"""A detail loses the blanks between its tokens and nothing else; any text is a detail or none (B12, B18, B24)."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.bus.detail import compact_detail
from afterbay.core.bus.envelope import Event, encode_event

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=12)
details = st.dictionaries(texts, values, max_size=6)
writings = st.fixed_dictionaries(
    {"indent": st.none() | st.integers(0, 3), "ensure_ascii": st.booleans(), "sort_keys": st.booleans()}
)
BLANKS = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\n\r]+', re.DOTALL)


@settings(max_examples=150)
@given(details, writings)
def test_only_blanks_are_lost(detail: dict[str, object], writing: dict[str, object]) -> None:
    text = json.dumps(detail, **writing)
    compact = compact_detail(text)
    assert compact is not None and compact.decode() == BLANKS.sub(r"\1", text)
    assert compact_detail(compact.decode()) == compact
    event = Event(id="e", detail_type="t", source="s", account="1", time_s=0, region="r", detail=compact)
    assert json.loads(encode_event(event))["detail"] == detail


@settings(max_examples=150)
@given(st.text(max_size=30) | st.text(st.sampled_from('{}[]":,\\u0019dea -.\n'), max_size=40))
def test_any_text_is_a_detail_or_none(text: str) -> None:
    compact = compact_detail(text)
    if compact is not None:
        assert isinstance(json.loads(compact), dict)
