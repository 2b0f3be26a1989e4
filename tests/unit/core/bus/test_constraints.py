"""The model's sentences (B33)."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterbay.core.bus.authorization import _CREDENTIAL, _CREDENTIAL_MATCHES
from afterbay.core.bus.call import HEADER_VALUE
from afterbay.core.bus.constraints import Listed, Text, Whole, check, violations
from afterbay.errors import SettingsError

NAME = Text(name="Name", low=1, high=3, pattern="[a-z]+", required=True)


def sentences(params: dict, *model: Text | Whole | Listed) -> list[str]:
    return list(violations(params, model, at="things.1.member."))


def test_spelling_comes_before_length_and_all_is_joined() -> None:
    with pytest.raises(SettingsError) as error:
        check({"Name": "ABCD", "Count": 0}, (NAME, Whole(name="Count", low=1)))
    assert (error.value.code, error.value.message) == (
        "ValidationException",
        "3 validation errors detected: "
        "Value 'ABCD' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; "
        "Value 'ABCD' at 'name' failed to satisfy constraint: Member must have length less than or equal to 3; "
        "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
    )


def test_what_is_required_must_not_be_null() -> None:
    (sentence,) = sentences({}, NAME)
    assert sentence == "Value null at 'things.1.member.name' failed to satisfy constraint: Member must not be null"
    assert sentences({"Name": "abc"}, NAME) == []


def test_an_empty_text_breaks_both_rules() -> None:
    assert len(sentences({"Name": ""}, NAME)) == 2


def test_a_closed_set_is_shown_in_its_order() -> None:
    (sentence,) = sentences({"Kind": "C"}, Text(name="Kind", choices=("B", "A")))
    assert sentence.endswith("Member must satisfy enum value set: [B, A]")


def test_a_secret_is_not_shown() -> None:
    (sentence,) = sentences({"Password": "hunter2"}, Text(name="Password", high=3, secret=True))
    assert sentence.startswith("Value at 'things.1.member.password' failed") and "hunter2" not in sentence


def test_numbers_have_ends_where_the_model_has_them() -> None:
    assert sentences({"Days": 10**9}, Whole(name="Days", low=0)) == []
    assert sentences({"Days": 10**9}, Whole(name="Days", low=0, high=5))[0].endswith("less than or equal to 5")


def test_lists_are_counted_and_their_texts_looked_at() -> None:
    ids = Listed(name="Ids", low=1, high=2, each=Text(name="Ids", high=1), required=True)
    assert sentences({}, ids)[0].startswith("Value null at 'things.1.member.ids'")
    assert sentences({"Ids": []}, ids)[0].startswith("Value '[]' at 'things.1.member.ids'")
    many, long = sentences({"Ids": ["a", "bb", "c"]}, ids)
    assert many.startswith("Value '[a, bb, c]' at 'things.1.member.ids'")
    assert long.startswith("Value 'bb' at 'things.1.member.ids.2.member'")


@pytest.mark.parametrize("params", [{"Name": 1}, {"Name": ["a"]}])
def test_another_json_type_is_no_text(params: dict) -> None:
    with pytest.raises(SettingsError) as error:
        check(params, (NAME,))
    assert error.value.code == "SerializationException"


ALPHABET = st.sampled_from(list(" \tab:~\x7f\x1f\n\x80é"))


@given(st.text(ALPHABET, max_size=8))
def test_the_linear_spellings_take_what_awss_take(value: str) -> None:
    for slow, quick in ((_CREDENTIAL, _CREDENTIAL_MATCHES), (HEADER_VALUE.pattern, HEADER_VALUE.matches)):
        assert (re.fullmatch(slow, value) is None) == (re.fullmatch(quick, value) is None)


def test_no_value_takes_long_to_refuse() -> None:
    began = time.process_time()
    for matches in (_CREDENTIAL_MATCHES, HEADER_VALUE.matches):
        assert re.fullmatch(matches, " a" * 250 + "\x01") is None
    assert time.process_time() - began < 1
