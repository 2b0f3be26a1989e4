"""Two kinds of update that moto does otherwise: those that only take away, and those of a key alone (S61, S71)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from afterbay.core.change.wire import JsonValue

__all__ = ["UpdatedItem", "name_updates", "removing_updates"]

_ADDS = re.compile(r"\b(?:SET|ADD)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UpdatedItem:
    """An item named by table and key; ``key`` is the typed key as JSON with sorted names."""

    table: str
    key: bytes


def name_updates(operation: str, members: dict[str, JsonValue]) -> bool:
    """Give an UpdateItem of a key alone its empty list of updates, which moto wants; True if it was one."""
    if operation != "UpdateItem" or "UpdateExpression" in members or "AttributeUpdates" in members:
        return False
    members["AttributeUpdates"] = {}
    return True


def removing_updates(operation: str, members: dict[str, JsonValue]) -> tuple[UpdatedItem, ...]:
    """The items that a request updates with nothing but REMOVE and DELETE."""
    if operation == "UpdateItem":
        updates: list[JsonValue] = [members]
    elif operation == "TransactWriteItems":
        items = members.get("TransactItems")
        updates = [item.get("Update") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    else:
        return ()
    return tuple(found for update in updates if (found := _removing(update)) is not None)


def _removing(update: JsonValue) -> UpdatedItem | None:
    if not isinstance(update, dict) or not isinstance(update.get("Key"), dict):
        return None
    expression, attributes = update.get("UpdateExpression"), update.get("AttributeUpdates")
    if isinstance(expression, str):
        removes = not _ADDS.search(expression)
    elif isinstance(attributes, dict) and attributes:
        removes = all(isinstance(one, dict) and one.get("Action") == "DELETE" for one in attributes.values())
    else:
        removes = False  # a key and nothing else creates the item
    if not removes:
        return None
    table = str(update.get("TableName", "")).rpartition("/")[2]
    return UpdatedItem(table, msgspec.json.encode(update["Key"], order="sorted"))
