"""JSON read and written without losing a digit.

A number that is no integer is kept as it is spelled (``msgspec.Raw``), which the writer copies; integers are Python's
own, of any size. Values made elsewhere (by ``json.loads``, with ``float`` or ``Decimal``) are written as they are.
"""

from __future__ import annotations

import json
from typing import cast

import msgspec
from msgspec import Raw

__all__ = ["compact", "read_json"]

_INT_DIGITS_MAX = 1000
"""Longer integers stay text: Python refuses to read or write some thousand digits."""

_decode = msgspec.json.Decoder(object, float_hook=Raw).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def read_json(text: bytes | str) -> object:
    """One JSON value and nothing else. ``ValueError``: anything else, invalid UTF-8 and too deep nesting too (B18).

    Of repeated keys the last counts. Half of a surrogate pair is taken as it comes, since an escape may spell it.
    """
    try:
        return _decode(text)
    except RecursionError as deep:
        raise ValueError("nested too deep") from deep
    except ValueError as refused:
        return _read_slowly(text, refused)


def _read_slowly(text: bytes | str, refused: ValueError) -> object:
    """What msgspec refuses and JSON allows: lone surrogates, very long integers."""
    if isinstance(text, bytes):
        text = text.decode()  # json.loads would guess the encoding
    try:
        return json.loads(text, parse_float=Raw, parse_int=_integer, parse_constant=_no_constant)
    except RecursionError as deep:
        raise ValueError("nested too deep") from deep
    except ValueError:
        raise refused from None


def _integer(digits: str) -> int | Raw:
    return int(digits) if len(digits) <= _INT_DIGITS_MAX else Raw(digits)


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def compact(value: object) -> str:
    """JSON text without blanks; letters beyond ASCII as they are, half of a surrogate pair as its escape.

    ``ValueError``: nested too deep.
    """
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return _write_slowly(value)
    except RecursionError as deep:
        raise ValueError("nested too deep") from deep


def _write_slowly(value: object) -> str:
    """For a value with half of a surrogate pair somewhere, which msgspec does not write."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return "{" + ",".join(f"{json.dumps(name)}:{compact(member)}" for name, member in members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(compact, cast("list[object]", value))) + "]"
    return _encode(value).decode()
