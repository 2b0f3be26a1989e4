"""What a sink holds, as verify asks for it: single keys, and every live item page by page.

Decides how a sink is read from an event loop, and how one whose single items cannot be looked up is. Comparing is
``compare.py``'s.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from afterbay.core.change.value import TypedItem, canonical
from afterbay.core.guard import LOWEST_TOKEN, Verdict
from afterbay.sinks.live import LiveItem, ReadableSink, plain_text
from afterbay.sinks.mending import NOTHING_HELD, Held, Mend, MendableSink
from afterbay.sinks.where import WhereSink

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["Holdings", "IndexedHoldings", "MendableHoldings", "SinkHoldings", "holdings_of"]

LIVE_PAGE = 500
LOOK_UP_MAX = 200
"""Keys asked for at once: two calls of a service that takes a hundred."""

_T = TypeVar("_T")
_EXACT = msgspec.json.Encoder(decimal_format="number")


class Holdings(Protocol):
    """Raises ``ServiceError`` or ``SettingsError``, as the sink does."""

    async def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """What is stored for each of ``keys``, in their order."""
        ...

    async def refresh(self) -> None:
        """Whatever is looked up from here on is no older than this call."""
        ...

    def live(self) -> AsyncIterator[list[LiveItem]]:
        """Every live item, in pages."""
        ...


class MendableHoldings(Holdings, Protocol):
    async def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """As the sink's ``mend``: see ``sinks.mending``."""
        ...


class SinkHoldings:
    """A sink whose items can be looked up and mended. All calls are made on one thread, one after the other."""

    def __init__(self, sink: MendableSink) -> None:
        self._sink = sink
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="afterbay-sink")

    async def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        found: list[Held] = []
        for start in range(0, len(keys), LOOK_UP_MAX):
            part = keys[start : start + LOOK_UP_MAX]
            found += await _on(self._thread, partial(self._sink.look_up, part))
        return found

    async def refresh(self) -> None:
        """Every look-up asks the sink itself."""

    async def live(self) -> AsyncIterator[list[LiveItem]]:
        items = self._sink.read_live()
        while page := await _on(self._thread, partial(_page, items)):
            yield page

    async def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        return await _on(self._thread, partial(self._sink.mend, mends))

    def close(self) -> None:
        """End the thread; the sink stays its maker's."""
        self._thread.shutdown()


class IndexedHoldings:
    """A sink that can only be read as a whole: its live items are kept in a temporary file, and read anew at each
    ``refresh``. Tokens are not seen: ``Held.token`` is the lowest one of all that is there."""

    def __init__(self, sink: ReadableSink) -> None:
        self._sink = sink
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="afterbay-sink")
        self._index: sqlite3.Connection | None = None

    async def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        if self._index is None:
            await self.refresh()
        return await _on(self._thread, lambda: [self._held(canonical(one).decode()) for one in keys])

    async def refresh(self) -> None:
        await _on(self._thread, self._read)

    async def live(self) -> AsyncIterator[list[LiveItem]]:
        if self._index is None:
            await self.refresh()
        after = ""
        while page := await _on(self._thread, partial(self._live_page, after)):
            yield page
            after = page[-1].key

    def close(self) -> None:
        """End the thread and drop the file; the sink stays its maker's."""
        self._thread.shutdown()
        if self._index is not None:
            self._index.close()
            self._index = None

    def _read(self) -> None:
        # The empty name is a private file of SQLite's own, which goes with the connection.
        fresh = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            fresh.execute("CREATE TABLE live (key TEXT PRIMARY KEY, item TEXT NOT NULL) WITHOUT ROWID")
            items = self._sink.read_live()
            fresh.execute("BEGIN")
            while page := _page(items):
                rows = [(one.key, _EXACT.encode(one.item).decode()) for one in page]
                fresh.executemany("INSERT OR REPLACE INTO live VALUES (?, ?)", rows)
            fresh.execute("COMMIT")
        except BaseException:  # the sink cannot be read
            fresh.close()
            raise
        if self._index is not None:
            self._index.close()
        self._index = fresh

    def _held(self, key: str) -> Held:
        assert self._index is not None, "refresh() was not called"
        found = self._index.execute("SELECT item FROM live WHERE key = ?", (key,)).fetchone()
        return NOTHING_HELD if found is None else Held(LOWEST_TOKEN, plain_text(str(found[0])))

    def _live_page(self, after: str) -> list[LiveItem]:
        assert self._index is not None, "refresh() was not called"
        rows = self._index.execute("SELECT key, item FROM live WHERE key > ? ORDER BY key LIMIT ?", (after, LIVE_PAGE))
        return [LiveItem(str(key), plain_text(str(item))) for key, item in rows]


def holdings_of(sink: GuardedStore) -> SinkHoldings | IndexedHoldings:
    """The way in which this sink can be asked."""
    inner = sink.inner if isinstance(sink, WhereSink) else sink
    if not isinstance(inner, MendableSink):
        return IndexedHoldings(sink)
    assert isinstance(sink, MendableSink), "a filter in front of it takes no call away"
    return SinkHoldings(sink)


def _page(items: Iterator[LiveItem]) -> list[LiveItem]:
    return list(islice(items, LIVE_PAGE))


async def _on(thread: ThreadPoolExecutor, work: Callable[[], _T]) -> _T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)
