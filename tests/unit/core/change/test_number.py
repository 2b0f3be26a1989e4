"""Numbers in every spelling, exact to the last digit (S97)."""

from decimal import Decimal

import pytest

from afterbay.core.change.number import in_range, number_text, parse_number


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("7", "7"),
        ("7.0", "7"),
        ("+7", "7"),
        ("007", "7"),
        ("0.7E1", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-0.50", "-0.5"),
        ("-0", "0"),
        ("0E9999", "0"),
        ("1E+27", "1" + "0" * 27),
        ("1E120", "1" + "0" * 120),
        ("-1E-130", "-0." + "0" * 129 + "1"),
        ("9" * 38 + "E87", "9" * 38 + "0" * 87),
        ("1." + "0" * 400, "1"),
        ("0." + "123456789" * 20, "0." + "123456789" * 20),
    ],
)
def test_a_number_has_one_text_whatever_its_spelling(text, plain):
    number = parse_number(text)
    assert number_text(number) == plain
    assert number == Decimal(text)
    assert isinstance(number, int) == ("." not in plain)


def test_a_decimal_that_is_whole_is_written_without_a_point():
    assert number_text(Decimal("1E+27")) == "1" + "0" * 27
    assert number_text(Decimal("7.00")) == "7"


@pytest.mark.parametrize("text", ["", "-", ".", "1e", "1 ", "1\n", "0x1", "1_0", "inf", "nan", "\u0661", "1,5", "--1"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="not a number"):
        parse_number(text)


@pytest.mark.parametrize("text", ["1E126", "-1E126", "9E-131", "1E999999999", "1E-999999999", "1" * 127])
def test_a_magnitude_that_no_table_holds_is_refused_without_work(text):
    with pytest.raises(ValueError, match="outside"):
        parse_number(text)


def test_the_range_is_that_of_a_table():
    assert in_range(10**126 - 1)
    assert not in_range(10**126)
    assert not in_range(Decimal("-Infinity"))
    assert in_range(Decimal("0E+9999"))
