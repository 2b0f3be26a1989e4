"""The statements of DynamoDB's PartiQL, read from their text: what they name, not yet what that means for a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.partiql.conditions import Condition, read_condition
from afterbay.endpoint.partiql.reader import Path, Reader, Typed, unsupported
from afterbay.errors import EndpointError

__all__ = [
    "Call",
    "Change",
    "Delete",
    "Exists",
    "Insert",
    "Order",
    "Select",
    "Statement",
    "Sum",
    "Update",
    "is_read",
    "read_statement",
]

STATEMENT_CHARACTERS_MAX = 8192


@dataclass(frozen=True, slots=True)
class Call:
    """``list_append``, ``set_add`` or ``set_delete`` of two operands, by its name in capitals."""

    name: str
    left: Path | Typed
    right: Path | Typed


@dataclass(frozen=True, slots=True)
class Sum:
    """``sign`` is + or -."""

    sign: str
    left: Path | Typed
    right: Path | Typed


@dataclass(frozen=True, slots=True)
class Change:
    """What an UPDATE does to one path: set to ``to``, removed where that is None."""

    path: Path
    to: Path | Typed | Call | Sum | None


@dataclass(frozen=True, slots=True)
class Insert:
    table: str
    item: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Update:
    """``returning`` is UpdateItem's ReturnValues."""

    table: str
    changes: tuple[Change, ...]
    where: Condition
    returning: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    table: str
    where: Condition
    returning: str | None


@dataclass(frozen=True, slots=True)
class Order:
    path: Path
    descending: bool


@dataclass(frozen=True, slots=True)
class Select:
    """``paths`` is empty for all of an item."""

    table: str
    index: str | None
    paths: tuple[Path, ...]
    where: Condition | None
    order: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """A condition on one item, for transactions."""

    select: Select


Statement: TypeAlias = Insert | Update | Delete | Select | Exists

_RETURNING = {
    ("ALL", "OLD"): "ALL_OLD",
    ("ALL", "NEW"): "ALL_NEW",
    ("MODIFIED", "OLD"): "UPDATED_OLD",
    ("MODIFIED", "NEW"): "UPDATED_NEW",
}
_CALLS = frozenset({"LIST_APPEND", "SET_ADD", "SET_DELETE"})


def is_read(members: Mapping[str, JsonValue]) -> bool:
    """True for a statement that reads, which may still be malformed."""
    return str(members.get("Statement", "")).lstrip()[:6].upper() == "SELECT"


def read_statement(members: Mapping[str, JsonValue]) -> Statement:
    """The ``Statement`` of a request with its ``Parameters``.

    Raises ``EndpointError`` for one that is malformed or not supported here, and for too few or too many parameters.
    """
    text, given = members.get("Statement"), members.get("Parameters")
    if not isinstance(text, str) or not text:
        raise EndpointError(
            "ValidationException",
            "1 validation error detected: Value null at 'statement' failed to satisfy constraint: Member must not be "
            "null",
        )
    if len(text) > STATEMENT_CHARACTERS_MAX:
        raise EndpointError(
            "ValidationException",
            "1 validation error detected: Value at 'statement' failed to satisfy constraint: Member must have length "
            f"less than or equal to {STATEMENT_CHARACTERS_MAX}",
        )
    reader = Reader(text, given if isinstance(given, list) else [])
    statement = _read(reader)
    reader.end()
    return statement


def _read(reader: Reader) -> Statement:
    if reader.at("SELECT"):
        return _select(reader)
    if reader.at("INSERT"):
        return _insert(reader)
    if reader.at("UPDATE"):
        return _update(reader)
    if reader.at("DELETE"):
        return _delete(reader)
    if reader.function() == "EXISTS":
        reader.expect("SELECT")
        select = _select(reader)
        reader.expect_sign(")")
        return Exists(select)
    raise reader.malformed()


def _insert(reader: Reader) -> Insert:
    reader.expect("INTO")
    table = _written_table(reader)
    reader.expect("VALUE")
    item = reader.value().get("M")
    if not isinstance(item, dict):
        raise reader.malformed()
    return Insert(table, item)


def _update(reader: Reader) -> Update:
    table = _written_table(reader)
    changes: list[Change] = []
    while True:
        if reader.at("SET"):
            changes.append(_change(reader))
            while reader.at_sign(","):
                changes.append(_change(reader))
        elif reader.at("REMOVE"):
            changes.append(Change(reader.path(), None))
            while reader.at_sign(","):
                changes.append(Change(reader.path(), None))
        else:
            break
    if not changes:
        raise reader.malformed()
    reader.expect("WHERE")
    return Update(table, tuple(changes), read_condition(reader), _returning(reader))


def _change(reader: Reader) -> Change:
    path = reader.path()
    reader.expect_sign("=")
    name = reader.function()
    if name is not None:
        if name not in _CALLS:
            raise unsupported(f"the function {name.lower()} in SET")
        left = _term(reader)
        reader.expect_sign(",")
        right = _term(reader)
        reader.expect_sign(")")
        return Change(path, Call(name, left, right))
    left = _term(reader)
    sign = reader.at_sign("+", "-")
    return Change(path, left if sign is None else Sum(sign, left, _term(reader)))


def _term(reader: Reader) -> Path | Typed:
    return reader.path() if reader.at_path() else reader.value()


def _delete(reader: Reader) -> Delete:
    reader.expect("FROM")
    table = _written_table(reader)
    reader.expect("WHERE")
    where, returning = read_condition(reader), _returning(reader)
    if returning not in (None, "ALL_OLD"):
        raise EndpointError("ValidationException", "DELETE can return ALL OLD * alone")
    return Delete(table, where, returning)


def _select(reader: Reader) -> Select:
    paths: list[Path] = []
    if not reader.at_sign("*"):
        paths.append(_projected(reader))
        while reader.at_sign(","):
            paths.append(_projected(reader))
    reader.expect("FROM")
    table, index = reader.table()
    where = read_condition(reader) if reader.at("WHERE") else None
    order: list[Order] = []
    if reader.at("ORDER", "BY"):
        order.append(_order(reader))
        while reader.at_sign(","):
            order.append(_order(reader))
    return Select(table, index, tuple(paths), where, tuple(order))


def _projected(reader: Reader) -> Path:
    name = reader.function()
    if name is not None:
        raise unsupported(f"the function {name.lower()} in what is selected")
    path = reader.path()
    if isinstance(path.steps[-1], int):
        raise unsupported("an element of a list in what is selected")
    return path


def _order(reader: Reader) -> Order:
    path = reader.path()
    descending = reader.at("DESC")
    if not descending:
        reader.at("ASC")
    return Order(path, descending)


def _returning(reader: Reader) -> str | None:
    if not reader.at("RETURNING"):
        return None
    for words, returned in _RETURNING.items():
        if reader.at(*words):
            reader.expect_sign("*")
            return returned
    raise reader.malformed()


def _written_table(reader: Reader) -> str:
    table, index = reader.table()
    if index is not None:
        raise EndpointError("ValidationException", "an index is only read: name the table alone")
    return table
