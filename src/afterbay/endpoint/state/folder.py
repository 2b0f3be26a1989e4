"""The folder of ``--state``: whose it is, its lock, and the database of the address in it.

Decides what is refused. Positions and letters of the engine are in a file of their own beside it (``stores.sqlite``).
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from afterbay.errors import StateError, StatePlaceError
from afterbay.stores.lock import FileLock
from afterbay.stores.opening import ADDRESS_FILE, open_private
from afterbay.stores.refusal import of_place, refusal
from afterbay.stores.schema import form_of, migrate

__all__ = ["StateFolder"]

APPLICATION_ID = 0x41464244  # "AFBD"
ENGINE_FILE = "engine.sqlite3"
LOCK_FILE = "lock"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        # what was asked for, to be asked again: scope is the resource that the call is about
        """CREATE TABLE calls (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            service TEXT NOT NULL, operation TEXT NOT NULL, scope TEXT NOT NULL, part TEXT,
            at TEXT NOT NULL, seed INTEGER NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX calls_by_scope ON calls (service, scope, part)",
        # the row's number is the order in which a table is scanned
        """CREATE TABLE items (
            number INTEGER PRIMARY KEY, home TEXT NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, UNIQUE (home, key)
        )""",
        # latest: the stream that its table has now
        "CREATE TABLE streams (arn TEXT PRIMARY KEY, latest INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID",
        """CREATE TABLE shards (
            number INTEGER PRIMARY KEY, stream TEXT NOT NULL, shard TEXT NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX shards_by_stream ON shards (stream)",
        # in the order of their numbers, which are too large for an integer here (S47)
        """CREATE TABLE records (
            shard INTEGER NOT NULL, created_s INTEGER NOT NULL, position BLOB NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX records_by_shard ON records (shard, created_s)",
        """CREATE TABLE messages (
            queue TEXT NOT NULL, message TEXT NOT NULL, place INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (queue, message)
        )""",
        """CREATE TABLE kinesis_records (
            stream TEXT NOT NULL, shard TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (stream, shard, number)
        )""",
        "CREATE TABLE mappings (uuid TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
    ),
    # events of asynchronous invocations, in the order in which they came
    ("CREATE TABLE events (number INTEGER PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL)",),
    (
        "CREATE TABLE pipes (number INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, body BLOB NOT NULL)",
        "CREATE TABLE bus_homes (region TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID",
        # what was accepted, until a target or a dead-letter queue has it
        "CREATE TABLE bus_entries (number INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        """CREATE TABLE bus_archived (
            number INTEGER PRIMARY KEY, region TEXT NOT NULL, archive TEXT NOT NULL, body BLOB NOT NULL
        )""",
        "CREATE INDEX bus_archived_by_archive ON bus_archived (region, archive)",
    ),
)
"""Step n turns form n into form n + 1. A published step never changes."""

DATA = (
    *("calls", "items", "streams", "shards", "records", "messages", "kinesis_records", "mappings", "events"),
    *("pipes", "bus_homes", "bus_entries", "bus_archived"),
)
"""What a reset empties."""


class StateFolder:
    """The folder at ``path``, made if missing, for this process alone until ``close``.

    Raises ``StateError`` in one line for a folder that cannot be written, is not ours, is in use or was written by a
    newer version, and for a damaged file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        _make(self.path)
        self._lock = FileLock(self.path / LOCK_FILE, protects=self.path)
        try:
            self.connection = _open(self.path / ADDRESS_FILE)
        except BaseException:
            self._lock.release()
            raise

    @property
    def engine_file(self) -> Path:
        """Where positions, letters and the journal are."""
        return self.path / ENGINE_FILE

    def refusal(self, error: sqlite3.Error) -> StateError:
        """What SQLite complained of."""
        return refusal(self.path / ADDRESS_FILE, error)

    def close(self) -> None:
        self.connection.close()
        self._lock.release()


def _make(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {one.name for one in path.iterdir()}
    except (FileExistsError, NotADirectoryError) as error:
        raise StatePlaceError(f"--state {path} is no folder", hint="name a folder; it is made if missing") from error
    except OSError as error:
        told = f"--state {path} cannot be used: {error.strerror}"
        raise of_place(error, told, hint="name another folder") from error
    if names - {LOCK_FILE} and ADDRESS_FILE not in names:
        raise StatePlaceError(
            f"--state {path} holds files, but no state of afterbay", hint="name a new or an empty folder"
        )
    if not os.access(path, os.W_OK | os.X_OK):
        raise StatePlaceError(f"--state {path} cannot be written", hint="name another folder, or change its mode")


def _open(path: Path) -> sqlite3.Connection:
    def prepare(connection: sqlite3.Connection) -> None:
        form_of(connection, path, MIGRATIONS, own=APPLICATION_ID)  # before anything is changed
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, path, MIGRATIONS, own=APPLICATION_ID)

    return open_private(path, prepare)
