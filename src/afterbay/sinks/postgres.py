"""A table in PostgreSQL: a batch is staged by COPY and merged by one guarded statement, in one transaction (E5).

Any number of writers may write at once. ``item`` is ``jsonb``, which keeps every digit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks.entry import Entry, prepare_all
from afterbay.sinks.live import LiveItem, plain_text
from afterbay.sinks.options import SinkOptions
from afterbay.sinks.postgres_session import Session, connect, fault_name, lock_number, lost, place
from afterbay.sinks.postgres_table import PostgresTable, key_columns, key_id, nul_in
from afterbay.sinks.reduced import Stored, Write, reduced

__all__ = ["PostgresSink"]

RACES_MAX = 3
"""Rounds of one batch. The first one locks the rows of the keys that another writer changed in between, so a second is
enough, unless such a row was purged."""

_PAGE_ROWS = 500

_RECORDS = ("22", "23", "44", "54", "P0001")
"""SQLSTATEs, or their classes, that a row brings about: data no column takes, a constraint, an index's limit, a trigger
that raises."""

_PASSING = ("23503", "23505", "23P01")
"""Of these, the ones that another row may mend: a reference, a unique index, an exclusion."""

_NEVER_OURS = ("3F000", "42809", "42P07")
"""No such schema; the name is no table's; the name of the table's view or index is taken."""

_GONE = ("42P01", "42703")
"""The table, or a column of it, is no longer there: it is looked at anew next time."""

Groups: TypeAlias = Mapping[bytes, Sequence[tuple[int, Entry]]]


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
        taken: list[tuple[int, Entry]] = []
        for index, entry in entries:
            path = nul_in(entry)
            if path is None:
                taken.append((index, entry))
            else:
                verdicts[index] = Verdict(Kind.POISON, f"{path}: PostgreSQL takes no text with a NUL (\\u0000)")
        if taken:
            with self._lock:
                verdicts |= self._write(taken)
        return [verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Page by page; a sink that no change has reached yet has no items.

        Raises ``UnavailableError`` for a server that does not answer, ``SettingsError`` for what cannot be this sink.
        """
        after = b""
        while True:
            with self._lock:
                try:
                    rows = self._page(after)
                except psycopg.Error as fault:
                    self._give_up(fault)
                    raise UnavailableError(self._told(fault), code=fault_name(fault)) from fault
            for _, key, item in rows:
                yield LiveItem(key, plain_text(item))
            if len(rows) < _PAGE_ROWS:
                return
            after = rows[-1][0]

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    # ---- one batch

    def _write(self, entries: Sequence[tuple[int, Entry]]) -> dict[int, Verdict]:
        try:
            return self._batch(entries)
        except psycopg.Error as fault:
            self._give_up(fault)
            state = fault.sqlstate or ""
            if state in _NEVER_OURS:
                raise SettingsError(self._told(fault), hint="see the sink's address (table=)") from fault
            blames = state.startswith(_RECORDS)
            if blames and len(entries) > 1:
                half = len(entries) // 2  # in order still: of one key's changes, the earlier come first
                return self._write(entries[:half]) | self._write(entries[half:])
            poison = blames and state not in _PASSING
            verdict = Verdict(Kind.POISON if poison else Kind.RETRYABLE, self._told(fault))
            return {index: verdict for index, _ in entries}
        except BaseException:
            self._disconnect()
            raise

    def _batch(self, entries: Sequence[tuple[int, Entry]]) -> dict[int, Verdict]:
        session = self._connected()
        table = self._made(session, entries)
        left: dict[bytes, list[tuple[int, Entry]]] = {}
        for index, entry in entries:
            left.setdefault(key_id(entry), []).append((index, entry))
        verdicts: dict[int, Verdict] = {}
        begun = False
        for _ in range(RACES_MAX):
            writes, told = self._reduced(session, table, left)
            verdicts |= told
            if not writes:
                left = {}
                break
            session.execute(_sql(f"DELETE FROM {table.stage}" if begun else _begin(table)))
            begun = True
            written = _merged(session, table, writes)
            left = {key: left[key] for key in writes if key not in written}
            if not left:
                break
        if begun:
            # After the writes: a stale change of this batch must still meet the tombstone that refuses it.
            newest_s = int(max(entry.created_s for _, entry in entries))
            session.execute(_sql(f"{table.purge(newest_s)}; COMMIT"))
        lost_race = Verdict(Kind.RETRYABLE, f"{self}: other writers changed the item {RACES_MAX} times in between")
        return verdicts | {index: lost_race for changes in left.values() for index, _ in changes}

    def _reduced(
        self, session: Session, table: PostgresTable, groups: Groups
    ) -> tuple[dict[bytes, Write], dict[int, Verdict]]:
        """What is to be written by what is stored now, and what all of it means for each record.

        Read without locks: what is not newer now never will be, and what is newer is written on condition."""
        stored = {
            _bytes(key): Stored(str(token), bool(deleted))
            for key, token, deleted in session.execute(_sql(table.stored), (list(groups),), binary=True)
        }
        writes: dict[bytes, Write] = {}
        verdicts: dict[int, Verdict] = {}
        for key, entries in groups.items():
            one = reduced(entries, stored.get(key), self._retention, str(self))
            verdicts |= one.verdicts
            if one.write is not None:
                writes[key] = one.write
        return writes, verdicts

    # ---- the table

    def _made(self, session: Session, entries: Sequence[tuple[int, Entry]]) -> PostgresTable:
        table = self._table
        for _, entry in entries:
            if table is None or table.keys.keys() != entry.keys_typed.keys():
                table = self._create_or_check(session, PostgresTable(self._name, key_columns(entry)))
        assert table is not None, "a batch has entries"
        self._table = table
        return table

    def _create_or_check(self, session: Session, table: PostgresTable) -> PostgresTable:
        """The table, made where it is missing, by one writer at a time: the others wait and find it."""
        table.check_names()
        found = self._columns(session, table)
        if not found:
            with session.transaction():
                session.execute("SELECT pg_advisory_xact_lock(%s)", (lock_number(self._name),))
                found = self._columns(session, table)
                if not found:
                    session.execute(_sql(table.definition))
                    return table
        table.check_columns(found)
        return table

    def _columns(self, session: Session, table: PostgresTable) -> tuple[tuple[str, str], ...]:
        rows = session.execute(
            "SELECT attname::text, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(%s)"
            " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (table.quoted,),
        )
        return tuple((str(name), str(kind)) for name, kind in rows)

    def _page(self, after: bytes) -> list[tuple[bytes, str, str]]:
        session = self._connected()
        table = PostgresTable(self._name, {})
        found = self._columns(session, table)
        if not found:
            return []
        own = [column for column in found if column in table.columns]
        if len(own) != len(table.columns):
            table.check_columns(found)
        rows = session.execute(_sql(table.live_page), (after, _PAGE_ROWS), binary=True)
        return [(_bytes(key), str(canonical), str(item)) for key, canonical, item in rows]

    # ---- the session

    def _connected(self) -> Session:
        if self._session is None or self._session.closed:
            self._session = connect(self._conninfo)
        return self._session

    def _give_up(self, fault: psycopg.Error) -> None:
        """Roll back, or leave a session that is of no more use: the next batch makes another."""
        session, state = self._session, fault.sqlstate or ""
        if state in _GONE:
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


def _merged(session: Session, table: PostgresTable, writes: Mapping[bytes, Write]) -> set[bytes]:
    """The keys that were written; the others were changed in between, and are locked from here on."""
    with session.cursor(binary=True) as cursor:
        with cursor.copy(_sql(table.copy)) as copy:
            for key, write in writes.items():
                copy.write_row(table.row(key, write))
        return {_bytes(key) for (key,) in cursor.execute(_sql(table.merge))}


def _begin(table: PostgresTable) -> str:
    """In READ COMMITTED a second look sees what the first one lost against."""
    return f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL client_min_messages = warning; {table.create_stage}"


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes), type(value)
    return value


def _sql(statement: str) -> bytes:
    """A statement made of our own text and quoted identifiers."""
    return statement.encode()
