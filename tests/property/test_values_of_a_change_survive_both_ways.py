"""Typed JSON and Python values turn into each other without loss (S96 to S101), in canonical and in sinks' JSON too."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.change.number import number_text, parse_number
from afterbay.core.change.value import canonical, decode_item, encode_item, equal, json_bytes, same_item, sdk_item

DIGITS = st.integers(-(10**38) + 1, 10**38 - 1)


@st.composite
def numbers(draw):
    """What a table can hold: 38 digits, 1E-130 to 9.99E+125."""
    digits = draw(DIGITS)
    length = len(str(abs(digits)))
    text = f"{digits}E{draw(st.integers(-130, 126 - length))}"
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number.normalize()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | numbers()
    | TEXT
    | st.binary(max_size=6)
    | st.frozensets(TEXT, min_size=1, max_size=3)
    | st.frozensets(numbers(), min_size=1, max_size=3)
    | st.frozensets(st.binary(max_size=3), min_size=1, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ITEMS = st.dictionaries(TEXT, VALUES, max_size=4)


@given(ITEMS)
def test_values_of_a_change_survive_both_ways(item):
    typed = encode_item(item)
    assert json.loads(json.dumps(typed)) == typed
    assert equal(decode_item(typed), item)
    assert equal(decode_item(sdk_item(item)), item)
    assert same_item(typed, sdk_item(item))


@given(ITEMS, ITEMS)
def test_canonical_bytes_are_equal_exactly_when_the_items_are(one, other):
    assert (canonical(encode_item(one)) == canonical(encode_item(other))) == equal(one, other)


@given(numbers())
def test_every_spelling_of_a_number_is_the_number(number):
    plain = number_text(number)
    assert "E" not in plain
    for spelling in (plain, f"{Decimal(plain):E}", f"{plain}{'' if '.' in plain else '.'}000", f"{Decimal(plain):e}"):
        assert parse_number(spelling) == number
        assert number_text(parse_number(spelling)) == plain


@given(numbers())
def test_sinks_get_every_digit_of_a_number(number):
    assert json.loads(json_bytes({"n": number}), parse_int=Decimal, parse_float=Decimal)["n"] == Decimal(number)
