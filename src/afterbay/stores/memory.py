"""Checkpoints, the outbox and the journal in memory: for tests, and for an engine that is to forget."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.shard.position import Position, ShardId
from afterbay.ports import JournalRow, OutboxEntry
from afterbay.stores.journal_rows import spans
from afterbay.stores.rows import LetterKey, passes

__all__ = ["MemoryStore"]

SENT_MAX = 10_000
"""As in ``SqliteStore``: sent letters that a replay may bring again are remembered, but not without end."""


JOURNAL_ROWS_MAX = 50_000
JOURNAL_BYTES_MAX = 16 * 1024 * 1024
"""Of the rows' bodies: at 25 bytes a record with its key's mark, over half a million records."""


class MemoryStore:
    """A ``ports.CheckpointStore`` and ``JournalStore`` that lives as long as its object. May be called from any thread.

    ``seed`` is handed in: a test wants the same request ids each time, an engine wants random bytes.
    """

    def __init__(
        self, seed: bytes, *, journal_rows_max: int = JOURNAL_ROWS_MAX, journal_bytes_max: int = JOURNAL_BYTES_MAX
    ) -> None:
        self._seed = seed
        self._journal: deque[tuple[int, JournalRow]] = deque()
        self._journal_bytes = 0
        self._journal_numbers = itertools.count(1)
        self._journal_rows_max = journal_rows_max
        self._journal_bytes_max = journal_bytes_max
        self._mutex = threading.Lock()
        self._shards: dict[str, dict[ShardId, SavedShard]] = {}
        self._letters: OrderedDict[LetterKey, OutboxEntry] = OrderedDict()  # in the order of their turns
        self._keys: dict[int, LetterKey] = {}
        self._sent: OrderedDict[LetterKey, Position] = OrderedDict()  # with the last position of each
        self._numbers = itertools.count(1)

    def load(self, mapping: str) -> tuple[SavedShard, ...]:
        with self._mutex:
            rows = self._shards.get(mapping, {})
            return tuple(rows[shard] for shard in sorted(rows))

    def save(self, mapping: str, shards: Sequence[SavedShard], forget: Sequence[ShardId] = ()) -> None:
        with self._mutex:
            rows = self._shards.setdefault(mapping, {})
            for saved in shards:
                rows[saved.shard] = saved
            for shard in forget:
                rows.pop(shard, None)
            at = {saved.shard: saved.at for saved in shards}
            for key, last in [(key, last) for key, last in self._sent.items() if key.mapping == mapping]:
                shard = ShardId(key.shard)
                if shard in forget or (shard in at and passes(at[shard], last)):
                    del self._sent[key]

    def delete(self, mapping: str) -> None:
        with self._mutex:
            self._shards.pop(mapping, None)
            for key in [key for key in self._sent if key.mapping == mapping]:
                del self._sent[key]

    def store_letter(self, letter: Letter, *, outbox_max: int) -> bool:
        key = LetterKey.of(letter)
        with self._mutex:
            if key in self._letters or key in self._sent:
                return True
            if len(self._letters) >= outbox_max:
                return False
            number = next(self._numbers)
            self._letters[key] = OutboxEntry(number, letter, 0, None)
            self._keys[number] = key
            return True

    def outbox(self, *, limit: int) -> tuple[OutboxEntry, ...]:
        """The letters whose turn is next; one that failed goes behind the others."""
        with self._mutex:
            return tuple(itertools.islice(self._letters.values(), limit))

    def outbox_size(self) -> int:
        with self._mutex:
            return len(self._letters)

    def letter_sent(self, number: int) -> None:
        with self._mutex:
            key = self._keys.pop(number, None)
            if key is None:
                return
            self._sent[key] = self._letters.pop(key).letter.last
            if len(self._sent) > SENT_MAX:
                self._sent.popitem(last=False)

    def letter_failed(self, number: int, error: str) -> None:
        with self._mutex:
            key = self._keys.get(number)
            if key is None:
                return
            entry = self._letters[key]
            self._letters[key] = replace(entry, tries=entry.tries + 1, last_error=error)
            self._letters.move_to_end(key)

    def seed(self) -> bytes:
        return self._seed

    def append_journal(self, rows: Sequence[JournalRow]) -> None:
        with self._mutex:
            journal = self._journal
            journal.extend((next(self._journal_numbers), row) for row in rows)
            self._journal_bytes += sum(len(row.body) for row in rows)
            while len(journal) > self._journal_rows_max or self._journal_bytes > self._journal_bytes_max:
                self._journal_bytes -= len(journal.popleft()[1].body)

    def clear_journal(self) -> None:
        """Drop every row: what it tells of is gone."""
        with self._mutex:
            self._journal.clear()
            self._journal_bytes = 0

    def journal_at(self, positions: Collection[int], shard: str | None) -> list[tuple[int, JournalRow]]:
        ascending = sorted(positions)
        return self._rows(lambda row: shard in (None, row.shard) and spans(row.first, row.last, ascending))

    def journal_holding(self, content: bytes) -> list[tuple[int, JournalRow]]:
        return self._rows(lambda row: content in row.body)

    def journal_of_requests(self, request_ids: Collection[str]) -> list[tuple[int, JournalRow]]:
        return self._rows(lambda row: row.request_id in request_ids)

    def journal_of_shard(self, mapping: str | None, shard: str | None) -> list[tuple[int, JournalRow]]:
        def concerns(row: JournalRow) -> bool:
            if row.first is not None or row.request_id is not None:
                return False
            return mapping in (None, row.mapping) and (shard is None or row.shard in ("", shard))

        return self._rows(concerns)

    def _rows(self, wanted: Callable[[JournalRow], bool]) -> list[tuple[int, JournalRow]]:
        with self._mutex:
            kept = tuple(self._journal)  # looked through outside: no writer waits for a reader
        return [(number, row) for number, row in kept if wanted(row)]

    def close(self) -> None:
        """Nothing to close: what was saved is gone with the object."""
