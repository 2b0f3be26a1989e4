"""A ledger in a SQLite file, beside the tables that the effects are made in."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks.ledgers.ledger import Intent, LedgerRow
from afterbay.sinks.sql import PURGE_MAX, quoted
from afterbay.sinks.sqlite import BUSY_S, open_file

__all__ = ["SqliteLedger"]


class SqliteLedger:
    """Rows in ``table``, made by the first change. ``database`` is a file, or a connection of the caller's own, which
    stays the caller's. Threads take turns: a transaction has the connection for itself."""

    def __init__(
        self,
        database: str | Path | sqlite3.Connection,
        table: str = "ledger",
        *,
        retention: TombstoneRetention | None = None,
        busy_s: float = BUSY_S,
    ) -> None:
        self._given = database if isinstance(database, sqlite3.Connection) else None
        self._file = None if isinstance(database, sqlite3.Connection) else Path(database)
        self._opened = self._given
        self._name = table
        self._retention = retention or TombstoneRetention()
        self._busy_s = busy_s
        self._lock = threading.RLock()

    def __str__(self) -> str:
        return f"sqlite:{self._file.name if self._file else 'a connection'}/{self._name}"

    @contextmanager
    def once(self, row: LedgerRow) -> Generator[sqlite3.Connection | None]:
        """Raises ``UnavailableError`` where the file is in use or full, ``SettingsError`` where the block has ended the
        transaction itself."""
        with self._transaction() as database:
            yield database if self._claimed(database, row, done=True) else None

    @contextmanager
    def intent(self, row: LedgerRow) -> Generator[Intent | None]:
        """Raises ``UnavailableError``."""
        with self._transaction() as database:
            first = self._claimed(database, row, done=False)
            look = f"SELECT _done FROM {quoted(self._name)} WHERE _key = ?"
            with self._faults():
                ((done,),) = database.execute(look, (row.key,)).fetchall()
        if done:
            yield None
            return
        yield Intent(row.key, again=not first)
        with self._transaction() as database, self._faults():
            database.execute(f"UPDATE {quoted(self._name)} SET _done = 1 WHERE _key = ?", (row.key,))

    def close(self) -> None:
        with self._lock:
            if self._opened is not None and self._given is None:
                self._opened.close()
                self._opened = None

    def _claimed(self, database: sqlite3.Connection, row: LedgerRow, *, done: bool) -> bool:
        """Write the row, if it is not there; and drop old ones, a bounded number of them."""
        table = quoted(self._name)
        with self._faults():
            database.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (_key TEXT NOT NULL PRIMARY KEY COLLATE BINARY,"
                " _done INTEGER NOT NULL, _expires INTEGER NOT NULL) WITHOUT ROWID"
            )
            index = quoted(self._name + "_expires")
            database.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {table} (_expires)")
            claim = database.execute(
                f"INSERT INTO {table} (_key, _done, _expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (row.key, int(done), self._retention.purge_at_s(row.created_s)),
            )
            database.execute(
                f"DELETE FROM {table} WHERE _key IN (SELECT _key FROM {table} WHERE _expires < ? LIMIT {PURGE_MAX})",
                (int(row.created_s),),
            )
        return claim.rowcount == 1

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        with self._lock:
            database = self._begun()
            try:
                yield database
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
            if not database.in_transaction:
                raise SettingsError(
                    f"{self}: the transaction was ended inside the block",
                    hint="leave COMMIT to the ledger; executescript() commits too",
                )
            try:
                with self._faults():
                    database.execute("COMMIT")
            except UnavailableError:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def _begun(self) -> sqlite3.Connection:
        with self._faults():
            if self._opened is None:
                assert self._file is not None, "a connection of the caller's own is never dropped"
                self._opened = open_file(self._file, self._busy_s)
            if self._opened.in_transaction:
                raise SettingsError(
                    f"{self}: a transaction is open already", hint="one change at a time, and not nested"
                )
            # IMMEDIATE takes the write lock first: nobody claims the row between our look and our write.
            self._opened.execute("BEGIN IMMEDIATE")
        return self._opened

    @contextmanager
    def _faults(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as fault:
            name = str(getattr(fault, "sqlite_errorname", type(fault).__name__))
            raise UnavailableError(f"{self}: {name}", code=name) from fault
