"""A ledger in PostgreSQL, in the database of the tables that the effects are made in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import psycopg
from psycopg.pq import TransactionStatus

from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks.ledgers.ledger import Intent, LedgerRow
from afterbay.sinks.postgres_session import Session, connect, fault_name, lock_number, place
from afterbay.sinks.sql import PURGE_MAX, quoted

__all__ = ["PostgresLedger"]


class PostgresLedger:
    """Rows in ``table`` (or ``schema.table``), made by the first change. ``database`` is a connection string, or a
    connection of the caller's own, which stays the caller's. Threads take turns: a transaction has the session for
    itself."""

    def __init__(
        self, database: str | Session, table: str = "ledger", *, retention: TombstoneRetention | None = None
    ) -> None:
        self._conninfo = database if isinstance(database, str) else None
        self._place = place(database if isinstance(database, str) else database.info.dsn)
        self._session = None if isinstance(database, str) else database
        self._name = table
        self._table = ".".join(map(quoted, table.split(".")))
        self._retention = retention or TombstoneRetention()
        self._lock = threading.RLock()
        self._made = False

    def __str__(self) -> str:
        return f"postgresql://{self._place}/{self._name}"

    @contextmanager
    def once(self, row: LedgerRow) -> Generator[Session | None]:
        """A change that another process is at is waited for. Raises ``UnavailableError`` where the server fails or
        is away: whether the transaction was committed is not known then, and the retry will find out."""
        with self._transaction() as session:
            yield session if self._claimed(session, row, done=True) else None

    @contextmanager
    def intent(self, row: LedgerRow) -> Generator[Intent | None]:
        """Raises ``UnavailableError``."""
        look = f"SELECT _done FROM {self._table} WHERE _key = %s"
        with self._transaction() as session:
            first = self._claimed(session, row, done=False)
            with self._faults():
                found = session.execute(look.encode(), (row.key,)).fetchone()
        if found is not None and found[0]:
            yield None
            return
        yield Intent(row.key, again=not first)
        with self._transaction() as session, self._faults():
            session.execute(f"UPDATE {self._table} SET _done = true WHERE _key = %s".encode(), (row.key,))

    def close(self) -> None:
        with self._lock:
            if self._conninfo is not None and self._session is not None:
                self._session.close()
                self._session = None

    def _claimed(self, session: Session, row: LedgerRow, *, done: bool) -> bool:
        """Write the row, if it is not there; and drop old ones, a bounded number of them."""
        with self._faults():
            claim = session.execute(
                f"INSERT INTO {self._table} VALUES (%s, %s, %s) ON CONFLICT DO NOTHING".encode(),
                (row.key, done, self._retention.purge_at_s(row.created_s)),
            )
            session.execute(
                f"DELETE FROM {self._table} WHERE _key = ANY (ARRAY(SELECT _key FROM {self._table} WHERE _expires < %s"
                f" LIMIT {PURGE_MAX} FOR UPDATE SKIP LOCKED))".encode(),
                (int(row.created_s),),
            )
        return claim.rowcount == 1

    @contextmanager
    def _transaction(self) -> Generator[Session]:
        """A fault of a statement in the caller's block leaves as it came; one of ours does not."""
        theirs: BaseException | None = None
        with self._lock, self._faults(but=lambda: theirs):
            session = self._connected()
            with session.transaction():
                try:
                    yield session
                except BaseException as raised:
                    theirs = raised
                    raise

    @contextmanager
    def _faults(self, but: Callable[[], BaseException | None] = lambda: None) -> Generator[None]:
        try:
            yield
        except psycopg.Error as fault:
            if fault is but():
                raise
            raise UnavailableError(f"{self}: {fault_name(fault)}", code=fault_name(fault)) from fault

    def _connected(self) -> Session:
        if self._session is None or (self._session.closed and self._conninfo is not None):
            assert self._conninfo is not None, "a session of the caller's own is never dropped"
            self._session = connect(self._conninfo)
        if self._session.info.transaction_status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN):
            raise SettingsError(f"{self}: a transaction is open already", hint="one change at a time, and not nested")
        if not self._made:
            with self._session.transaction():
                self._session.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(self._name),))
                self._session.execute("SET LOCAL client_min_messages = warning")
                self._session.execute(
                    f'CREATE TABLE IF NOT EXISTS {self._table} (_key text COLLATE "C" PRIMARY KEY,'
                    " _done boolean NOT NULL, _expires bigint NOT NULL)".encode()
                )
                index = quoted(self._name.rpartition(".")[2] + "_expires")
                self._session.execute(f"CREATE INDEX IF NOT EXISTS {index} ON {self._table} (_expires)".encode())
            self._made = True
        return self._session
