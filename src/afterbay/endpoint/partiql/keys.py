"""Key attributes of a table or an index, and the item that a WHERE clause names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.conditions import Comparison, Condition, Literal, conjuncts, type_of
from afterbay.endpoint.partiql.reader import Path
from afterbay.errors import EndpointError

__all__ = ["TableKey", "equality", "invalid", "is_attribute", "item_of", "key_given"]


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

    def of_item(self, item: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """The key of an item that is put. Raises ``EndpointError``."""
        for name, kind in self.types.items():
            value = item.get(name)
            if value is None:
                raise invalid(f"Missing the key {name} in the item")
            actual = next(iter(value), "") if isinstance(value, dict) else ""
            if actual != kind:
                raise invalid(f"Type mismatch for key {name} expected: {kind} actual: {actual}")
        return {name: item[name] for name in self.types}


def item_of(where: Condition | None, key: TableKey) -> tuple[dict[str, JsonValue], list[Condition]]:
    """The key that a WHERE clause gives, and what else it asks for. Raises ``EndpointError``."""
    others = list(conjuncts(where))
    wanted: dict[str, JsonValue] = {}
    for name, kind in key.types.items():
        found = equality(others, name)
        if found is None or not isinstance(found.right, Literal):
            raise EndpointError(
                "ValidationException", "Where clause does not contain a mandatory equality on all key attributes"
            )
        if type_of(found.right) != kind:
            raise EndpointError("ValidationException", "The provided key element does not match the schema")
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
    return EndpointError("ValidationException", f"One or more parameter values were invalid: {reason}")
