"""The item that a WHERE clause names by its key."""

from __future__ import annotations

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.conditions import Comparison, Condition, Literal, conjuncts
from afterbay.endpoint.partiql.reader import Path
from afterbay.endpoint.table_key import INVALID, TableKey
from afterbay.errors import EndpointError

__all__ = ["equality", "invalid", "is_attribute", "item_of", "key_given"]


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
    return EndpointError("ValidationException", INVALID + reason)
