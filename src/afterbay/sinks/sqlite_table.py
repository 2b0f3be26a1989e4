"""A sink's table in SQLite: its columns, its view, and the statements on it.

Decides the SQL and whether a table found in the file is ours. Transactions and faults are ``sqlite.py``'s.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from afterbay.core.change.number import number_text
from afterbay.core.change.value import Value
from afterbay.errors import SettingsError
from afterbay.sinks.entry import Entry

__all__ = ["SinkTable", "create_or_check", "is_there"]

_OWN = ("_key", "item", "_tok", "_deleted", "_expires")
_PURGE_MAX = 500
"""Tombstones purged per batch: more than a batch can add in the long run, few enough not to be felt."""

SqlValue = str | bytes | int | None


@dataclass(frozen=True, slots=True)
class SinkTable:
    """``keys`` are the key attributes in the order of their names: a record's ``Keys`` have no order of their own
    (S69)."""

    name: str
    keys: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.keys, *_OWN)

    @property
    def definition(self) -> tuple[str, ...]:
        """The statements that make it. Key columns of strings and numbers are text, so that no digit is lost (S58)."""
        keys = "".join(f"{_quoted(name)} NOT NULL, " for name in self.keys)
        shown = ", ".join(map(_quoted, (*self.keys, "item")))
        table = _quoted(self.name)
        return (
            f"CREATE TABLE {table} ({keys}_key TEXT NOT NULL PRIMARY KEY COLLATE BINARY, item TEXT,"
            " _tok CHAR(64) NOT NULL COLLATE BINARY, _deleted INTEGER NOT NULL, _expires INTEGER) WITHOUT ROWID",
            f"CREATE INDEX {_quoted(self.name + '_expires')} ON {table} (_expires) WHERE _deleted",
            f"CREATE VIEW {_quoted(self.name + '_live')} AS SELECT {shown} FROM {table} WHERE NOT _deleted",
        )

    @property
    def upsert(self) -> str:
        """Guard and write in one statement (E5). A tombstone has no item, so its columns are null."""
        names = ", ".join(map(_quoted, self.columns))
        places = ", ".join("?" * len(self.columns))
        return (
            f"INSERT INTO {_quoted(self.name)} AS old ({names}) VALUES ({places}) ON CONFLICT (_key) DO UPDATE SET"
            " item = excluded.item, _tok = excluded._tok, _deleted = excluded._deleted, _expires = excluded._expires"
            " WHERE excluded._tok > old._tok"
        )

    @property
    def mark(self) -> str:
        """An expiry that is skipped: only the token moves (E6); a tombstone is kept for as long as a new one."""
        return (
            f"UPDATE {_quoted(self.name)} SET _tok = ?, _expires = CASE WHEN _deleted THEN ? END"
            " WHERE _key = ? AND _tok < ?"
        )

    @property
    def stored_token(self) -> str:
        return f"SELECT _tok FROM {_quoted(self.name)} WHERE _key = ?"

    @property
    def purge(self) -> str:
        """Old tombstones, a bounded number of them (E7)."""
        table = _quoted(self.name)
        return (
            f"DELETE FROM {table} WHERE _key IN"
            f" (SELECT _key FROM {table} WHERE _deleted AND _expires < ? LIMIT {_PURGE_MAX})"
        )

    @property
    def live_page(self) -> str:
        return f"SELECT _key, item FROM {_quoted(self.name)} WHERE NOT _deleted AND _key > ? ORDER BY _key LIMIT ?"

    def row(self, entry: Entry, *, expires_s: int) -> tuple[SqlValue, ...]:
        """The values of ``columns``."""
        gone = entry.item is None
        keys = (_sql_value(entry.keys[name]) for name in self.keys)
        return (*keys, entry.key, entry.json, entry.token, int(gone), expires_s if gone else None)


def create_or_check(database: sqlite3.Connection, name: str, keys: tuple[str, ...]) -> SinkTable:
    """The table, made where it is missing. Call it inside a transaction. Raises ``SettingsError`` for one of another
    shape."""
    table = SinkTable(name, keys)
    _check_keys(table)
    found = _columns(database, name)
    if not found:
        _check_free(database, table)
        for statement in table.definition:
            database.execute(statement)
    elif found != table.columns:
        raise SettingsError(
            f"table {name} has columns {', '.join(found)}; this sink writes {', '.join(table.columns)}",
            hint="give each source table a sink table of its own (table=)",
        )
    return table


def _check_keys(table: SinkTable) -> None:
    """SQLite takes ``PK`` and ``pk`` for one column, and our own columns have names too."""
    taken = {name.lower() for name in _OWN}
    for name in table.keys:
        if name.lower() in taken or "\0" in name:
            raise SettingsError(
                f"key attribute {name!r} cannot be a column of table {table.name}",
                hint="that name is taken by another column; use another kind of sink for this table",
            )
        taken.add(name.lower())


def is_there(database: sqlite3.Connection, name: str) -> bool:
    """Whether the file has the sink's table. Raises ``SettingsError`` for a table that is not one."""
    found = _columns(database, name)
    if found and found[-len(_OWN) :] != _OWN:
        raise SettingsError(
            f"table {name} has columns {', '.join(found)}: no sink made it", hint="choose another table (table=)"
        )
    return bool(found)


def _check_free(database: sqlite3.Connection, table: SinkTable) -> None:
    """The table's view and index have names too, and another sink's table may have taken one of them."""
    names = (f"{table.name}_expires", f"{table.name}_live")
    taken = database.execute("SELECT name FROM sqlite_master WHERE lower(name) IN (lower(?), lower(?))", names)
    found = taken.fetchone()
    if found is not None:
        raise SettingsError(
            f"table {table.name} cannot be made: its file already has a {found[0]}",
            hint="choose another table (table=)",
        )


def _columns(database: sqlite3.Connection, name: str) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in database.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (name,)))


def _sql_value(value: Value) -> SqlValue:
    """A key attribute's value: text and binary as they are, a number as its normalised text."""
    if isinstance(value, str | bytes):
        return value
    if isinstance(value, bool | None | list | dict | frozenset):  # pragma: no cover - canonical() refused it before
        raise TypeError("a key attribute is text, a number or binary")
    return number_text(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
