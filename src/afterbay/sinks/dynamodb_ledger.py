"""Tokens in a second table (``ledger=``): the sink's items have no attribute of ours, and deletes are deletes.

Decides what a ledger's row is and what goes into the one transaction. Calls and faults are ``dynamodb.py``'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from afterbay.core.change.value import TypedItem
from afterbay.sinks.dynamodb_item import sdk_typed
from afterbay.sinks.entry import Entry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef, TransactWriteItemTypeDef

__all__ = ["LEDGER_KEY", "row_key", "token_entry", "transaction"]

LEDGER_KEY = "_key"
"""The ledger's partition key, a string: the canonical key of the source's item."""

_KEY_BYTES_MAX = 2048
"""What a partition key may have (a source's key with a sort key can be longer, written out)."""


def row_key(key: str) -> TypedItem:
    """The key of the ledger's row for an item, by its canonical ``key``."""
    name = key if len(key.encode()) <= _KEY_BYTES_MAX else hashlib.sha256(key.encode()).hexdigest()
    return {LEDGER_KEY: {"S": name}}


def token_entry(entry: Entry) -> Entry:
    """The ledger's row as an item of its own, under the same guard: a tombstone where the item is deleted."""
    keys = row_key(entry.key)
    return replace(entry, keys_typed=keys, names=keys, image=lambda: keys)


def transaction(table: str, row: PutItemInputTypeDef, entry: Entry) -> list[TransactWriteItemTypeDef]:
    """The ledger's ``row`` on its own condition, and the item, which it speaks for."""
    typed = entry.typed
    if typed is None:
        item: dict[str, object] = {"Delete": {"TableName": table, "Key": sdk_typed(entry.keys_typed)}}
    else:
        item = {"Put": {"TableName": table, "Item": sdk_typed(typed)}}
    return cast("list[TransactWriteItemTypeDef]", [{"Put": row}, item])
