"""What a person types to name an item or a record: a key in one of several forms, or a sequence number.

Decides what a text can mean. Which of the meanings is there is the journal's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from urllib.parse import unquote

import msgspec

from afterbay.core.change.itemkey import item_key
from afterbay.core.change.number import number_text, parse_number
from afterbay.core.change.raw import ItemKey
from afterbay.core.change.sequence import document_id
from afterbay.core.shard.position import Position
from afterbay.errors import RecordError, SettingsError

__all__ = ["KeyAttribute", "asked_number", "first_parts", "is_named", "keys_meant", "parts_of", "whole_key"]

KeyAttribute = tuple[str, str | None]
"""The name of a key attribute, and its type (``S``, ``N``, ``B``); None: not known."""

_NUMBER = re.compile(r"[0-9]{21,40}|[0-9]{56}")
_TYPES = ("S", "N", "B")


def asked_number(text: str) -> Position | None:
    """A sequence number: 21 to 40 digits (S46), Kinesis' have 56. None: it is a key."""
    return Position(int(text)) if _NUMBER.fullmatch(text) else None


def whole_key(text: str) -> ItemKey | None:
    """A key that says everything: ``{"pk": {"S": "a"}}``. None: it is no JSON object.

    Raises ``SettingsError`` for an object that is no key.
    """
    if not text.lstrip().startswith("{"):
        return None
    try:
        return item_key(text.encode())
    except RecordError as wrong:
        raise SettingsError(
            f"{text} is no key: {wrong.message}", hint='as in {"pk": {"S": "a"}, "sk": {"N": "1"}}'
        ) from wrong


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of a readable key, ``pk#sk`` (E4). A lone part may hold ``#`` itself, so this is one reading of two."""
    return tuple(unquote(part) for part in text.split("#"))


def first_parts(text: str) -> tuple[str, ...]:
    """What a key that ``text`` names can have as a value, as it is stored: all of ``text``, or its first part; a number
    has one spelling there (S101)."""
    found: dict[str, None] = {}
    for part in (text, parts_of(text)[0]):
        found[part] = None
        try:
            found[number_text(parse_number(part))] = None
        except ValueError:
            continue  # no number
    return tuple(found)


def is_named(key: bytes, text: str) -> bool:
    """True where ``text`` is how the item of a canonical key is called (E4), its numbers in any spelling (S101)."""
    try:
        typed = msgspec.json.decode(key, type=dict[str, dict[str, object]])
        named = document_id(typed) == text
    except (RecordError, msgspec.MsgspecError):
        return False
    return named or any(
        key == one for one in keys_meant(text, [(name, next(iter(value), None)) for name, value in typed.items()])
    )


def keys_meant(text: str, attributes: Sequence[KeyAttribute]) -> Iterator[ItemKey]:
    """The keys that ``text`` can mean for items with these key attributes, one or two.

    With two, ``text`` is ``pk#sk`` in the order of their names, as E4 joins them. A type that is not known is each of
    the three.
    """
    named = sorted(attributes)
    parts = (text,) if len(named) == 1 else parts_of(text)
    if len(parts) != len(named):
        return
    for types in product(*(_TYPES if kind is None else (kind,) for _, kind in named)):
        values = zip(named, types, parts, strict=True)
        try:
            yield item_key(msgspec.json.encode({name: {kind: part} for (name, _), kind, part in values}))
        except RecordError:
            continue  # no number, or no base64: it cannot be of this type
