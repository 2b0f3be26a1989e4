"""Checkpoints, the outbox and the journal in one SQLite file: for one engine on one machine.

Decides how they survive: docs/decisions/0006 argues why a letter is never lost behind its checkpoint. What is saved,
and when, is the core's.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import StateError
from afterbay.ports import JournalRow, OutboxEntry
from afterbay.stores.journal_file import JournalFile
from afterbay.stores.journal_rows import JournalTable
from afterbay.stores.lock import FileLock
from afterbay.stores.opening import open_private, transaction
from afterbay.stores.refusal import refusal
from afterbay.stores.rows import LetterKey, decode_letter, decode_shard, encode_letter, encode_shard, passes
from afterbay.stores.schema import form_of, migrate

__all__ = ["SqliteStore"]

SENT_MAX = 10_000
"""How many sent letters are remembered until their checkpoint passes them. Beyond it a crash may send a letter twice,
which is allowed (DESIGN section 8); without a bound a shard that never moves on would fill the file."""

_SAME = "mapping = ? AND shard = ? AND request_id = ? AND last = ?"


class SqliteStore:
    """A ``ports.CheckpointStore`` and ``JournalStore`` in the file at ``path``, which is made if missing, readable by
    its owner alone.

    May be called from any thread; calls run one after another. Raises ``StateError`` for a file that is in use, newer,
    damaged or no state file, and for a disk that takes no more.
    """

    def __init__(self, path: Path | str, *, journal: JournalTable | None = None) -> None:
        """``journal``: bounds of the journal other than the usual ones."""
        self._path = Path(path).resolve()
        self._journal = journal or JournalTable()
        self._mutex = threading.Lock()
        self._closed = False
        self._lock = FileLock.beside(self._path)
        try:
            self._connection = _open(self._path)
        except BaseException:
            self._lock.release()
            raise

    def load(self, mapping: str) -> tuple[SavedShard, ...]:
        with self._transaction() as sql:
            rows = sql.execute("SELECT shard, body FROM shards WHERE mapping = ? ORDER BY shard", (mapping,)).fetchall()
            return tuple(decode_shard(shard, body) for shard, body in rows)

    def save(self, mapping: str, shards: Sequence[SavedShard], forget: Sequence[ShardId] = ()) -> None:
        with self._transaction(durable=self._any_new(mapping, shards)) as sql:
            self._save(sql, mapping, shards)
            for shard in forget:
                sql.execute("DELETE FROM shards WHERE mapping = ? AND shard = ?", (mapping, shard))
                sql.execute("DELETE FROM sent WHERE mapping = ? AND shard = ?", (mapping, shard))

    def delete(self, mapping: str) -> None:
        with self._transaction() as sql:
            sql.execute("DELETE FROM shards WHERE mapping = ?", (mapping,))
            sql.execute("DELETE FROM sent WHERE mapping = ?", (mapping,))

    def store_letter(self, letter: Letter, *, outbox_max: int) -> bool:
        with self._transaction() as sql:
            return self._keep(sql, letter, outbox_max)

    def give_up(
        self, mapping: str, shards: Sequence[SavedShard], letters: Sequence[Letter], *, outbox_max: int
    ) -> bool:
        """Keep letters and save the positions behind them, all in one step that survives a power cut. False: the outbox
        has no room for them, and nothing changed."""
        with self._transaction(durable=True) as sql:
            if int(sql.execute("SELECT count(*) FROM letters").fetchone()[0]) + len(letters) > outbox_max:
                return False
            for letter in letters:
                self._keep(sql, letter, outbox_max)
            self._save(sql, mapping, shards)
            return True

    def outbox(self, *, limit: int) -> tuple[OutboxEntry, ...]:
        """The letters whose turn is next; one that failed goes behind the others: none waits for a dead target."""
        with self._transaction() as sql:
            rows = sql.execute(
                "SELECT number, body, tries, last_error FROM letters ORDER BY turn LIMIT ?", (limit,)
            ).fetchall()
            return tuple(OutboxEntry(number, decode_letter(body), tries, error) for number, body, tries, error in rows)

    def outbox_size(self) -> int:
        with self._transaction() as sql:
            return int(sql.execute("SELECT count(*) FROM letters").fetchone()[0])

    def letter_sent(self, number: int) -> None:
        with self._transaction() as sql:
            sql.execute(
                "INSERT OR IGNORE INTO sent (number, mapping, shard, request_id, last) "
                "SELECT number, mapping, shard, request_id, last FROM letters WHERE number = ?",
                (number,),
            )
            sql.execute("DELETE FROM letters WHERE number = ?", (number,))
            sql.execute(
                "DELETE FROM sent WHERE number IN (SELECT number FROM sent ORDER BY number DESC LIMIT -1 OFFSET ?)",
                (SENT_MAX,),
            )

    def letter_failed(self, number: int, error: str) -> None:
        with self._transaction() as sql:
            sql.execute(
                "UPDATE letters SET tries = tries + 1, last_error = ?, turn = (SELECT max(turn) + 1 FROM letters) "
                "WHERE number = ?",
                (error, number),
            )

    def seed(self) -> bytes:
        with self._transaction() as sql:
            return bytes(sql.execute("SELECT value FROM meta WHERE name = 'seed'").fetchone()[0])

    def append_journal(self, rows: Sequence[JournalRow]) -> None:
        try:
            with self._transaction() as sql:
                self._journal.append(sql, rows)
        except BaseException:
            self._journal.forget()
            raise

    def clear_journal(self) -> None:
        """Drop every row: what it tells of is gone."""
        with self._transaction() as sql:
            sql.execute("DELETE FROM journal")
            self._journal.forget()

    def journal_at(self, positions: Collection[int], shard: str | None) -> list[tuple[int, JournalRow]]:
        with JournalFile(self._path) as journal:
            return journal.journal_at(positions, shard)

    def journal_holding(self, content: bytes) -> list[tuple[int, JournalRow]]:
        with JournalFile(self._path) as journal:
            return journal.journal_holding(content)

    def journal_of_requests(self, request_ids: Collection[str]) -> list[tuple[int, JournalRow]]:
        with JournalFile(self._path) as journal:
            return journal.journal_of_requests(request_ids)

    def journal_of_shard(self, mapping: str | None, shard: str | None) -> list[tuple[int, JournalRow]]:
        with JournalFile(self._path) as journal:
            return journal.journal_of_shard(mapping, shard)

    def close(self) -> None:
        """Close the file and let the next engine have it; a second call does nothing."""
        with self._mutex:
            if not self._closed:
                self._closed = True
                self._connection.close()
                self._lock.release()

    def _any_new(self, mapping: str, shards: Sequence[SavedShard]) -> bool:
        """True if a shard gets its first row.

        The first position must survive even a power cut: without it a mapping that started at LATEST would start at a
        later LATEST, and skip what lies between (S45). A later position that is lost only repeats work.
        """
        with self._transaction() as sql:
            known = "SELECT 1 FROM shards WHERE mapping = ? AND shard = ?"
            return any(sql.execute(known, (mapping, saved.shard)).fetchone() is None for saved in shards)

    def _save(self, sql: sqlite3.Connection, mapping: str, shards: Sequence[SavedShard]) -> None:
        for saved in shards:
            sql.execute("INSERT OR REPLACE INTO shards VALUES (?, ?, ?)", (mapping, saved.shard, encode_shard(saved)))
            self._drop_sent(sql, mapping, saved)

    @staticmethod
    def _keep(sql: sqlite3.Connection, letter: Letter, outbox_max: int) -> bool:
        """Keep a letter once; False: there is no room."""
        key = LetterKey.of(letter)
        known = f"SELECT 1 FROM letters WHERE {_SAME} UNION ALL SELECT 1 FROM sent WHERE {_SAME}"
        if sql.execute(known, (*key, *key)).fetchone() is not None:
            return True
        if int(sql.execute("SELECT count(*) FROM letters").fetchone()[0]) >= outbox_max:
            return False
        sql.execute(
            "INSERT INTO letters (mapping, shard, request_id, last, turn, body) VALUES "
            "(?, ?, ?, ?, (SELECT coalesce(max(turn), 0) + 1 FROM letters), ?)",
            (*key, encode_letter(letter)),
        )
        return True

    @staticmethod
    def _drop_sent(sql: sqlite3.Connection, mapping: str, saved: SavedShard) -> None:
        """Forget the sent letters that no replay can bring again."""
        rows = sql.execute("SELECT number, last FROM sent WHERE mapping = ? AND shard = ?", (mapping, saved.shard))
        passed = [(number,) for number, last in rows.fetchall() if passes(saved.at, Position(int(last)))]
        sql.executemany("DELETE FROM sent WHERE number = ?", passed)

    @contextmanager
    def _transaction(self, *, durable: bool = False) -> Generator[sqlite3.Connection, None, None]:
        """One transaction, all or nothing. ``durable``: on disk when this returns, not only in the system's memory."""
        with self._mutex:
            if self._closed:
                raise StateError(f"state file {self._path} was closed")
            try:
                _set_synchronous(self._connection, "FULL" if durable else "NORMAL")
                with transaction(self._connection):
                    yield self._connection
            except sqlite3.Error as error:
                raise refusal(self._path, error) from error
            except msgspec.MsgspecError as error:
                raise StateError(f"state file {self._path} holds a row that cannot be read: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    def prepare(connection: sqlite3.Connection) -> None:
        form_of(connection, path)  # before anything is changed: another program's file is left as it is
        path.chmod(0o600)
        _set_synchronous(connection, "FULL")  # the seed and the tables: once, and for good
        connection.execute("PRAGMA journal_mode = WAL")
        migrate(connection, path)
        _sync_directory(path.parent)

    return open_private(path, prepare)


def _set_synchronous(connection: sqlite3.Connection, level: str) -> None:
    connection.execute(f"PRAGMA synchronous = {level}")


def _sync_directory(directory: Path) -> None:
    """A new file's name is in its directory, which has to reach the disk too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
