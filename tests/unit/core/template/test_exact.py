"""Digits survive being read and written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from afterbay.core.template.exact import compact, read_json

NUMBERS = [
    "0",
    "-7",
    "9223372036854775807",
    "18446744073709551616",
    "-123456789012345678901234567890",
    "1.0",
    "1.50",
    "-0.0",
    "1e5",
    "1E+400",
    "0.1000000000000000055511151231257827",
    "9" * 300,
    "9" * 5000,
]


@pytest.mark.parametrize("digits", NUMBERS, ids=lambda digits: digits[:40])
def test_a_number_is_written_as_it_was_spelled(digits):
    for text in (digits, f'{{"a":[{digits},"x"]}}'):
        assert compact(read_json(text)) == text
        assert compact(read_json(text.encode())) == text


def test_decimals_of_decoded_values_are_numbers():
    assert compact({"a": Decimal("1.10"), "b": [10**30]}) == '{"a":1.10,"b":[1000000000000000000000000000000]}'


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[1,]", "NaN", "Infinity", "-", "01", "1 2", "{} x", "'a'", '"a\nb"', "\ufeff1", "True"]
)
def test_what_is_no_json_is_refused(text):
    for given in (text, text.encode()):
        with pytest.raises(ValueError, match=r".+"):
            read_json(given)


@pytest.mark.parametrize("data", [b'"\xff"', b'{"\xff":1}', '"a"'.encode("utf-16")])
def test_what_is_no_utf8_is_refused(data):
    with pytest.raises(ValueError, match=r".+"):
        read_json(data)


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_great_depth_is_refused_and_does_not_crash(text):
    with pytest.raises(ValueError, match="nested too deep"):
        read_json(text)


def test_great_depth_is_not_written():
    value: object = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deep"):
        compact(value)
    while isinstance(value, list):  # taken apart here, or its end would be as deep
        value = value.pop()


def test_half_a_surrogate_pair_stays_an_escape():
    text = '{"\\ud800":["x\\udfff\\n",1.50,null],"é":true}'
    assert compact(read_json(text)) == '{"\\ud800":["x\\udfff\\n",1.50,null],"\\u00e9":true}'


def test_of_repeated_keys_the_last_counts():
    assert compact(read_json('{"a": 1, "b": 2, "a": 3}')) == '{"a":3,"b":2}'


def test_letters_beyond_ascii_are_written_as_they_are():
    assert compact({"città": "東京 😀 </p>"}) == '{"città":"東京 😀 </p>"}'
