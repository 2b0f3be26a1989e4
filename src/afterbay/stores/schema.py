"""The tables of a state file, and how an older file becomes a newer one.

A file says what it is in SQLite's own header: ``application_id`` that it is ours, ``user_version`` which form it has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from afterbay.errors import StateError, StatePlaceError
from afterbay.stores.opening import transaction

__all__ = ["APPLICATION_ID", "MIGRATIONS", "form_of", "migrate"]

APPLICATION_ID = 0x41464259  # "AFBY"

Step = tuple[str, ...]

MIGRATIONS: tuple[Step, ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
        "INSERT INTO meta VALUES ('seed', randomblob(32))",
        """CREATE TABLE shards (
            mapping TEXT, shard TEXT, body BLOB NOT NULL, PRIMARY KEY (mapping, shard)
        ) WITHOUT ROWID""",
        # turn: whose turn it is to be sent; a letter that failed goes to the back
        """CREATE TABLE letters (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            mapping TEXT NOT NULL, shard TEXT NOT NULL, request_id TEXT NOT NULL, last TEXT NOT NULL,
            turn INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, last_error TEXT,
            body BLOB NOT NULL,
            UNIQUE (mapping, shard, request_id)
        )""",
        "CREATE UNIQUE INDEX letters_by_turn ON letters (turn)",
        # what was sent and could still be stored again by a replay: until the checkpoint has passed ``last``
        """CREATE TABLE sent (
            number INTEGER PRIMARY KEY,
            mapping TEXT NOT NULL, shard TEXT NOT NULL, request_id TEXT NOT NULL, last TEXT NOT NULL,
            UNIQUE (mapping, shard, request_id)
        )""",
    ),
    (
        # Written often, read seldom: no index, so that a row costs one write at the end of the table. The body stands
        # last: a look through the other columns does not read it. Positions are 24 bytes, big-endian (S46, S47).
        """CREATE TABLE journal (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            mapping TEXT NOT NULL, shard TEXT NOT NULL, first BLOB, last BLOB, request_id TEXT,
            body BLOB NOT NULL
        )""",
    ),
    (
        # A letter is the same if it is of the same batch and ends at the same record (LetterKey).
        """CREATE TABLE letters_3 (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            mapping TEXT NOT NULL, shard TEXT NOT NULL, request_id TEXT NOT NULL, last TEXT NOT NULL,
            turn INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, last_error TEXT,
            body BLOB NOT NULL,
            UNIQUE (mapping, shard, request_id, last)
        )""",
        "INSERT INTO letters_3"
        " SELECT number, mapping, shard, request_id, last, turn, tries, last_error, body FROM letters",
        # numbers go on: those of sent letters are remembered
        "DELETE FROM sqlite_sequence WHERE name = 'letters_3'",
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'letters_3', seq FROM sqlite_sequence WHERE name = 'letters'",
        "DROP TABLE letters",
        "ALTER TABLE letters_3 RENAME TO letters",
        "CREATE UNIQUE INDEX letters_by_turn ON letters (turn)",
        """CREATE TABLE sent_3 (
            number INTEGER PRIMARY KEY,
            mapping TEXT NOT NULL, shard TEXT NOT NULL, request_id TEXT NOT NULL, last TEXT NOT NULL,
            UNIQUE (mapping, shard, request_id, last)
        )""",
        "INSERT INTO sent_3 SELECT number, mapping, shard, request_id, last FROM sent",
        "DROP TABLE sent",
        "ALTER TABLE sent_3 RENAME TO sent",
    ),
)
"""Step n turns form n into form n + 1. A published step never changes."""


def form_of(
    connection: sqlite3.Connection, path: Path, steps: Sequence[Step] = MIGRATIONS, *, own: int = APPLICATION_ID
) -> int:
    """The form of the file, 0 for an empty database. Changes nothing. ``own``: the application id of such files.

    Raises ``StateError`` for a file that is not ours or was written by a newer version.
    """
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if owner != own and (owner, version, tables) != (0, 0, 0):
        raise StatePlaceError(
            f"{path} is an SQLite database, but no state file of afterbay", hint="name another --state file"
        )
    if version > len(steps):
        raise StateError(
            f"state file {path} has form {version}, and this version knows up to {len(steps)}",
            hint="it was written by a newer afterbay: use that one, or another --state file",
        )
    return version


def migrate(
    connection: sqlite3.Connection, path: Path, steps: Sequence[Step] = MIGRATIONS, *, own: int = APPLICATION_ID
) -> None:
    """Bring the file to the newest form, a step per transaction; an empty file becomes a state file."""
    version = form_of(connection, path, steps, own=own)
    for number, step in enumerate(steps[version:], start=version + 1):
        with transaction(connection):
            for statement in step:
                connection.execute(statement)
            # both are part of the transaction: a crash leaves the older form, whole
            connection.execute(f"PRAGMA application_id = {own}")
            connection.execute(f"PRAGMA user_version = {number}")
