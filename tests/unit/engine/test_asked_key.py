"""What a text typed by a person can mean."""

from __future__ import annotations

import pytest

from afterbay.engine.asked_key import asked_number, first_parts, is_named, keys_meant, parts_of, whole_key
from afterbay.errors import SettingsError

COMPOSITE = b'{"pk":{"S":"a"},"sk":{"N":"1"}}'


@pytest.mark.parametrize("text", ["1" * 21, "9" * 40, "4" * 56])
def test_a_long_number_is_a_sequence_number(text: str) -> None:
    assert asked_number(text) == int(text)


@pytest.mark.parametrize("text", ["1" * 20, "1" * 41, "12a", "", "-" + "1" * 21])
def test_anything_else_is_a_key(text: str) -> None:
    assert asked_number(text) is None


def test_a_whole_key_is_taken_in_any_spelling() -> None:
    assert whole_key(' {"sk": {"N": "1.0"}, "pk": {"S": "a"}}') == COMPOSITE
    assert whole_key("a#1") is None


@pytest.mark.parametrize("text", ["{", "{}", '{"pk": "a"}', '{"pk": {"S": 1}}'])
def test_an_object_that_is_no_key_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match=r"is no key.*as in"):
        whole_key(text)


def test_a_text_is_each_type_that_it_can_be() -> None:
    assert list(keys_meant("12", [("pk", None)])) == [b'{"pk":{"S":"12"}}', b'{"pk":{"N":"12"}}']
    assert list(keys_meant("bad", [("pk", None)])) == [b'{"pk":{"S":"bad"}}'], "no number, and no base64"
    assert list(keys_meant("12", [("pk", "N")])) == [b'{"pk":{"N":"12"}}']


def test_two_parts_stand_in_the_order_of_their_names() -> None:
    assert list(keys_meant("a#1", [("sk", "N"), ("pk", "S")])) == [COMPOSITE]
    assert list(keys_meant("a", [("sk", "N"), ("pk", "S")])) == []
    assert list(keys_meant("a#b#1", [("sk", "N"), ("pk", "S")])) == [], "ambiguous: what is a part is escaped (E4)"


def test_a_part_may_hold_an_escaped_sign() -> None:
    assert parts_of("a%23b#c%25") == ("a#b", "c%")
    assert list(keys_meant("a#b", [("pk", "S")])) == [b'{"pk":{"S":"a#b"}}'], "a lone key is taken as it is"


def test_a_key_is_called_as_e4_says() -> None:
    assert is_named(COMPOSITE, "a#1") and not is_named(COMPOSITE, "a#2")
    assert is_named(b'{"pk":{"S":"a#b"}}', "a#b")
    assert not is_named(b"a partition key of Kinesis", "a partition key of Kinesis")


@pytest.mark.parametrize("text", ["2.5", "2.50", "25E-1"])
def test_a_number_is_named_in_any_spelling(text: str) -> None:
    """S101: it is stored in one."""
    assert is_named(b'{"pk":{"N":"2.5"}}', text) and "2.5" in first_parts(text)
    assert is_named(b'{"pk":{"S":"a"},"sk":{"N":"2.5"}}', f"a#{text}")
    assert is_named(b'{"pk":{"S":"2.5"}}', text) is (text == "2.5"), "a text has one spelling"
