"""Typed values as nearly all are, well-formed and parsed from JSON: decoded in one loop, without the cost of paths.

Decides nothing of its own: what is not read here, ``value.py`` reads again, which takes more, or says what is wrong and
where.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias, TypeVar

from afterbay.core.change.number import Number, parse_number
from afterbay.core.change.scalar import DECODERS, Scalar, SetValue
from afterbay.errors import RecordError

__all__ = ["JSON_DECODERS", "NOT_PLAIN", "Decoders", "TypedValue", "ordered", "plain"]

Name = TypeVar("Name", str, int)

TypedValue: TypeAlias = Mapping[str, "str | bool | list[TypedValue] | dict[str, TypedValue]"]
"""What is taken for one attribute value until it turns out to be something else."""

Decoders: TypeAlias = Mapping[str, Callable[[object, str], object]]

NOT_PLAIN = (RecordError, ValueError, LookupError, AttributeError, TypeError)
"""What ``plain`` raises: a value of a known type that is wrong, not one member, an unknown type, no object at all."""


def plain(named: Iterable[tuple[Name, TypedValue]], decoders: Decoders, levels: int) -> dict[Name, object]:
    """Attributes by name, or a list's elements by place -> decoded, ``levels`` of lists and maps below them (S100).

    ``decoders`` are those of all types but M and L. Raises one of ``NOT_PLAIN`` for whatever is not plain.
    """
    decoded: dict[Name, object] = {}
    for name, value in named:
        ((tag, inner),) = value.items()
        # No call for text: it is most of what items hold, and this loop most of what a sink does for a record.
        if tag == "S" and type(inner) is str:
            decoded[name] = inner
        elif tag == "N" and type(inner) is str:
            decoded[name] = parse_number(inner)
        elif tag == "M" and levels and type(inner) is dict:
            decoded[name] = plain(inner.items(), decoders, levels - 1)
        elif tag == "L" and levels and type(inner) is list:
            decoded[name] = list(plain(enumerate(inner), decoders, levels - 1).values())
        else:
            decoded[name] = decoders[tag](inner, "")
    return decoded


def ordered(values: Iterable[object]) -> list[object]:
    """Members of a set in a stable order: numbers by value, text by code point, binary as the base64 text that a reader
    of the array sees (interfaces.md section 3)."""
    return sorted(values, key=_set_order)


def _set_order(value: object) -> tuple[Number, str]:
    match value:
        case str():
            return (0, value)
        case bytes():
            return (0, b64encode(value).decode("ascii"))
        case int() | Decimal():
            return (value, "")
        case _:
            raise AssertionError(f"{type(value).__name__} is in no set")


def _ordered_set(decode: Callable[[object, str], Scalar | SetValue]) -> Callable[[object, str], object]:
    def decoded(inner: object, path: str) -> object:
        members = decode(inner, path)
        assert isinstance(members, frozenset)
        return ordered(members)

    return decoded


JSON_DECODERS: Decoders = DECODERS | {tag: _ordered_set(DECODERS[tag]) for tag in ("SS", "NS", "BS")}
"""As ``DECODERS``, but JSON has no sets: their members come as lists, in order."""
