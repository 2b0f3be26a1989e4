"""Which item a record is about: canonical bytes of its ``Keys`` (R62, S101).

Every record of every page passes here, so the usual shapes are told by one regular expression and not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from afterbay.core.change.raw import ItemKey
from afterbay.core.change.value import canonical
from afterbay.errors import RecordError

__all__ = ["item_key", "item_keys"]

# One key attribute in the very bytes that ``canonical`` gives: no blanks, no escapes; a string, a whole number without
# zeros in front, or base64 without padding (padding can hide stray bits, and so two spellings of one value).
_TEXT = rb'[^"\\\x00-\x1f]*'
_ATTRIBUTE = rb'"(%b)":\{"(?:S":"%b"|N":"(?:0|-?[1-9][0-9]{0,37})"|B":"(?:[A-Za-z0-9+/]{4})*")\}' % (_TEXT, _TEXT)
_USUAL = re.compile(rb"\{%b(?:,%b)?\}" % (_ATTRIBUTE, _ATTRIBUTE))
_LINES_USUAL_ALONE = re.compile(rb"(?:\{%b\}\n)*+" % _ATTRIBUTE)


def item_keys(keys: Sequence[bytes]) -> list[ItemKey]:
    """``item_key`` of each. Keys of one attribute are told all at once: no usual one holds an end of line."""
    if _LINES_USUAL_ALONE.fullmatch(b"".join([key + b"\n" for key in keys])):
        return list(keys)  # type: ignore[arg-type] # the name of a type is a call, once for every record
    return list(map(item_key, keys))


def item_key(keys: bytes) -> ItemKey:
    """Canonical bytes of a record's ``Keys``, given as JSON.

    Member order and spelling of numbers do not matter; different keys give different bytes. Raises ``RecordError``.
    """
    usual = _USUAL.fullmatch(keys)
    if usual is None:
        return _parsed(keys)
    if usual.lastindex != 1:
        first, second = usual.groups()
        if first >= second:
            return _parsed(keys)
    return keys  # type: ignore[return-value] # the name of a type is a call, once for every record


def _parsed(keys: bytes) -> ItemKey:
    try:
        item: object = msgspec.json.decode(keys)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise RecordError("Keys are not JSON", path="dynamodb.Keys") from broken
    key = ItemKey(canonical(item, "dynamodb.Keys"))
    if key == b"{}":
        raise RecordError("a record's key has at least one attribute", path="dynamodb.Keys")
    return key
