"""Numbers as patterns compare them: by value where a double can hold them, else by their source text (P16, P34)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

__all__ = ["EXACT_INT_MAX", "Leaf", "Uncomparable", "leaf_of", "number_of"]

EXACT_INT_MAX = 2**53
"""Up to here every integer is a double, and comparing Python's ints with floats is exact."""

_DIGITS_MAX = 17
"""The shortest decimal form of a double has at most this many digits: what has more is not comparable."""


@dataclass(frozen=True, slots=True)
class Uncomparable:
    """A number that is not the shortest form of any double. It equals only the same text."""

    text: str


Leaf = str | bool | int | float | Uncomparable | None
"""A leaf value of an event, its numbers reduced: an int is at most ``EXACT_INT_MAX`` wide, a float is finite."""


def number_of(text: str) -> int | float | Uncomparable:
    """Read a JSON number. A float stands for every comparable spelling of its value."""
    if len(text) <= 15 and text.removeprefix("-").isdigit():
        return int(text)
    digits = text.lower().partition("e")[0].lstrip("-").replace(".", "").strip("0")
    if not digits:
        return 0
    if len(digits) > _DIGITS_MAX:
        return Uncomparable(text)
    value = float(text)
    if value == 0 or math.isinf(value):
        return Uncomparable(text)
    try:
        exact = Decimal(text) == Decimal(repr(value))
    except InvalidOperation:  # an exponent beyond what Decimal takes, on a value that a double holds by its zeros
        exact = False
    return value if exact else Uncomparable(text)


def leaf_of(value: object) -> Leaf:
    """Reduce a scalar of a decoded event. What is no JSON (a set, bytes) equals nothing."""
    if value is None or isinstance(value, str | bool | Uncomparable):
        return value
    if isinstance(value, int):
        if -EXACT_INT_MAX <= value <= EXACT_INT_MAX:
            return value
        try:
            return number_of(str(value))
        except ValueError:  # Python prints no integer of more than some thousand digits
            return Uncomparable(f"integer of {value.bit_length()} bits")
    if isinstance(value, float):
        return value if math.isfinite(value) else Uncomparable(repr(value))
    if isinstance(value, Decimal):
        return number_of(str(value)) if value.is_finite() else Uncomparable(str(value))
    return Uncomparable(type(value).__name__)
