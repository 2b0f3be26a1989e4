"""The engine's journal: what happened to every record, as ranges, on its way into the store.

Decides when rows are written, and what becomes of them when the store takes none. What is kept of an event is
``scribe.py``'s, what is found again ``recall.py``'s. Rows are written in batches by a thread of their own: no save of a
position waits behind them for a place among the store's threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import PositionsForgotten
from afterbay.core.shard.position import Position
from afterbay.engine.background import Background
from afterbay.engine.meter import Handled, Listener
from afterbay.engine.recall import Account, recall
from afterbay.engine.scribe import Scribe, letter_row, milliseconds
from afterbay.errors import StateError
from afterbay.ports import JournalReader, JournalRow, JournalStore
from afterbay.telemetry.journal import LetterStep, Lost, decode, encode, verdicts_of
from afterbay.telemetry.marks import KeyMark, KeyMarks

__all__ = ["Journal"]

log = logging.getLogger(__name__)

_T = TypeVar("_T")

WRITE_EVERY_S = 1.0
"""What a crash of the process takes of the journal. Positions and letters do not wait for it."""

PIECE_BYTES = 64 * 1024
"""Bodies of one transaction, less than a millisecond of work: what a save of positions waits for, if it comes just
then."""

PENDING_BYTES_MAX = 8 * 1024 * 1024
"""Kept while the store takes none: three hundred thousand records. Then the oldest go, and a row says how many."""

ROW_BYTES = 256
"""What a pending row takes beside its body, counted with it."""


class Journal(Listener):
    """Listens to the engine and keeps what it hears. ``start`` it, and ``close`` it, which writes what is left.

    ``keys_in_clear``: keep keys as they are, beside their marks, and the texts of functions' errors, which may quote
    them. Images are never kept.
    """

    def __init__(
        self,
        store: JournalStore,
        *,
        keys_in_clear: bool = False,
        write_every_s: float = WRITE_EVERY_S,
        pending_bytes_max: int = PENDING_BYTES_MAX,
    ) -> None:
        self._store = store
        self._keys_in_clear = keys_in_clear
        self._write_every_s = write_every_s
        self._pending_bytes_max = pending_bytes_max
        self._marks = KeyMarks(store.seed())
        self._scribes: dict[str, Scribe] = {}
        self._pending: deque[JournalRow] = deque()
        self._pending_bytes = 0
        self._lost = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._writing = asyncio.Lock()
        self._failing = False
        self._background = Background(self._run)

    def start(self) -> None:
        self._background.start()

    async def close(self) -> None:
        """Write what is left, if the store takes it, and end."""
        await self._background.stop()
        await self.write()
        self._thread.shutdown(wait=True)

    def mark_of(self, key: bytes) -> KeyMark:
        """What the journal has of an item's key (``ItemKey``)."""
        return self._marks.of(key)

    async def about(self, asked: KeyMark | Position, shard: str | None = None) -> Account:
        """What happened to a record, or to each record of an item, in order; what is not written yet too."""
        return await self.ask(lambda store: recall(store, asked, shard))

    async def ask(self, question: Callable[[JournalReader], _T]) -> _T:
        """What ``question`` finds in the journal, in the journal's own thread; what is not written yet too."""
        await self.write()
        return await asyncio.get_running_loop().run_in_executor(self._thread, question, self._store)

    async def forget(self) -> None:
        """Drop what is not written yet: what it tells of is gone."""
        async with self._writing:
            self._pending.clear()
            self._pending_bytes = self._lost = 0
            self._scribes.clear()

    def handled(self, handled: Handled) -> None:
        self._scribe(handled.mapping).handled(handled)
        if isinstance(handled.event, PositionsForgotten):
            self._scribes.pop(handled.mapping, None)

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        step = LetterStep.SENT if delivered else LetterStep.FAILED
        self._add(letter_row(letter, step, milliseconds(at), tries))

    def line(self, text: str, request_id: str, at: datetime) -> None:
        """A line of a function's log. Only the one in which ``into`` counts verdicts is kept."""
        found = verdicts_of(text, milliseconds(at))
        if found is not None:
            self._add(JournalRow("", "", None, None, found[0] or request_id, encode(found[1])))

    def _scribe(self, mapping: str) -> Scribe:
        scribe = self._scribes.get(mapping)
        if scribe is None:
            scribe = Scribe(mapping, self._marks, self._add, keys_in_clear=self._keys_in_clear)
            self._scribes[mapping] = scribe
        return scribe

    def _add(self, row: JournalRow) -> None:
        self._pending.append(row)
        self._pending_bytes += len(row.body) + ROW_BYTES
        while self._pending_bytes > self._pending_bytes_max:
            self._pending_bytes -= len(self._pending.popleft().body) + ROW_BYTES
            self._lost += 1

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._write_every_s)
            await self.write()

    async def write(self) -> None:
        """Write what is pending. What the store does not take is gone, and counted."""
        async with self._writing:
            if not self._pending:
                return
            lost, rows = self._lost, list(self._pending)
            if lost:
                rows.insert(0, _lost_before(rows[0], lost))
            self._pending.clear()
            self._pending_bytes = 0
            call = asyncio.get_running_loop().run_in_executor(self._thread, _append, self._store, rows)
            written, error = await call
            if written:
                self._lost -= lost
                self._failing = False
            if error is not None:
                self._failed(len(rows) - written - (1 if lost and not written else 0), error)

    def _failed(self, rows: int, error: StateError) -> None:
        self._lost += rows
        if not self._failing:
            log.warning("journal not written; records go on", extra={"why": str(error)})
        self._failing = True


def _lost_before(row: JournalRow, lost: int) -> JournalRow:
    """What says in the journal that ``lost`` rows are missing before ``row``."""
    entry = Lost(at_ms=decode(row.body).at_ms, rows=lost)
    return JournalRow("", "", None, None, None, encode(entry))


def _append(store: JournalStore, rows: Sequence[JournalRow]) -> tuple[int, StateError | None]:
    """Write in pieces, so that others who want the store get their turn: how many rows it took, and why not all."""
    written = 0
    while written < len(rows):
        end, size_bytes = written, 0
        while end < len(rows) and size_bytes < PIECE_BYTES:
            size_bytes += len(rows[end].body)
            end += 1
        try:
            store.append_journal(rows[written:end])
        except StateError as error:
            return written, error
        written = end
    return written, None
