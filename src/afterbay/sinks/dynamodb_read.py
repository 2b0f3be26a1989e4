"""What a DynamoDB sink holds of some keys: items and tokens, strongly consistent.

Reads on for as long as the service leaves keys out of its answers. Faults are raised as they come.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from afterbay.core.change.value import TypedItem, canonical, decode_item
from afterbay.errors import SettingsError, ThrottledError
from afterbay.sinks.dynamodb_item import sdk_typed
from afterbay.sinks.dynamodb_ledger import row_key
from afterbay.sinks.guard_names import GuardNames, without_guard
from afterbay.sinks.live import plain_item
from afterbay.sinks.mending import NO_TOKEN, NOTHING_HELD, Held

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeysAndAttributesTypeDef

__all__ = ["held_apart", "held_inline", "stored_token"]

Stored = Mapping[str, object]
"""An item as the SDK reads it."""

KEYS_MAX = 100
"""What one BatchGetItem takes."""

TRIES_MAX = 6
"""Answers in a row that have none of the items."""

PAUSE_S = 0.05
"""Before the second try; doubled for each further one: a second and a half in all."""


def held_inline(
    client: DynamoDBClient, table: str, keys: Sequence[TypedItem], names: GuardNames, sink: str
) -> list[Held]:
    """Of a table whose items have their tokens. Raises the SDK's faults, ``ThrottledError``, and ``SettingsError`` for
    a token that is none."""
    items = _read(client, table, keys, sink)
    return [_inline(items.get(canonical(one)), names) for one in keys]


def held_apart(
    client: DynamoDBClient, table: str, ledger: str, keys: Sequence[TypedItem], names: GuardNames, sink: str
) -> list[Held]:
    """Of a table whose tokens are in ``ledger``. They are read first, so no item is older than its token: what was
    applied in between shows in the item, and a mend by that token is overtaken. Raises as ``held_inline``."""
    of_rows = [row_key(canonical(one).decode()) for one in keys]
    rows = _read(client, ledger, of_rows, sink)
    items = _read(client, table, keys, sink)
    return [
        _apart(rows.get(canonical(row)), items.get(canonical(one)), names)
        for one, row in zip(keys, of_rows, strict=True)
    ]


def stored_token(stored: Stored, names: GuardNames) -> str | None:
    """None: the item has none. Raises ``SettingsError`` for something else under that name."""
    value = stored.get(names.token)
    if value is None:
        return None
    text = cast("Mapping[str, object]", value).get("S") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise SettingsError(
            f"the sink's attribute {names.token!r} holds something else than a token",
            hint="another program uses that name: choose others with GuardNames",
        )
    return text


def _inline(stored: Stored | None, names: GuardNames) -> Held:
    if stored is None:
        return NOTHING_HELD
    token = stored_token(stored, names) or NO_TOKEN
    return Held(token, None if names.deleted in stored else plain_item(decode_item(without_guard(stored, names))))


def _apart(row: Stored | None, stored: Stored | None, names: GuardNames) -> Held:
    item = None if stored is None else plain_item(decode_item(stored))
    token = None if row is None else stored_token(row, names)
    if token is None:
        return NOTHING_HELD if item is None else Held(NO_TOKEN, item)
    return Held(token, item)


def _read(client: DynamoDBClient, table: str, keys: Sequence[TypedItem], sink: str) -> dict[bytes, Stored]:
    """Those that are there, by canonical key."""
    wanted = list({canonical(one): one for one in keys}.values())  # the service refuses a key that is there twice
    found: dict[bytes, Stored] = {}
    for start in range(0, len(wanted), KEYS_MAX):
        found |= _batch(client, table, wanted[start : start + KEYS_MAX], sink)
    return found


def _batch(client: DynamoDBClient, table: str, keys: list[TypedItem], sink: str) -> dict[bytes, Stored]:
    names = keys[0].keys()
    found: dict[bytes, Stored] = {}
    left: Mapping[str, KeysAndAttributesTypeDef] = {
        table: {"Keys": [sdk_typed(key) for key in keys], "ConsistentRead": True}
    }
    tries = 0
    while True:
        answer = client.batch_get_item(RequestItems=left)
        for item in cast("list[Stored]", answer["Responses"].get(table, [])):
            found[canonical({name: item[name] for name in names})] = item
        before, left = left, cast("Mapping[str, KeysAndAttributesTypeDef]", answer.get("UnprocessedKeys", {}))
        if not left:
            return found
        # What is left out is throttled, or more than an answer may have: the latter ends by itself.
        tries = tries + 1 if _count(left, table) == _count(before, table) else 0
        if tries == TRIES_MAX:
            raise ThrottledError(f"{sink}: {table} left keys unread {TRIES_MAX} times", code="UnprocessedKeys")
        if tries:
            time.sleep(PAUSE_S * 2 ** (tries - 1) * random.uniform(0.5, 1.0))


def _count(left: Mapping[str, KeysAndAttributesTypeDef], table: str) -> int:
    return len(left[table]["Keys"])
