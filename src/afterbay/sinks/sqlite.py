"""A table in a SQLite file: one transaction per batch, the guard in the statement itself (E5).

Several processes may write to one file at once; who has to wait too long gets retryable verdicts. ``item`` is JSON
text.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.change.value import TypedItem, canonical
from afterbay.core.guard import APPLIED, SKIPPED, Kind, Verdict
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks.entry import Entry, judge_stored, prepare_all
from afterbay.sinks.live import LiveItem, plain_text
from afterbay.sinks.mending import NOTHING_HELD, OVERTAKEN, Held, Mend, mend_entries
from afterbay.sinks.options import SinkOptions
from afterbay.sinks.sqlite_table import SinkTable, create_or_check, is_there

__all__ = ["SqliteSink", "open_file"]

BUSY_S = 5.0
"""How long a batch waits for another writer's transaction. Long enough for one, short beside a function's time-out."""

_BUSY_PAUSE_S = 0.005

_PAGE_ROWS = 500

_NEVER_OURS = {
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_NOTADB: "is no SQLite database",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_READONLY: "is read-only",
    sqlite3.SQLITE_PERM: "may not be opened",
}
"""Primary result codes that no retry mends: the address is wrong. Everything else passes, as a lock or a full disk
does."""


class SqliteSink:
    """``table`` in ``file``, made by the first change; readers look at the view ``table_live``.

    Tombstones older than ``retention`` are purged by the batches themselves (E7), measured by the creation time of the
    batch's newest change: no clock is asked.
    """

    def __init__(
        self,
        file: str | Path,
        table: str,
        *,
        options: SinkOptions | None = None,
        retention: TombstoneRetention | None = None,
        busy_s: float = BUSY_S,
    ) -> None:
        self._file = Path(file)
        self._name = table
        self._options = options or SinkOptions()
        self._retention = retention or TombstoneRetention()
        self._busy_s = busy_s
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None
        self._table: SinkTable | None = None

    def __str__(self) -> str:
        return f"sqlite:{self._file.name}/{self._name}"

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """Write a batch in one transaction: it is in the file as a whole when this returns, or every verdict is a
        failure.

        Raises ``SettingsError`` for a file or a table that cannot be this sink.
        """
        entries, verdicts = prepare_all(changes, self._options)
        if entries:
            with self._lock:
                verdicts |= self._in_transaction(
                    lambda database: self._batch(database, entries), [index for index, _ in entries]
                )
        return [verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Page by page, so that writers are not kept waiting; a sink that no change has reached yet has no items.

        Raises ``UnavailableError`` for a file in use, ``SettingsError`` for one that cannot be this sink.
        """
        after = ""
        while True:
            with self._lock:
                try:
                    rows = self._page(after)
                except sqlite3.Error as fault:
                    name = self._passing(fault)
                    raise UnavailableError(f"{self}: {name}", code=name) from fault
            for key, item in rows:
                yield LiveItem(key, plain_text(item))
            if len(rows) < _PAGE_ROWS:
                return
            after = rows[-1][0]

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """Raises as ``read_live``."""
        with self._lock:
            try:
                rows = [self._row(canonical(one).decode()) for one in keys] if self._is_there() else [None] * len(keys)
            except sqlite3.Error as fault:
                name = self._passing(fault)
                raise UnavailableError(f"{self}: {name}", code=name) from fault
        return [NOTHING_HELD if row is None else _held(*row) for row in rows]

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """One transaction, as ``apply``."""
        entries, verdicts = mend_entries(mends, self._options)
        if entries:
            with self._lock:
                verdicts |= self._in_transaction(
                    lambda database: self._mended(database, entries), [index for index, _, _ in entries]
                )
        return [verdicts[index] for index in range(len(mends))]

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = self._table = None

    # ---- one transaction

    def _in_transaction(
        self, work: Callable[[sqlite3.Connection], dict[int, Verdict]], places: Sequence[int]
    ) -> dict[int, Verdict]:
        try:
            database = self._database()
            # IMMEDIATE takes the write lock first: the token read and the row written are then one step (E5).
            database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as fault:
            return self._failed(fault, places)
        try:
            verdicts = work(database)
            database.execute("COMMIT")
        except sqlite3.Error as fault:
            self._give_up(database)
            return self._failed(fault, places)
        except BaseException:
            self._give_up(database)
            raise
        return verdicts

    def _give_up(self, database: sqlite3.Connection) -> None:
        """Roll back, and look at the table anew next time: it may have been made in this very transaction."""
        self._table = None
        if database.in_transaction:
            database.execute("ROLLBACK")

    def _batch(self, database: sqlite3.Connection, entries: Sequence[tuple[int, Entry]]) -> dict[int, Verdict]:
        table = self._table
        verdicts: dict[int, Verdict] = {}
        newest_s = 0.0
        for index, entry in entries:
            keys = tuple(sorted(entry.keys_typed))
            if table is None or table.keys != keys:
                table = create_or_check(database, self._name, keys)
            verdicts[index] = self._one(database, table, entry)
            newest_s = max(newest_s, entry.created_s)
        if table is not None:
            # After the writes: a stale change of this batch must still meet the tombstone that refuses it.
            database.execute(table.purge, (int(newest_s),))
        self._table = table
        return verdicts

    def _one(self, database: sqlite3.Connection, table: SinkTable, entry: Entry) -> Verdict:
        found = database.execute(table.stored_token, (entry.key,)).fetchone()
        stored = None if found is None else str(found[0])
        verdict = judge_stored(entry.token, stored, str(self))
        if verdict is not APPLIED:
            return verdict
        expires_s = self._retention.purge_at_s(entry.created_s)
        if entry.skips and stored is not None:
            database.execute(table.mark, (entry.token, expires_s, entry.key, entry.token))
        else:
            database.execute(table.upsert, table.row(entry, expires_s=expires_s))
        return SKIPPED if entry.skips else APPLIED

    def _mended(self, database: sqlite3.Connection, entries: Sequence[tuple[int, Mend, Entry]]) -> dict[int, Verdict]:
        verdicts: dict[int, Verdict] = {}
        for index, mend, entry in entries:
            table = create_or_check(database, self._name, tuple(sorted(entry.keys)))
            expires_s = self._retention.purge_at_s(entry.created_s)
            if mend.seen is None:
                written = database.execute(table.insert, table.row(entry, expires_s=expires_s))
            else:
                gone = entry.json is None
                row = (entry.json, int(gone), expires_s if gone else None, entry.key, mend.seen)
                written = database.execute(table.mend, row)
            verdicts[index] = APPLIED if written.rowcount else OVERTAKEN
        return verdicts

    # ---- the file

    def _database(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = open_file(self._file, self._busy_s)
        return self._opened

    def _page(self, after: str) -> list[tuple[str, str]]:
        if not self._is_there():
            return []
        return list(self._database().execute(SinkTable(self._name, ()).live_page, (after, _PAGE_ROWS)))

    def _is_there(self) -> bool:
        return self._file.exists() and is_there(self._database(), self._name)

    def _row(self, key: str) -> tuple[str, str | None] | None:
        found: tuple[str, str | None] | None = (
            self._database().execute(SinkTable(self._name, ()).stored, (key,)).fetchone()
        )
        return found

    def _failed(self, fault: sqlite3.Error, places: Sequence[int]) -> dict[int, Verdict]:
        """Retryable for the whole batch: nothing of it was committed, or whether it was is not known (E9)."""
        verdict = Verdict(Kind.RETRYABLE, f"{self}: {self._passing(fault)}")
        return dict.fromkeys(places, verdict)

    def _passing(self, fault: sqlite3.Error) -> str:
        """The name of a fault that may pass. Raises ``SettingsError`` for one that does not."""
        code = getattr(fault, "sqlite_errorcode", None)
        primary = code & 0xFF if isinstance(code, int) else None
        if primary in _NEVER_OURS:
            why, mend = _wrong_place(self._file) or (_NEVER_OURS[primary], "see the sink's address")
            raise SettingsError(f"{self._file} {why}", hint=mend) from fault
        return str(getattr(fault, "sqlite_errorname", type(fault).__name__))


def _wrong_place(file: Path) -> tuple[str, str] | None:
    """What is wrong with where a file is, and what mends it; None where SQLite's own word has to do."""
    try:
        if file.is_dir():
            return "is a folder, not a file", f"name a file in it, as in sqlite:///{file / 'copy.db'}?table=T"
        if not file.parent.is_dir():
            return "cannot be opened: there is no folder for it", f"make {file.parent} first"
    except OSError:  # a folder that may not be looked into
        return None
    return None


def _held(token: str, item: str | None) -> Held:
    return Held(token, None if item is None else plain_text(item))


def open_file(file: str | Path, busy_s: float) -> sqlite3.Connection:
    """A connection that any thread may use, prepared or closed again. SQLite's errors leave it as they come."""
    database = sqlite3.connect(
        file, timeout=busy_s, isolation_level=None, check_same_thread=False, cached_statements=32
    )
    try:
        _prepare(database, busy_s)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, busy_s: float) -> None:
    """WAL, so that readers and writers do not stop each other; FULL, so that a reported write survives a power cut: the
    mapping's checkpoint passes it at once."""
    until = time.monotonic() + busy_s
    while database.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as fault:
            # SQLite does not wait here: of two that change the mode of a new file at once, one is told BUSY right away.
            if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_BUSY_PAUSE_S)
    database.execute("PRAGMA synchronous = FULL")
