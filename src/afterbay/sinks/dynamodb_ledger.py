"""Tokens in a second table (``ledger=``): the sink's items have no attribute of ours, and deletes are deletes.

Decides what a ledger's row is and what goes into the one transaction. Calls and faults are ``dynamodb.py``'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from afterbay.sinks.dynamodb_item import put_request, sdk_typed
from afterbay.sinks.entry import Entry
from afterbay.sinks.guard_names import GuardNames

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

__all__ = ["LEDGER_KEY", "token_entry", "transaction"]

LEDGER_KEY = "_key"
"""The ledger's partition key, a string: the canonical key of the source's item."""

_KEY_BYTES_MAX = 2048
"""What a partition key may have (a source's key with a sort key can be longer, written out)."""


def token_entry(entry: Entry) -> Entry:
    """The ledger's row as an item of its own, under the same guard: a tombstone where the item is deleted."""
    name = entry.key if len(entry.key.encode()) <= _KEY_BYTES_MAX else hashlib.sha256(entry.key.encode()).hexdigest()
    keys = {LEDGER_KEY: {"S": name}}
    return replace(entry, keys_typed=keys, names=keys, image=lambda: keys)


def transaction(
    table: str, ledger: str, entry: Entry, names: GuardNames, *, expires_s: int
) -> list[TransactWriteItemTypeDef]:
    """The row, if the change is newer (E5), and the item, which it speaks for."""
    row = {"Put": put_request(ledger, token_entry(entry), names, expires_s=expires_s)}
    if entry.typed is None:
        item: dict[str, object] = {"Delete": {"TableName": table, "Key": sdk_typed(entry.keys_typed)}}
    else:
        item = {"Put": {"TableName": table, "Item": sdk_typed(entry.typed)}}
    return cast("list[TransactWriteItemTypeDef]", [row, item])
