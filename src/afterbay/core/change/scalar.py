"""What stands inside one typed attribute value that is no list and no map: text, numbers, binary, and sets of them.

Decides what is well-formed (S96 to S99); nesting is ``value.py``'s.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from afterbay.core.change.number import Number, parse_number
from afterbay.errors import RecordError

__all__ = ["DECODERS", "Scalar", "SetValue", "json_kind", "sequence"]

Scalar: TypeAlias = bool | Number | str | bytes | None
SetValue: TypeAlias = frozenset[str] | frozenset[Number] | frozenset[bytes]


def sequence(value: object, path: str) -> list[object]:
    """A JSON array's elements. Raises ``RecordError``."""
    if isinstance(value, list | tuple):
        return list(cast("list[object] | tuple[object, ...]", value))
    raise RecordError(f"a JSON array is wanted, not {json_kind(value)}", path=path)


def json_kind(value: object) -> str:
    """What was found, by its JSON name; never the value, which is the customer's."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case Mapping():
            return "an object"
        case _:
            return type(value).__name__


def _text(inner: object, path: str) -> str:
    if isinstance(inner, str):
        return inner
    raise RecordError(f"S is a JSON string, not {json_kind(inner)}", path=path)


def _number(inner: object, path: str) -> Number:
    if not isinstance(inner, str):
        raise RecordError(f"N is a JSON string of digits, not {json_kind(inner)} (S97)", path=path)
    try:
        return parse_number(inner)
    except ValueError as wrong:
        raise RecordError(f"N is {wrong}", path=path) from wrong


def _binary(inner: object, path: str) -> bytes:
    if isinstance(inner, bytes | bytearray):
        return bytes(inner)
    if not isinstance(inner, str):
        raise RecordError(f"B is base64 text or bytes, not {json_kind(inner)} (S98)", path=path)
    try:
        return b64decode(inner, validate=True)
    except (binascii.Error, ValueError) as wrong:
        raise RecordError("B is not base64 with padding (S98)", path=path) from wrong


def _bool(inner: object, path: str) -> bool:
    if isinstance(inner, bool):
        return inner
    raise RecordError(f"BOOL is true or false, not {json_kind(inner)}", path=path)


def _null(inner: object, path: str) -> None:
    if inner is not True:
        raise RecordError("NULL is always true (S96)", path=path)


def _text_set(inner: object, path: str) -> frozenset[str]:
    return frozenset(_text(one, f"{path}[{index}]") for index, one in enumerate(_set_members(inner, path)))


def _number_set(inner: object, path: str) -> frozenset[Number]:
    return frozenset(_number(one, f"{path}[{index}]") for index, one in enumerate(_set_members(inner, path)))


def _binary_set(inner: object, path: str) -> frozenset[bytes]:
    return frozenset(_binary(one, f"{path}[{index}]") for index, one in enumerate(_set_members(inner, path)))


def _set_members(inner: object, path: str) -> list[object]:
    members = sequence(inner, path)
    if not members:
        raise RecordError("a set has at least one member (S99)", path=path)
    return members


DECODERS: dict[str, Callable[[object, str], Scalar | SetValue]] = {
    "S": _text,
    "N": _number,
    "B": _binary,
    "BOOL": _bool,
    "NULL": _null,
    "SS": _text_set,
    "NS": _number_set,
    "BS": _binary_set,
}
"""The types that hold no further values: (what stands inside, its path) -> Python. Each raises ``RecordError``."""
