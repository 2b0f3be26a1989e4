"""A sink's table in PostgreSQL: its columns, its view, and the statements on it.

Decides the SQL, whether a table found in the database is ours, and what no table takes. Transactions and faults are
``postgres.py``'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from afterbay.core.change.value import Item, Value
from afterbay.errors import SettingsError
from afterbay.sinks.entry import Entry
from afterbay.sinks.reduced import Write
from afterbay.sinks.sql import OWN_COLUMNS, PURGE_MAX, key_value, quoted, refuse_key_names

__all__ = ["TABLE_CHARS_MAX", "PostgresTable", "key_columns", "key_id", "nul_in"]

_NAME_BYTES_MAX = 63
"""Longer identifiers are cut by the server, silently."""

TABLE_CHARS_MAX = _NAME_BYTES_MAX - len("_expires")

_SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")

_TYPES = {"S": "text", "N": "numeric", "B": "bytea"}
"""Of key attributes. ``numeric`` is exact, and wider than a table's numbers (S97)."""

_OWN_TYPES = ("bytea", "text", "jsonb", "text", "boolean", "bigint")

_STAGED = '_seen text COLLATE "C", _seen_deleted boolean'
"""What a write was made for: the stored token, and whether there was a tombstone."""

SqlValue = str | bytes | bool | int | None


def key_id(key: str) -> bytes:
    """The primary key: a hash of the canonical ``key``, which itself may be longer than an index takes."""
    return hashlib.sha256(key.encode()).digest()


def key_columns(entry: Entry) -> Mapping[str, str]:
    """The key attributes in the order of their names (S69), and the types of their columns."""
    return {name: _TYPES[next(iter(_members(entry.keys_typed[name])))] for name in sorted(entry.keys_typed)}


@dataclass(frozen=True, slots=True)
class PostgresTable:
    """``name`` may have a schema before a dot. ``keys`` are the key attributes and the types of their columns."""

    name: str
    keys: Mapping[str, str]

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Names and types, in order. A table may have more behind them."""
        return (*self.keys.items(), *zip(("_id", *OWN_COLUMNS), _OWN_TYPES, strict=True))

    @property
    def quoted(self) -> str:
        return self._named("")

    @property
    def view(self) -> str:
        return self._named("_live")

    @property
    def definition(self) -> str:
        """The statements that make it, as one text. Tokens compare by byte (E2)."""
        keys = "".join(f"{quoted(name)} {kind} NOT NULL, " for name, kind in self.keys.items())
        shown = ", ".join(map(quoted, (*self.keys, "item")))
        index = quoted(self._relation + "_expires")
        return (
            f"CREATE TABLE {self.quoted} ({keys}_id bytea PRIMARY KEY, _key text NOT NULL, item jsonb,"
            ' _tok text COLLATE "C" NOT NULL, _deleted boolean NOT NULL, _expires bigint);'
            f" CREATE INDEX {index} ON {self.quoted} (_expires) WHERE _deleted;"
            f" CREATE VIEW {self.view} AS SELECT {shown} FROM {self.quoted} WHERE NOT _deleted"
        )

    @property
    def stage(self) -> str:
        """This session's staging table. Its name depends on its columns: a pooler hands sessions to other sinks."""
        told = repr((self.name, self.columns, _STAGED)).encode()
        return f"pg_temp.afterbay_{hashlib.sha256(told).hexdigest()[:16]}"

    @property
    def create_stage(self) -> str:
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in self.columns)
        stage = self.stage.removeprefix("pg_temp.")
        return (
            f"CREATE TEMP TABLE IF NOT EXISTS {stage} ({columns}, {_STAGED}, PRIMARY KEY (_id)) ON COMMIT DELETE ROWS"
        )

    @property
    def copy(self) -> str:
        return f"COPY {self.stage} FROM STDIN"

    @property
    def merge(self) -> str:
        """Guard and write in one statement (E5); it returns the keys that were written.

        A key is written if its stored token is older, and it is still as its write was made for: a mend makes an item
        a tombstone, or the other way round, under the same token (E14). In the order of keys: two batches that lock
        the same rows never wait for each other in a circle.
        """
        names = ", ".join(quoted(name) for name, _ in self.columns)
        return (
            f"INSERT INTO {self.quoted} AS old ({names}) SELECT {names} FROM {self.stage} ORDER BY _id"
            " ON CONFLICT (_id) DO UPDATE SET"
            " item = CASE WHEN excluded._deleted OR excluded.item IS NOT NULL THEN excluded.item ELSE old.item END,"
            " _tok = excluded._tok, _deleted = excluded._deleted, _expires = excluded._expires"
            " WHERE excluded._tok > old._tok"
            f" AND (old._tok, old._deleted) ="
            f" (SELECT _seen, _seen_deleted FROM {self.stage} AS new WHERE new._id = excluded._id)"
            " RETURNING _id"
        )

    @property
    def mend(self) -> str:
        """Guard and write in one statement (E14); it returns the keys that were written. In the order of keys, as
        ``merge``.

        What is staged without ``_seen`` is written where nothing is stored, the rest over the token that was seen. A
        tombstone that is purged in this very moment counts as still there.
        """
        names = ", ".join(quoted(name) for name, _ in self.columns)
        return (
            f"INSERT INTO {self.quoted} AS old ({names}) SELECT {names} FROM {self.stage} AS new"
            f" WHERE _seen IS NULL OR EXISTS (SELECT FROM {self.quoted} AS there WHERE there._id = new._id)"
            " ORDER BY _id ON CONFLICT (_id) DO UPDATE SET"
            " item = excluded.item, _deleted = excluded._deleted, _expires = excluded._expires"
            f" WHERE old._tok = (SELECT _seen FROM {self.stage} AS new WHERE new._id = excluded._id)"
            " RETURNING _id"
        )

    @property
    def held(self) -> str:
        return f"SELECT _id, _tok, item::text FROM {self.quoted} WHERE _id = ANY(%b)"

    @property
    def stored(self) -> str:
        return f"SELECT _id, _tok, _deleted FROM {self.quoted} WHERE _id = ANY(%b)"

    @property
    def live_page(self) -> str:
        return f"SELECT _id, _key, item::text FROM {self.quoted} WHERE NOT _deleted AND _id > %b ORDER BY _id LIMIT %s"

    def purge(self, before_s: int) -> str:
        """Old tombstones, a bounded number of them (E7). What another batch has locked, that batch or the next one
        purges: this one has locks already and must not wait."""
        return (
            f"DELETE FROM {self.quoted} WHERE _id = ANY (ARRAY(SELECT _id FROM {self.quoted} WHERE _deleted"
            f" AND _expires < {before_s:d} LIMIT {PURGE_MAX} FOR UPDATE SKIP LOCKED))"
        )

    def row(self, key: bytes, write: Write) -> tuple[SqlValue, ...]:
        """The values of what is staged."""
        entry = write.entry
        decoded = entry.keys
        keys = (key_value(decoded[name]) for name in self.keys)
        own = (key, entry.key, write.item, write.token, write.deleted, write.expires_s)
        return (*keys, *own, write.seen, write.seen_deleted)

    def check_names(self) -> None:
        """Raises ``SettingsError`` for a key attribute that cannot be a column."""
        taken = ("_id", *OWN_COLUMNS, *_SYSTEM_COLUMNS)
        refuse_key_names(self.name, self.keys, taken, same=str, bytes_max=_NAME_BYTES_MAX)

    def check_columns(self, found: tuple[tuple[str, str], ...]) -> None:
        """Columns of others behind ours are theirs to fill. Raises ``SettingsError`` for a table that is not ours."""
        if found[: len(self.columns)] != self.columns:
            raise SettingsError(
                f"table {self.name} has columns {_listed(found)}; this sink writes {_listed(self.columns)}",
                hint="give each source table a sink table of its own (table=)",
            )

    @property
    def _relation(self) -> str:
        return self.name.rpartition(".")[2]

    def _named(self, suffix: str) -> str:
        schema, dot, relation = self.name.rpartition(".")
        return f"{quoted(schema)}.{quoted(relation + suffix)}" if dot else quoted(relation + suffix)


def nul_in(entry: Entry) -> str | None:
    """The path of a text with a NUL, which no text and no ``jsonb`` of PostgreSQL takes; None: there is none."""
    if "\\u0000" not in entry.key and (entry.json is None or "\\u0000" not in entry.json):
        return None
    item = entry.item
    return _nul(entry.keys, "dynamodb.Keys") or (None if item is None else _nul(item, "dynamodb.NewImage"))


def _nul(value: Item | Value, path: str) -> str | None:
    match value:
        case str():
            return path if "\0" in value else None
        case dict():
            inside = [(one, f"{path}.{name}") for name, one in value.items()]
            return next((path for name in value if "\0" in name), None) or _first(inside)
        case list():
            return _first([(one, f"{path}[{index}]") for index, one in enumerate(value)])
        case frozenset():
            return _first([(one, path) for one in value])
        case _:
            return None


def _first(inside: list[tuple[Value, str]]) -> str | None:
    return next((found for one, path in inside if (found := _nul(one, path)) is not None), None)


def _members(typed: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", typed)  # decoded before: it has one member, the name of its type


def _listed(columns: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns)
