"""Numbers of a DynamoDB request, written the way the service stores them (S97).

Done before moto sees the request: a key spelt ``7.0`` then is the item ``7``, and what is read back is normalised.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from afterbay.core.change.number import in_range, number_text, parse_number
from afterbay.core.change.wire import JsonValue
from afterbay.errors import EndpointError

__all__ = ["DIGITS_MAX", "normal_number", "normalise"]

DIGITS_MAX = 38
"""Significant digits of a number (S97)."""


def normalise(value: JsonValue) -> bool:
    """Rewrite every ``N`` and ``NS`` under ``value`` in place; True if any changed. Raises ``EndpointError``.

    A member named N or NS whose value is no text or list of text is an attribute or a parameter, and left alone.
    """
    changed = False
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "N" and isinstance(inner, str):
                text = normal_number(inner)
                changed |= text != inner
                value[name] = text
            elif name == "NS" and isinstance(inner, list):
                changed |= _normalise_set(inner)
            else:
                changed |= normalise(inner)
    elif isinstance(value, list):
        for inner in value:
            changed |= normalise(inner)
    return changed


def normal_number(text: str) -> str:
    """The stored form of a number. Raises ``EndpointError`` for text that is none (S97)."""
    try:
        normal = number_text(parse_number(text))
    except ValueError as error:
        raise _refusal(text) from error
    if len(normal.lstrip("-").replace(".", "").strip("0")) > DIGITS_MAX:
        raise EndpointError("ValidationException", "Attempting to store more than 38 significant digits in a Number")
    return normal


def _refusal(text: str) -> EndpointError:
    """Said here: moto compares as floats, for which 1E+126 is in range, and fails for text in a filter."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or in_range(number):  # blanks around it, digits of other scripts, underscores, too
        return EndpointError("ValidationException", f"The parameter cannot be converted to a numeric value: {text}")
    what, size = ("overflow", "larger") if number.adjusted() > 0 else ("underflow", "smaller")
    return EndpointError(
        "ValidationException",
        f"Number {what}. Attempting to store a number with magnitude {size} than supported range",
    )


def _normalise_set(members: list[JsonValue]) -> bool:
    changed = False
    for index, member in enumerate(members):
        if isinstance(member, str):
            text = normal_number(member)
            changed |= text != member
            members[index] = text
    return changed
