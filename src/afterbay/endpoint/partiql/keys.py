"""Key attributes of a table or an index, and the item that a WHERE clause names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.conditions import Comparison, Condition, Literal, conjuncts
from afterbay.endpoint.partiql.reader import Path
from afterbay.errors import EndpointError

__all__ = ["TableKey", "equality", "invalid", "is_attribute", "item_of", "key_given"]

_INVALID = "One or more parameter values were invalid: "


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
                return f"{_INVALID}Missing the key {name} in the item"
            if _type(value) != kind:
                return f"{_INVALID}Type mismatch for key {name} expected: {kind} actual: {_type(value)}"
        return None

    def fault_of_key(self, key: Mapping[str, JsonValue]) -> str | None:
        """Why a key is none of this table; None: it is one."""
        fits = key.keys() == self.types.keys() and all(_type(key[name]) == kind for name, kind in self.types.items())
        return None if fits else "The provided key element does not match the schema"


def _type(value: JsonValue) -> str:
    return next(iter(value), "") if isinstance(value, dict) else ""


def item_of(where: Condition | None, key: TableKey) -> tuple[dict[str, JsonValue], list[Condition]]:
    """The key that a WHERE clause gives, of whatever types, and what else it asks for. Raises ``EndpointError`` where
    it gives none."""
    others = list(conjuncts(where))
    wanted: dict[str, JsonValue] = {}
    for name in key.types:
        found = equality(others, name)
        if found is None or not isinstance(found.right, Literal):
            raise EndpointError(
                "ValidationException", "Where clause does not contain a mandatory equality on all key attributes"
            )
        others.remove(found)
        wanted[name] = dict(found.right.value)
    return wanted, others


def equality(conditions: list[Condition], name: str) -> Comparison | None:
    """The first condition that an attribute equals a value."""
    for one in conditions:
        if (
            isinstance(one, Comparison)
            and one.sign == "="
            and isinstance(one.right, Literal)
            and is_attribute(one.left, name)
        ):
            return one
    return None


def is_attribute(operand: object, name: str | None) -> bool:
    return isinstance(operand, Path) and operand.attribute == name


def key_given(where: Condition | None, key: TableKey) -> dict[str, JsonValue]:
    """The key alone. Raises ``EndpointError``."""
    return item_of(where, key)[0]


def invalid(reason: str) -> EndpointError:
    return EndpointError("ValidationException", _INVALID + reason)
