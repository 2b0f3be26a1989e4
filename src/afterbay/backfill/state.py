"""How far a load is, in a file that survives a kill at any instant: each page's place in one durable transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

from afterbay.backfill.identity import Identity
from afterbay.backfill.plan import Part
from afterbay.stores.lock import FileLock
from afterbay.stores.opening import open_private, whole
from afterbay.stores.schema import Step, form_of, migrate

__all__ = ["APPLICATION_ID", "LoadState"]

APPLICATION_ID = 0x41464246  # "AFBF"

MIGRATIONS: tuple[Step, ...] = (
    (
        """CREATE TABLE load (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            "table" TEXT NOT NULL, created TEXT NOT NULL, source TEXT NOT NULL, "into" TEXT NOT NULL,
            print TEXT NOT NULL
        )""",
        """CREATE TABLE parts (
            number INTEGER PRIMARY KEY, name TEXT NOT NULL, cursor TEXT, done INTEGER NOT NULL,
            items INTEGER NOT NULL, failed INTEGER NOT NULL
        )""",
    ),
)
"""As in ``stores.schema``: a published step never changes."""


class LoadState:
    """The file at ``path``, made if missing, readable by its owner alone: a cursor holds an item's key.

    May be called from any thread. Raises ``StateError`` for a file that is in use, newer, damaged, none of ours, or of
    another load.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path).resolve()
        self._mutex = threading.Lock()
        self._lock = FileLock.beside(self._path)
        try:
            self._connection = _open(self._path)
        except BaseException:
            self._lock.release()
            raise

    def __str__(self) -> str:
        return str(self._path)

    def parts(self, identity: Identity) -> tuple[Part, ...]:
        """The parts of the load that the file is of; none in a new file. Raises ``StateError`` if it is of another."""
        with self._transaction() as sql:
            row = sql.execute('SELECT "table", created, source, "into", print FROM load').fetchone()
            if row is None:
                return ()
            identity.check(Identity(*map(str, row)), self._path)
            rows = sql.execute("SELECT number, name, cursor, done, items, failed FROM parts ORDER BY number")
            return tuple(
                Part(number, name, cursor, bool(done), items, failed)
                for number, name, cursor, done, items, failed in rows
            )

    def begin(self, identity: Identity, parts: Sequence[Part]) -> None:
        """Keep what the load is and how it is divided, in a new file."""
        with self._transaction() as sql:
            sql.execute("INSERT INTO load VALUES (1, ?, ?, ?, ?, ?)", astuple(identity))
            sql.executemany("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?)", map(astuple, parts))

    def save(self, part: Part) -> None:
        """Keep a part's place. When this returns, what lies before it is not read again."""
        with self._transaction() as sql:
            sql.execute(
                "UPDATE parts SET cursor = ?, done = ?, items = ?, failed = ? WHERE number = ?",
                (part.cursor, part.done, part.items, part.failed, part.number),
            )

    def close(self) -> None:
        with self._mutex:
            self._connection.close()
            self._lock.release()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._mutex, whole(self._connection, self._path):
            yield self._connection


def _open(path: Path) -> sqlite3.Connection:
    def prepare(connection: sqlite3.Connection) -> None:
        form_of(connection, path, MIGRATIONS, own=APPLICATION_ID)  # another program's file is left as it is
        # no WAL: pages are saved a few times a second, and one file without companions can be moved or removed
        connection.execute("PRAGMA synchronous = EXTRA")  # the journal's end reaches the directory too
        migrate(connection, path, MIGRATIONS, own=APPLICATION_ID)

    return open_private(path, prepare)
