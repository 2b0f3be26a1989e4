"""What a reader finds in a sink: the live items, in one form for all sinks, so that a sink can be held against its
table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, cast

from afterbay.core.change.value import Item, TypedItem, canonical, decode_item, json_bytes
from afterbay.errors import RecordError

__all__ = ["LiveItem", "ReadableSink", "live_item", "plain_item", "plain_text"]


@dataclass(frozen=True, slots=True)
class LiveItem:
    """One live item. ``key`` is the canonical key text. ``item`` has the values of a JSON sink: exact numbers
    (``int``, or ``Decimal``), binary as base64 text, sets as sorted lists."""

    key: str
    item: dict[str, object]


class ReadableSink(Protocol):
    """A sink whose live items can be read back."""

    def read_live(self) -> Iterator[LiveItem]:
        """Every live item, in no order that means anything; tombstones are not among them."""
        ...


def live_item(typed: TypedItem, key_names: frozenset[str]) -> LiveItem:
    """A typed item, as from a table, in the form in which sinks show theirs."""
    keys = {name: typed[name] for name in key_names}
    return LiveItem(canonical(keys).decode(), plain_item(decode_item(typed)))


def plain_item(item: Item) -> dict[str, object]:
    """Python values in the form of a JSON sink."""
    return plain_text(json_bytes(item).decode())


def plain_text(text: str) -> dict[str, object]:
    """The JSON text of an item, read without losing a digit."""
    read: object = json.loads(text, parse_float=Decimal)
    if not isinstance(read, dict):
        raise RecordError("the sink holds something else than an item", hint="did another program write to it?")
    return cast("dict[str, object]", read)
