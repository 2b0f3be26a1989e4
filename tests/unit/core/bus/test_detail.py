"""Which texts are a detail, and how they are sent on (B12, B18, B24)."""

from __future__ import annotations

import pytest

from afterbay.core.bus.detail import compact_detail


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("{}", b"{}"),
        (' {"a" : [ 1 ,\n2 ] }\t', b'{"a":[1,2]}'),
        ('{"a": " two  blanks "}', b'{"a":" two  blanks "}'),
        ('{"n": [1.0, 1E5, -0, 3.00]}', b'{"n":[1.0,1E5,-0,3.00]}'),
        ('{"a": 1, "a": 2}', b'{"a":1,"a":2}'),
        ('{"a": "\\u00e9 \\/ é"}', '{"a":"\\u00e9 \\/ é"}'.encode()),
        ('{"half": "\\ud800 x"}', b'{"half":"\\ud800 x"}'),
        ('{"q": "a \\" [ { b"}', b'{"q":"a \\" [ { b"}'),
    ],
)
def test_only_blanks_between_tokens_are_lost(text: str, sent: bytes) -> None:
    assert compact_detail(text) == sent


@pytest.mark.parametrize(
    "text",
    ["", " ", "[]", "1", "null", "true", '"{}"', "{", "{}}", "{{}", '{"a":1,}', "{'a':1}", '{"a":NaN}', "\ufeff{}"],
)
def test_what_is_no_json_object_is_no_detail(text: str) -> None:
    assert compact_detail(text) is None


def test_half_a_surrogate_pair_that_is_not_escaped_is_no_text() -> None:
    assert compact_detail('{"a": "\ud800"}') is None


@pytest.mark.parametrize("number", ["9223372036854775807", "-9223372036854775808", "9223372036854775808.0", "1e30"])
def test_integers_of_64_bits_are_taken_and_fractions_of_any_size(number: str) -> None:
    assert compact_detail(f'{{"n": {number}}}') == f'{{"n":{number}}}'.encode()


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "9" * 30, "-" + "9" * 5000])
def test_wider_integers_are_not(number: str) -> None:
    """B18."""
    assert compact_detail(f'{{"n": [{number}]}}') is None


def test_digits_in_texts_are_no_integers() -> None:
    assert compact_detail('{"N": "99999999999999999999999999999999999999"}') is not None


@pytest.mark.parametrize(("levels", "taken"), [(999, True), (1000, True), (1001, False), (50_000, False)])
def test_a_thousand_levels_are_taken(levels: int, taken: bool) -> None:
    """B18: the object itself is the first."""
    nested = "[" * (levels - 1) + "]" * (levels - 1)
    assert (compact_detail(f'{{"a": {nested}}}') is not None) is taken


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert compact_detail('{"a": [' + "[], " * 5000 + '"]["]}') is not None
