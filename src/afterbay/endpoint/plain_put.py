"""PutItem without conditions, by moto's table alone: the same write, at a third of the cost.

Decides which requests are plain enough that no check of moto's request layer could refuse them. All others go the whole
way, so that what is refused, and with which words, is moto's to say in either case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard, cast

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from afterbay.core.change.size import item_size
from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.capture import Recorder, check_size, home_of

__all__ = ["PlainPut", "plain_put"]

_KNOWN = frozenset({"TableName", "Item", "ReturnValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"})
_NONE = ("ReturnValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics")
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
_TAGS = frozenset({"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"})
"""moto's checks look for these at any depth, attributes' own names included."""

BODY_BYTES_MAX = 300_000
"""An item's size is never above its JSON's: a longer one is measured."""

_DEPTH_MAX = 20
_NAME_MAX = 200
_KEY_MAX = 200
"""Characters; far below DynamoDB's limits in bytes."""


@dataclass(frozen=True, slots=True)
class PlainPut:
    """A put that needs no more than a table that ``takes`` it."""

    table: str
    item: dict[str, dict[str, JsonValue]]

    def takes(self, table: Table) -> bool:
        """True if the item has the table's key, and nothing of another type where an index has one."""
        if not all(self._is_key(name, kind) for name, kind in _keys(table)):
            return False
        names = {element["AttributeName"] for index in table.all_indexes() for element in index.schema}
        return all(self._is_key(name, None) for name in names if name in self.item)

    def store(self, table: Table, recorder: Recorder) -> None:
        """Write the item where moto does, without its sizes: it adds up all attributes anew for each of them."""
        hash_key = DynamoType(self.item[table.hash_key_attr])
        range_key = None if table.range_key_attr is None else DynamoType(self.item[table.range_key_attr])
        before = table.get_item(hash_key, range_key)
        item: object = Item(hash_key, range_key, {})
        assert isinstance(item, Item)
        attributes = cast("dict[str, DynamoType]", vars(item)["attrs"])
        attributes.update((name, DynamoType(value)) for name, value in self.item.items())  # past its __setitem__
        places = home_of(table, hash_key, range_key)
        places[hash_key if range_key is None else range_key] = item
        recorder.put(before, item, dict(self.item))

    def _is_key(self, name: str, kind: str | None) -> bool:
        typed = self.item.get(name)
        if typed is None:
            return False
        ((tag, value),) = typed.items()
        if tag not in ("S", "N") or (kind is not None and tag != kind):
            return False
        return isinstance(value, str) and 0 < len(value) <= _KEY_MAX


def plain_put(members: Mapping[str, JsonValue], body_bytes: int) -> PlainPut | None:
    """The put, if it is a plain one. Numbers are in their stored form already (``normalise``).

    Raises ``EndpointError`` for an item that is too large.
    """
    if not members.keys() <= _KNOWN:
        return None
    if any(members.get(name, "NONE") != "NONE" for name in _NONE):
        return None
    table, item = members.get("TableName"), members.get("Item")
    if not isinstance(table, str) or not _TABLE_NAME.fullmatch(table) or not _are_values(item, _DEPTH_MAX):
        return None
    if body_bytes > BODY_BYTES_MAX:
        check_size(item_size(item))
    return PlainPut(table, item)


def _keys(table: Table) -> list[tuple[str, str | None]]:
    keys: list[tuple[str, str | None]] = [(table.hash_key_attr, table.hash_key_type)]
    if table.range_key_attr is not None:
        keys.append((table.range_key_attr, table.range_key_type))
    return keys


def _are_values(attributes: JsonValue, depth: int) -> TypeGuard[dict[str, dict[str, JsonValue]]]:
    if not isinstance(attributes, dict) or depth == 0:
        return False
    for name, value in attributes.items():
        if not name or len(name) > _NAME_MAX or name in _TAGS or not _is_value(value, depth):
            return False
    return True


def _is_value(value: JsonValue, depth: int) -> bool:
    """Sets and binary go the whole way: moto has more to say of them."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((tag, inner),) = value.items()
    match tag:
        case "S":
            return isinstance(inner, str)
        case "N":
            return isinstance(inner, str) and _NUMBER.fullmatch(inner) is not None
        case "BOOL":
            return isinstance(inner, bool)
        case "NULL":
            return inner is True
        case "M":
            return _are_values(inner, depth - 1)
        case "L":
            return isinstance(inner, list) and depth > 1 and all(_is_value(one, depth - 1) for one in inner)
        case _:
            return False
