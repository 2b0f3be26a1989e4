"""Statements on one item as PutItem, UpdateItem, DeleteItem or a transaction's ConditionCheck.

Decides what of a statement is the change and what its condition. moto carries the request out.
"""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.expressions import place, written
from afterbay.endpoint.partiql.keys import item_of
from afterbay.endpoint.partiql.reader import Path, Typed, unsupported
from afterbay.endpoint.partiql.statements import Call, Change, Delete, Exists, Insert, Sum, Update
from afterbay.endpoint.placeholders import Placeholders
from afterbay.endpoint.table_key import TableKey
from afterbay.errors import EndpointError

__all__ = ["ItemRequest", "item_request"]


@dataclass(frozen=True, slots=True)
class ItemRequest:
    """A request about one item. ``members`` are those that a transaction takes, too, without those of an answer.
    ``fault``: why ``key`` is none of its table; a transaction is cancelled for it, other requests are refused."""

    operation: str
    key: dict[str, JsonValue]
    members: dict[str, JsonValue]
    returning: str | None = None
    fault: str | None = None


def item_request(statement: Insert | Update | Delete | Exists, key: TableKey) -> ItemRequest:
    """PutItem, UpdateItem, DeleteItem or, for EXISTS, a transaction's ConditionCheck.

    Raises ``EndpointError`` for a WHERE clause that does not name one item; a key of another type is its ``fault``.
    """
    names = Placeholders()
    there = Path((key.partition,))
    if isinstance(statement, Insert):
        found = {name: statement.item[name] for name in key.types if name in statement.item}
        members: dict[str, JsonValue] = {"TableName": statement.table, "Item": statement.item}
        members["ConditionExpression"] = f"attribute_not_exists({place(there, names)})"
        return ItemRequest("PutItem", found, members | names.members(), fault=key.fault_of_item(statement.item))
    if isinstance(statement, Exists):
        if statement.select.index is not None:
            raise unsupported("EXISTS on an index")
        table, where = statement.select.table, statement.select.where
    else:
        table, where = statement.table, statement.where
    wanted, others = item_of(where, key)
    fault = key.fault_of_key(wanted)
    members = {"TableName": table, "Key": wanted}
    conditions = [written(one, names) for one in others]
    if isinstance(statement, Delete):
        # An item that is not there is deleted already, whatever else was asked of it.
        if conditions:
            both = conditions[0] if len(conditions) == 1 else f"({' AND '.join(conditions)})"
            members["ConditionExpression"] = f"attribute_not_exists({place(there, names)}) OR {both}"
        return ItemRequest("DeleteItem", wanted, members | names.members(), statement.returning, fault)
    members["ConditionExpression"] = " AND ".join([f"attribute_exists({place(there, names)})", *conditions])
    if isinstance(statement, Exists):
        return ItemRequest("ConditionCheck", wanted, members | names.members(), fault=fault)
    members["UpdateExpression"] = _update(statement.changes, names)
    return ItemRequest("UpdateItem", wanted, members | names.members(), statement.returning, fault)


def _update(changes: tuple[Change, ...], names: Placeholders) -> str:
    parts: dict[str, list[str]] = {}
    for number, change in enumerate(changes):
        for earlier in changes[:number]:
            shared = min(len(earlier.path.steps), len(change.path.steps))
            if earlier.path.steps[:shared] == change.path.steps[:shared]:
                raise EndpointError(
                    "ValidationException",
                    f"Two document paths overlap with each other: {earlier.path} and {change.path}",
                )
        keyword, action = _action(change, names)
        parts.setdefault(keyword, []).append(action)
    return " ".join(f"{keyword} {', '.join(actions)}" for keyword, actions in parts.items())


def _action(change: Change, names: Placeholders) -> tuple[str, str]:
    at = place(change.path, names)
    match change.to:
        case None:
            return "REMOVE", at
        case Call("LIST_APPEND", left, right):
            return "SET", f"{at} = list_append({_term(left, names)}, {_term(right, names)})"
        case Call(name, left, right):
            if left != change.path or isinstance(right, Path):
                raise unsupported(
                    f"{name.lower()} of anything but the set that is changed, with a literal or parameter"
                )
            return "ADD" if name == "SET_ADD" else "DELETE", f"{at} {names.value(_set(name, right))}"
        case Sum(sign, left, right):
            return "SET", f"{at} = {_term(left, names)} {sign} {_term(right, names)}"
        case to:
            return "SET", f"{at} = {_term(to, names)}"


def _set(name: str, value: Typed) -> Typed:
    if not value.keys() <= {"SS", "NS", "BS"}:
        raise EndpointError("ValidationException", f"Incorrect operand type for operator or function; function: {name}")
    return value


def _term(term: Path | Typed, names: Placeholders) -> str:
    return place(term, names) if isinstance(term, Path) else names.value(term)
