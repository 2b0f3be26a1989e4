"""SELECT as Query or Scan, and what it shows of the items found.

Decides what of a WHERE clause finds items by their key. moto carries the request out.
"""

from __future__ import annotations

from base64 import b64decode
from decimal import Decimal

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.numbers import normal_number
from afterbay.endpoint.partiql.conditions import (
    Among,
    Any,
    Between,
    Comparison,
    Condition,
    Function,
    Literal,
    conjuncts,
    type_of,
)
from afterbay.endpoint.partiql.expressions import place, written
from afterbay.endpoint.partiql.keys import equality, invalid, is_attribute, key_given
from afterbay.endpoint.partiql.reader import Path, unsupported
from afterbay.endpoint.partiql.statements import Select
from afterbay.endpoint.placeholders import Placeholders
from afterbay.endpoint.table_key import TableKey
from afterbay.errors import EndpointError

__all__ = ["projected", "select_requests"]

PARTITIONS_MAX = 50
"""Partition keys that a statement may name."""

_MISMATCH = "Condition parameter type does not match schema type"


def select_requests(statement: Select, key: TableKey, *, one: bool) -> tuple[tuple[str, dict[str, JsonValue]], ...]:
    """Query or Scan, with its members; several where a WHERE clause names several partition keys, in the order of what
    they find. ``one``: all of the key must be given, as batches and transactions want it.

    Raises ``EndpointError``.
    """
    others = list(conjuncts(statement.where))
    if one:
        if statement.index is not None:
            raise unsupported("an index in a batch or transaction")
        fault = key.fault_of_key(key_given(statement.where, key))
        if fault is not None:
            raise EndpointError("ValidationException", fault)
    partitions = _partitions(others, key)
    _check_order(statement, key, len(partitions))
    if not partitions:
        return (("Scan", _members(statement, key, None, others)),)
    if any(each.descending for each in statement.order if each.path.attribute == key.partition):
        partitions.reverse()
    return tuple(("Query", _members(statement, key, each, others)) for each in partitions)


def _partitions(others: list[Condition], key: TableKey) -> list[Literal]:
    """The partition keys that are asked for, ascending, each once; their condition is taken out of ``others``. None:
    there is no such condition. Raises ``EndpointError``."""
    single = equality(others, key.partition)
    for named in others if single is None else [single]:
        given = _named(named, key.partition)
        if given:
            break
    else:
        return []
    others.remove(named)
    if len(given) > PARTITIONS_MAX:
        raise EndpointError(
            "ValidationException",
            f"The IN operator is provided with too many operands; number of operands: {len(given)}",
        )
    kind = key.types[key.partition]
    if any(type_of(one) != kind for one in given):
        raise invalid(_MISMATCH)
    found = {_rank(str(one.value[kind]), kind): one for one in given}
    return [found[rank] for rank in sorted(found)]


def _named(condition: Condition, attribute: str) -> list[Literal]:
    """The values of which the attribute is one, where a condition says that and nothing else."""
    match condition:
        case Comparison("=", what, Literal() as one) if is_attribute(what, attribute):
            return [one]
        case Among(what, ones) if is_attribute(what, attribute):
            literals = [one for one in ones if isinstance(one, Literal)]
            return literals if len(literals) == len(ones) else []
        case Any(ones):
            each = [_named(one, attribute) for one in ones]
            return [one for values in each for one in values] if all(each) else []
        case _:
            return []


def _rank(text: str, kind: str) -> tuple[Decimal, bytes]:
    """Orders the values of a type, and tells two spellings of one to be the same."""
    if kind == "N":
        return Decimal(normal_number(text)), b""
    return Decimal(0), b64decode(text) if kind == "B" else text.encode(errors="surrogatepass")


def _members(
    statement: Select, key: TableKey, partition: Literal | None, others: list[Condition]
) -> dict[str, JsonValue]:
    names = Placeholders()
    members: dict[str, JsonValue] = {"TableName": statement.table}
    if statement.index is not None:
        members["IndexName"] = statement.index
    rest = list(others)
    if partition is not None:
        keyed = [f"{place(Path((key.partition,)), names)} = {names.value(partition.value)}"]
        sort = next((each for each in rest if _is_of_sort_key(each, key)), None)
        if sort is not None:
            rest.remove(sort)
            keyed.append(_keyed(sort, key, names))
        members["KeyConditionExpression"] = " AND ".join(keyed)
        if any(each.descending for each in statement.order if each.path.attribute == key.sort):
            members["ScanIndexForward"] = False
    if rest:
        members["FilterExpression"] = " AND ".join(written(each, names) for each in rest)
    return members | names.members()


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
    """A condition on the sort key as Query wants it. Raises ``EndpointError`` for a value of another type."""

    def given(path: object, operand: object) -> str:
        assert isinstance(path, Path) and isinstance(operand, Literal), "checked by the caller"
        if type_of(operand) != key.types[str(path.attribute)]:
            raise invalid(_MISMATCH)
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


def _check_order(statement: Select, key: TableKey, partitions: int) -> None:
    """``partitions``: how many partition keys are asked for. Raises ``EndpointError``."""
    if not statement.order:
        return
    if statement.where is None:
        raise _order_refused("Must have WHERE clause in the statement when using ORDER BY clause.")
    if not partitions:
        raise _order_refused(
            "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause."
        )
    for one in statement.order:
        if one.path.attribute not in key.types:
            raise _order_refused(f"Variable reference {one.path} in ORDER BY clause must be part of the primary key")
    if partitions > 1 and all(one.path.attribute != key.partition for one in statement.order):
        raise _order_refused(
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause."
        )


def _order_refused(reason: str) -> EndpointError:
    return EndpointError("ValidationException", reason)
