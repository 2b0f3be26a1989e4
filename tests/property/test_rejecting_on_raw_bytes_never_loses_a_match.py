"""The test on raw bytes rejects only what the full parse rejects too, however texts are spelled."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.pattern import Pattern
from afterbay.core.pattern.decode import compile_rejection
from afterbay.core.pattern.match import Matcher
from afterbay.core.pattern.syntax import read_pattern
from afterbay.core.pattern.text import read_event

TEXT = st.text(alphabet=st.sampled_from('aAé😀"\\/\n\u0000 .'), max_size=4)


def spelled(text, escape):
    return (
        '"' + "".join(f"\\u{ord(c):04x}" for c in text) + '"'
        if escape and all(ord(c) < 0x10000 for c in text)
        else json.dumps(text, ensure_ascii=False)
    )


@given(
    wanted=st.lists(TEXT, min_size=1, max_size=3),
    there=TEXT,
    operator=st.sampled_from(["", "prefix", "suffix"]),
    escape=st.booleans(),
)
def test_rejection_agrees_with_the_parse(wanted, there, operator, escape):
    members = [{operator: text} if operator else text for text in wanted]
    alternatives = read_pattern({"a": {"S": members}})
    data = f'{{"a": {{"S": {spelled(there, escape)}}}}}'.encode()
    full = Matcher(alternatives).matches(read_event(data))
    reject = compile_rejection(alternatives)
    if reject is not None and reject(data):
        assert not full
    assert Pattern({"a": {"S": members}}).matches(data) is full


def test_a_record_with_a_backslash_is_never_rejected_on_its_bytes():
    reject = compile_rejection(read_pattern({"a": ["SHIPPED"]}))
    assert reject is not None
    assert reject(b'{"a": "PENDING"}')
    assert not reject(b'{"a": "\\u0053HIPPED"}')
    assert Pattern({"a": ["SHIPPED"]}).matches(b'{"a": "\\u0053HIPPED"}')
