"""A table in PostgreSQL: a batch is staged by COPY and merged by one guarded statement, in one transaction (E5).

Any number of writers may write at once. ``item`` is ``jsonb``, which keeps every digit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.change.value import TypedItem, canonical
from afterbay.core.guard import APPLIED, Kind, Verdict
from afterbay.errors import ServiceError, SettingsError, UnavailableError
from afterbay.sinks.entry import judge_stored, prepare_all
from afterbay.sinks.live import LiveItem, plain_text
from afterbay.sinks.mending import NOTHING_HELD, Held, Mend, mend_entries
from afterbay.sinks.options import SinkOptions
from afterbay.sinks.postgres_batch import PAGE_ROWS, Entries, applied, held, live_page, mended
from afterbay.sinks.postgres_catalog import create_or_check, is_there
from afterbay.sinks.postgres_faults import Blame, blame, table_gone
from afterbay.sinks.postgres_session import Session, connect, fault_name, lost, place
from afterbay.sinks.postgres_table import PostgresTable, key_columns, key_id, nul_in

__all__ = ["PostgresSink"]

T = TypeVar("T")


class PostgresSink:
    """``table`` (or ``schema.table``) in the database of ``conninfo``, made by the first change; readers look at the
    view ``table_live``.

    Tombstones older than ``retention`` are purged by the batches themselves (E7), measured by the creation time of the
    batch's newest change: no clock is asked. Safe to use from several threads, which then take turns.
    """

    def __init__(
        self,
        conninfo: str,
        table: str,
        *,
        options: SinkOptions | None = None,
        retention: TombstoneRetention | None = None,
    ) -> None:
        self._place = place(conninfo)
        self._conninfo = conninfo
        self._name = table
        self._options = options or SinkOptions()
        self._retention = retention or TombstoneRetention()
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._table: PostgresTable | None = None

    def __str__(self) -> str:
        return f"postgresql://{self._place}/{self._name}"

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """Write a batch in one transaction. What the server refuses for one record's sake is written around it.

        Raises ``SettingsError`` for a table that cannot be this sink.
        """
        entries, verdicts = prepare_all(changes, self._options)
        refused = _refused(entries)
        verdicts |= refused | self._outdated([(index, entry) for index, entry in entries if index in refused])
        verdicts |= self._in_batches(entries, refused, self._applied)
        return [verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Page by page; a sink that no change has reached yet has no items.

        Raises ``UnavailableError`` for a server that does not answer, ``SettingsError`` for what cannot be this sink.
        """
        after = b""
        while True:
            rows = self._reading(partial(live_page, after))
            for _, key, item in rows:
                yield LiveItem(key, plain_text(item))
            if len(rows) < PAGE_ROWS:
                return
            after = rows[-1][0]

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """Raises as ``read_live``."""
        ids = [key_id(canonical(one).decode()) for one in keys]
        found = dict(self._reading(partial(held, ids))) if ids else {}
        return [found.get(one, NOTHING_HELD) for one in ids]

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """One transaction, as ``apply``."""
        entries, verdicts = mend_entries(mends, self._options)
        seen = {entry.key: mend.seen for _, mend, entry in entries}
        images = [(index, entry) for index, _, entry in entries]
        verdicts |= (refused := _refused(images))
        verdicts |= self._in_batches(images, refused, partial(self._mended, seen))
        return [verdicts[index] for index in range(len(mends))]

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    # ---- one batch

    def _in_batches(
        self, entries: Entries, refused: Container[int], batch: Callable[[Entries], dict[int, Verdict]]
    ) -> dict[int, Verdict]:
        """``batch`` on what PostgreSQL can take at all."""
        taken = [(index, entry) for index, entry in entries if index not in refused]
        if not taken:
            return {}
        with self._lock:
            return self._write(taken, batch)

    def _outdated(self, refused: Entries) -> dict[int, Verdict]:
        """Of changes that PostgreSQL cannot take, those that are not newer than what is stored: they are no poison
        (E5)."""
        if not refused:
            return {}
        try:
            stored = self.look_up([entry.keys_typed for _, entry in refused])
        except ServiceError:
            return {}
        told = {
            index: judge_stored(entry.token, one.token, str(self))
            for (index, entry), one in zip(refused, stored, strict=True)
        }
        return {index: verdict for index, verdict in told.items() if verdict is not APPLIED}

    def _write(self, entries: Entries, batch: Callable[[Entries], dict[int, Verdict]]) -> dict[int, Verdict]:
        try:
            return batch(entries)
        except psycopg.Error as fault:
            self._give_up(fault)
            who = blame(fault)
            if who is Blame.ADDRESS:
                raise SettingsError(self._told(fault), hint="see the sink's address (table=)") from fault
            if who is not Blame.NOBODY and len(entries) > 1:
                half = len(entries) // 2  # in order still: of one key's changes, the earlier come first
                return self._write(entries[:half], batch) | self._write(entries[half:], batch)
            verdict = Verdict(Kind.POISON if who is Blame.RECORD else Kind.RETRYABLE, self._told(fault))
            return {index: verdict for index, _ in entries}
        except BaseException:
            self._disconnect()
            raise

    def _applied(self, entries: Entries) -> dict[int, Verdict]:
        session = self._connected()
        return applied(session, self._made(session, entries), entries, self._retention, str(self))

    def _mended(self, seen: Mapping[str, str | None], entries: Entries) -> dict[int, Verdict]:
        session = self._connected()
        return mended(session, self._made(session, entries), entries, seen, self._retention)

    # ---- the table

    def _made(self, session: Session, entries: Entries) -> PostgresTable:
        table = self._table
        for _, entry in entries:
            if table is None or table.keys.keys() != entry.keys_typed.keys():
                table = create_or_check(session, PostgresTable(self._name, key_columns(entry)))
        assert table is not None, "a batch has entries"
        self._table = table
        return table

    # ---- reading

    def _reading(self, work: Callable[[Session, PostgresTable], list[T]]) -> list[T]:
        """``work`` on the sink's table; nothing where no change has made it yet."""
        with self._lock:
            try:
                session, table = self._connected(), PostgresTable(self._name, {})
                return work(session, table) if is_there(session, table) else []
            except psycopg.Error as fault:
                self._give_up(fault)
                raise UnavailableError(self._told(fault), code=fault_name(fault)) from fault

    # ---- the session

    def _connected(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = connect(self._conninfo)
        return self._session

    def _give_up(self, fault: psycopg.Error) -> None:
        """Roll back, or leave a session that is of no more use: the next batch makes another."""
        session = self._session
        if table_gone(fault):
            self._table = None
        if session is None:
            return
        if lost(session, fault):
            self._disconnect()
        elif session.info.transaction_status is not TransactionStatus.IDLE:
            with suppress(psycopg.Error):
                session.rollback()

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _told(self, fault: psycopg.Error) -> str:
        """What failed, without the server's own words, which quote values. What a connection failed of, it says: there
        are no values yet, and nothing else tells."""
        if self._session is None and fault.sqlstate is None:
            return f"{self}: {str(fault).splitlines()[0] if str(fault) else fault_name(fault)}"
        about = (fault.diag.column_name, fault.diag.constraint_name)
        where = "".join(f" ({name})" for name in about if name)
        return f"{self}: {fault_name(fault)}{where}"


def _refused(entries: Entries) -> dict[int, Verdict]:
    """What no table of PostgreSQL takes."""
    paths = {index: path for index, entry in entries if (path := nul_in(entry)) is not None}
    return {
        index: Verdict(Kind.POISON, f"{path}: PostgreSQL takes no text with a NUL (\\u0000)")
        for index, path in paths.items()
    }
