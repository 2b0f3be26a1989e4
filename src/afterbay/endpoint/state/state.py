"""What changes is noted on the event loop and stored by one thread; an answer waits until what it tells of is stored.

All that is noted in one turn of the loop is stored in one transaction, and so are turns that come while the disk is
busy: many writers share one wait for it. Readers may see a change before it is stored, but nobody is told of it: every
answer, to clients and to the engine, waits for ``durable`` first (docs/decisions/0011).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias

from afterbay.endpoint.protocol import TimeKeeper
from afterbay.endpoint.state.folder import DATA, StateFolder
from afterbay.errors import StateError
from afterbay.stores.opening import transaction

__all__ = ["KeptClock", "Op", "State"]

Op: TypeAlias = tuple[str, tuple[object, ...]]
"""A statement and its parameters."""

_OFFSET = "clock_offset_s"


class KeptClock:
    """The address's clock for those who move it: the move is stored first, so that no record is from the future."""

    def __init__(self, clock: TimeKeeper, state: State) -> None:
        self._clock = clock
        self._state = state

    def now(self) -> datetime:
        return self._clock.now()

    async def sleep_until(self, when: datetime) -> None:
        await self._clock.sleep_until(when)

    async def advance(self, seconds: float) -> None:
        self._state.note_advance(seconds)
        await self._clock.advance(seconds)


class State:
    """The state of one address. ``rows`` and ``clock_offset`` are for its start, the rest for its event loop.

    ``failed`` is done with a ``StateError`` once something could not be stored; ``durable`` raises it from then on.
    """

    def __init__(self, path: Path) -> None:
        """Opens the folder, or raises ``StateError``."""
        self.folder = StateFolder(path)
        self._thread = ThreadPoolExecutor(1, "state")
        self._pending: list[Op] = []
        self._due: asyncio.Future[None] | None = None
        self._storing: asyncio.Future[None] | None = None
        self._failure: StateError | None = None
        self.failed: asyncio.Future[None] | None = None
        self._offset_s = self._stored_offset_s()

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """What is stored. Raises ``StateError``."""
        try:
            return self.folder.connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise self.folder.refusal(error) from error

    @property
    def clock_offset(self) -> timedelta:
        """How far the address's clock is ahead of the system's."""
        return timedelta(seconds=self._offset_s)

    def start(self) -> None:
        """From here on changes are noted, by the loop that runs."""
        self.failed = asyncio.get_running_loop().create_future()
        self.failed.add_done_callback(lambda done: done.exception())

    def note(self, ops: Sequence[Op]) -> None:
        """Store these, in order, in the same transaction as all else that this turn of the loop notes."""
        if self._failure is not None or not ops:
            return
        self._pending.extend(ops)
        if self._due is None:
            self._due = asyncio.get_running_loop().create_future()
            self._due.add_done_callback(lambda done: done.exception())
            if self._storing is None:
                asyncio.get_running_loop().call_soon(self._store)

    def note_advance(self, seconds: float) -> None:
        """The address's clock is about to be moved."""
        self._offset_s += seconds
        self.note([("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_OFFSET, str(self._offset_s)))])

    def note_reset(self) -> None:
        """Nothing is there any more; the clock stays."""
        self.note([(f"DELETE FROM {table}", ()) for table in DATA])

    async def durable(self) -> None:
        """Return once all that was noted so far is stored. Raises ``StateError`` if it cannot be."""
        if self._failure is not None:
            raise self._failure
        waited = self._due or self._storing
        if waited is not None:
            await asyncio.shield(waited)

    async def close(self) -> None:
        """Store what is left and let the folder go."""
        with suppress(StateError):  # whoever waits for ``failed`` tells
            await self.durable()
        self._thread.shutdown()
        self.folder.close()

    def _stored_offset_s(self) -> float:
        try:
            found = self.rows("SELECT value FROM meta WHERE name = ?", (_OFFSET,))
        except StateError:
            self.folder.close()
            raise
        return float(str(found[0][0])) if found else 0.0

    def _store(self) -> None:
        ops, self._pending = self._pending, []
        self._storing, self._due = self._due, None
        loop = asyncio.get_running_loop()
        self._thread.submit(self._commit, ops).add_done_callback(
            lambda done: loop.call_soon_threadsafe(self._stored, done.exception())
        )

    def _stored(self, error: BaseException | None) -> None:
        done, self._storing = self._storing, None
        assert done is not None, "something was being stored"
        if error is None:
            done.set_result(None)
            if self._due is not None:
                self._store()
            return
        failure = self.folder.refusal(error) if isinstance(error, sqlite3.Error) else StateError(str(error))
        self._failure = failure
        for one in (done, self._due, self.failed):
            if one is not None and not one.done():
                one.set_exception(failure)
        self._due = None

    def _commit(self, ops: list[Op]) -> None:
        """In the thread. One transaction, on disk when this returns."""
        connection = self.folder.connection
        with transaction(connection):
            for statement, parameters in ops:
                connection.execute(statement, parameters)
