"""SELECT as Query or Scan, and what it shows of the items found.

Decides what of a WHERE clause finds items by their key. moto carries the request out.
"""

from __future__ import annotations

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.conditions import Between, Comparison, Condition, Function, Literal, conjuncts, type_of
from afterbay.endpoint.partiql.expressions import place, written
from afterbay.endpoint.partiql.keys import TableKey, equality, invalid, is_attribute, item_of
from afterbay.endpoint.partiql.reader import Path, unsupported
from afterbay.endpoint.partiql.statements import Select
from afterbay.endpoint.placeholders import Placeholders
from afterbay.errors import EndpointError

__all__ = ["projected", "select_request"]


def select_request(statement: Select, key: TableKey, *, one: bool) -> tuple[str, dict[str, JsonValue]]:
    """Query or Scan, with its members. ``one``: all of the key must be given, as batches and transactions want it.

    Raises ``EndpointError``.
    """
    names = Placeholders()
    members: dict[str, JsonValue] = {"TableName": statement.table}
    if statement.index is not None:
        members["IndexName"] = statement.index
    others = list(conjuncts(statement.where))
    if one:
        if statement.index is not None:
            raise unsupported("an index in a batch or transaction")
        item_of(statement.where, key)
    partition = equality(others, key.partition)
    _check_order(statement, key, partition)
    if partition is not None:
        others.remove(partition)
        keyed = [_keyed(partition, key, names)]
        sort = next((each for each in others if _is_of_sort_key(each, key)), None)
        if sort is not None:
            others.remove(sort)
            keyed.append(_keyed(sort, key, names))
        members["KeyConditionExpression"] = " AND ".join(keyed)
        if any(each.descending for each in statement.order if each.path.attribute == key.sort):
            members["ScanIndexForward"] = False
    if others:
        members["FilterExpression"] = " AND ".join(written(each, names) for each in others)
    return "Scan" if partition is None else "Query", members | names.members()


def projected(item: JsonValue, paths: tuple[Path, ...]) -> dict[str, JsonValue]:
    """What is selected of an item; each part has the name that its path ends with."""
    assert isinstance(item, dict), "moto answers items"
    if not paths:
        return item
    found: dict[str, JsonValue] = {}
    for path in paths:
        value: JsonValue = {"M": item}
        for step in path.steps:
            value = _inside(value, step)
        if value is not None:
            found[str(path.steps[-1])] = value
    return found


def _inside(value: JsonValue, step: str | int) -> JsonValue:
    if not isinstance(value, dict):
        return None
    inner = value.get("L" if isinstance(step, int) else "M")
    if isinstance(step, int):
        return inner[step] if isinstance(inner, list) and step < len(inner) else None
    return inner.get(step) if isinstance(inner, dict) else None


def _is_of_sort_key(condition: Condition, key: TableKey) -> bool:
    """True for what Query's own condition can say of the sort key."""
    if key.sort is None:
        return False
    match condition:
        case Comparison(sign, left, Literal()):
            return sign != "<>" and is_attribute(left, key.sort)
        case Between(what, Literal(), Literal()):
            return is_attribute(what, key.sort)
        case Function("begins_with", path, Literal()):
            return is_attribute(path, key.sort)
        case _:
            return False


def _keyed(condition: Condition, key: TableKey, names: Placeholders) -> str:
    """A condition on a key attribute as Query wants it. Raises ``EndpointError`` for a value of another type."""

    def given(path: object, operand: object) -> str:
        assert isinstance(path, Path) and isinstance(operand, Literal), "checked by the caller"
        if type_of(operand) != key.types[str(path.attribute)]:
            raise invalid("Condition parameter type does not match schema type")
        return names.value(operand.value)

    match condition:
        case Comparison(sign, Path() as path, right):
            if sign != "=" and type_of(right) == "B":
                raise unsupported("an order of binary values")
            return f"{place(path, names)} {sign} {given(path, right)}"
        case Between(Path() as path, low, high):
            if type_of(low) == "B":
                raise unsupported("an order of binary values")
            return f"{place(path, names)} BETWEEN {given(path, low)} AND {given(path, high)}"
        case Function(name, path, operand):
            if type_of(operand) != "S":
                raise unsupported(f"{name} with anything but a text")
            return f"{name}({place(path, names)}, {given(path, operand)})"
        case _:
            raise AssertionError("no condition on a key")


def _check_order(statement: Select, key: TableKey, partition: Comparison | None) -> None:
    if not statement.order:
        return
    if partition is None:
        if statement.where is None:
            raise EndpointError(
                "ValidationException", "Must have WHERE clause in the statement when using ORDER BY clause."
            )
        raise unsupported("ORDER BY without an equality on the partition key")
    for one in statement.order:
        if one.path.attribute not in key.types:
            raise EndpointError(
                "ValidationException",
                f"Variable reference {one.path} in ORDER BY clause must be part of the primary key",
            )
