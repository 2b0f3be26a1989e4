"""Key attributes of a table or an index, and what is wrong with a key or an item that has none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue

__all__ = ["INVALID", "TableKey"]

INVALID = "One or more parameter values were invalid: "
"""How DynamoDB begins what it says of a value."""


@dataclass(frozen=True, slots=True)
class TableKey:
    """Of a table or an index: its key attributes, the partition key first, each with its type."""

    types: Mapping[str, str]

    @property
    def partition(self) -> str:
        return next(iter(self.types))

    @property
    def sort(self) -> str | None:
        return next(iter(list(self.types)[1:]), None)

    def fault_of_item(self, item: Mapping[str, JsonValue]) -> str | None:
        """Why an item that is put has no key; None: it has."""
        for name, kind in self.types.items():
            value = item.get(name)
            if value is None:
                return f"{INVALID}Missing the key {name} in the item"
            if _type(value) != kind:
                return f"{INVALID}Type mismatch for key {name} expected: {kind} actual: {_type(value)}"
        return None

    def fault_of_key(self, key: Mapping[str, JsonValue]) -> str | None:
        """Why a key is none of this table; None: it is one."""
        fits = key.keys() == self.types.keys() and all(_type(key[name]) == kind for name, kind in self.types.items())
        return None if fits else "The provided key element does not match the schema"


def _type(value: JsonValue) -> str:
    return next(iter(value), "") if isinstance(value, dict) else ""
