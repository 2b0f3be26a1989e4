"""A sink's table in SQLite: its columns, its view, and the statements on it.

Decides the SQL and whether a table found in the file is ours. Transactions and faults are ``sqlite.py``'s.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from afterbay.errors import SettingsError
from afterbay.sinks.entry import Entry
from afterbay.sinks.sql import OWN_COLUMNS, PURGE_MAX, key_value, quoted, refuse_key_names

__all__ = ["SinkTable", "create_or_check", "is_there"]

KEY_BYTES_MAX = 255
"""What a table allows for the name of a key attribute; SQLite allows more."""

SqlValue = str | bytes | int | None


@dataclass(frozen=True, slots=True)
class SinkTable:
    """``keys`` are the key attributes in the order of their names: a record's ``Keys`` have no order of their own
    (S69)."""

    name: str
    keys: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.keys, *OWN_COLUMNS)

    @property
    def definition(self) -> tuple[str, ...]:
        """The statements that make it. Key columns of strings and numbers are text, so that no digit is lost (S58)."""
        keys = "".join(f"{quoted(name)} NOT NULL, " for name in self.keys)
        shown = ", ".join(map(quoted, (*self.keys, "item")))
        table = quoted(self.name)
        return (
            f"CREATE TABLE {table} ({keys}_key TEXT NOT NULL PRIMARY KEY COLLATE BINARY, item TEXT,"
            " _tok CHAR(64) NOT NULL COLLATE BINARY, _deleted INTEGER NOT NULL, _expires INTEGER) WITHOUT ROWID",
            f"CREATE INDEX {quoted(self.name + '_expires')} ON {table} (_expires) WHERE _deleted",
            f"CREATE VIEW {quoted(self.name + '_live')} AS SELECT {shown} FROM {table} WHERE NOT _deleted",
        )

    @property
    def upsert(self) -> str:
        """Guard and write in one statement (E5). A tombstone has no item, so its columns are null."""
        names = ", ".join(map(quoted, self.columns))
        places = ", ".join("?" * len(self.columns))
        return (
            f"INSERT INTO {quoted(self.name)} AS old ({names}) VALUES ({places}) ON CONFLICT (_key) DO UPDATE SET"
            " item = excluded.item, _tok = excluded._tok, _deleted = excluded._deleted, _expires = excluded._expires"
            " WHERE excluded._tok > old._tok"
        )

    @property
    def insert(self) -> str:
        """Only where nothing is stored."""
        names = ", ".join(map(quoted, self.columns))
        places = ", ".join("?" * len(self.columns))
        return f"INSERT INTO {quoted(self.name)} ({names}) VALUES ({places}) ON CONFLICT (_key) DO NOTHING"

    @property
    def mark(self) -> str:
        """An expiry that is skipped: only the token moves (E6); a tombstone is kept for as long as a new one."""
        return (
            f"UPDATE {quoted(self.name)} SET _tok = ?, _expires = CASE WHEN _deleted THEN ? END"
            " WHERE _key = ? AND _tok < ?"
        )

    @property
    def stored_token(self) -> str:
        return f"SELECT _tok FROM {quoted(self.name)} WHERE _key = ?"

    @property
    def stored(self) -> str:
        return f"SELECT _tok, item FROM {quoted(self.name)} WHERE _key = ?"

    @property
    def mend(self) -> str:
        """Overwrite what has the token that was seen (E14); the token stays."""
        return f"UPDATE {quoted(self.name)} SET item = ?, _deleted = ?, _expires = ? WHERE _key = ? AND _tok = ?"

    @property
    def purge(self) -> str:
        """Old tombstones, a bounded number of them (E7)."""
        table = quoted(self.name)
        return (
            f"DELETE FROM {table} WHERE _key IN"
            f" (SELECT _key FROM {table} WHERE _deleted AND _expires < ? LIMIT {PURGE_MAX})"
        )

    @property
    def live_page(self) -> str:
        return f"SELECT _key, item FROM {quoted(self.name)} WHERE NOT _deleted AND _key > ? ORDER BY _key LIMIT ?"

    def row(self, entry: Entry, *, expires_s: int) -> tuple[SqlValue, ...]:
        """The values of ``columns``."""
        gone = entry.json is None
        decoded = entry.keys
        keys = (key_value(decoded[name]) for name in self.keys)
        return (*keys, entry.key, entry.json, entry.token, int(gone), expires_s if gone else None)


def create_or_check(database: sqlite3.Connection, name: str, keys: tuple[str, ...]) -> SinkTable:
    """The table, made where it is missing. Call it inside a transaction. Raises ``SettingsError`` for one of another
    shape."""
    table = SinkTable(name, keys)
    # SQLite takes ``PK`` and ``pk`` for one column.
    refuse_key_names(name, keys, OWN_COLUMNS, same=str.lower, bytes_max=KEY_BYTES_MAX)
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


def is_there(database: sqlite3.Connection, name: str) -> bool:
    """Whether the file has the sink's table. Raises ``SettingsError`` for a table that is not one."""
    found = _columns(database, name)
    if found and found[-len(OWN_COLUMNS) :] != OWN_COLUMNS:
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
