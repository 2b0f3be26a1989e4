"""DynamoDB numbers: exact, of any length, never rounded (S97, case s06).

Decides what text is a number and how a number is written. Python's usual route, a decimal context of 38 digits, raises
on numbers that tables take and return (41 characters with trailing zeros); nothing here can round.
"""

from __future__ import annotations

import re
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import TypeAlias

__all__ = ["EXPONENT_MAX", "EXPONENT_MIN", "Number", "in_range", "number_text", "parse_number", "shortest"]

Number: TypeAlias = int | Decimal

EXPONENT_MAX = 125
EXPONENT_MIN = -130
"""A table's numbers reach from 1E-130 to 9.99E+125 (S97). It bounds the work too: 1E+999999 has a million digits."""

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
_ABOVE_ALL: int = 10 ** (EXPONENT_MAX + 1)
_PLAIN = re.compile(r"-?[0-9]{1,60}\.[0-9]{0,60}[1-9]", re.ASCII)
"""A fraction that needs no second look: in range, not zero, in its shortest form."""
_SHAPE = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?", re.ASCII)


def parse_number(text: str) -> Number:
    """The number that ``text`` writes: ``int`` where it is whole, else ``Decimal`` without trailing zeros.

    ``7``, ``7.0`` and ``0.7E1`` are all ``7``. Raises ``ValueError`` with the reason.
    """
    if len(text) <= EXPONENT_MAX and text.isascii() and text.isdecimal():
        return int(text)
    if _PLAIN.fullmatch(text) is not None:
        return Decimal(text)
    if _SHAPE.fullmatch(text) is None:
        raise ValueError("not a number")
    number = Decimal(text)
    if not in_range(number):
        raise ValueError(f"outside what a table stores, 1E{EXPONENT_MIN} to 9.99E+{EXPONENT_MAX} (S97)")
    return shortest(number)


def in_range(number: Number) -> bool:
    """True for zero and for what a table can store by its magnitude (S97); False for NaN and infinity."""
    if isinstance(number, int):
        return -_ABOVE_ALL < number < _ABOVE_ALL
    if not number.is_finite():
        return False
    if not number:
        return True
    return EXPONENT_MIN <= number.adjusted() <= EXPONENT_MAX


def shortest(number: Number) -> Number:
    """The same number in its one form: ``int`` where whole, else ``Decimal`` without trailing zeros."""
    if isinstance(number, int):
        return number
    if not number:
        return 0
    if number == number.to_integral_value():
        return int(number)
    return number.normalize(_EXACT)


def number_text(number: Number) -> str:
    """The one text of a number, as DynamoDB writes it: plain digits, no exponent, no zeros to trim.

    Two spellings of one number give one text (S101).
    """
    one = shortest(number)
    return str(one) if isinstance(one, int) else format(one, "f")
