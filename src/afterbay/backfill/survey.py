"""A table held against a sink, all of it or a sample: which keys differ (E15).

Decides what is read in which order. What a difference is, is ``compare.py``'s; when it counts, ``settle.py``'s.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from afterbay.backfill.both import BothSides
from afterbay.backfill.compare import Kind
from afterbay.backfill.notebook import Notebook
from afterbay.backfill.settle import Look, Pace
from afterbay.core.change.value import TypedItem, canonical
from afterbay.errors import AfterbayError

__all__ = ["Progress", "Survey", "unheard"]

SEGMENTS_MAX = 4
SEGMENT_ITEMS_MIN = 25_000
"""Segments are read side by side; a small table is read in one."""

SAMPLE_SCAN_ITEMS_MAX = 10_000
"""A table of so few items is read whole for a sample: every item then has the same chance."""

SAMPLE_SEGMENT_ITEMS = 5
"""About as many items are in each of the narrow segments that a sample of a larger table is drawn from."""

SEGMENTS_ALLOWED = 1_000_000
"""Of one Scan (the service's limit)."""

EMPTY_SEGMENTS_MAX = 50
"""Empty segments in a row after which the table has no more to draw."""

_NOT_ON_THEIR_WAY = (Kind.KEPT, Kind.EXPIRING)
"""A second look would tell nothing new."""

_T = TypeVar("_T")

Progress = Callable[[int], None]
"""Hears how many items were compared so far."""


def unheard(_compared: int) -> None:
    """Nobody watches."""


class Survey:
    """Notes keys that differ in ``notebook``; ``compared`` counts the keys looked at, on either side. ``drawn`` are the
    sizes of a sample, of the table and of the sink."""

    def __init__(self, both: BothSides, notebook: Notebook, *, pace: Pace, progress: Progress = unheard) -> None:
        self._both = both
        self._notebook = notebook
        self._pace = pace
        self._progress = progress
        self.compared = 0
        self.drawn = (0, 0)

    async def all(self) -> None:
        """Every item of the table, then every live item of the sink whose key the table has not shown.

        The first look at an item reads the table before the sink; whatever is in flight then is for ``settle``. Raises
        the ``AfterbayError`` that a segment met first.
        """
        about = self._both.reader.table.items_about
        segments = max(1, min(SEGMENTS_MAX, about // SEGMENT_ITEMS_MIN))
        try:
            async with asyncio.TaskGroup() as tasks:
                for segment in range(segments):
                    tasks.create_task(self._segment(segment, segments))
        except ExceptionGroup as several:
            for one in several.exceptions:
                if not isinstance(one, AfterbayError):
                    raise  # a bug of ours
            raise several.exceptions[0] from several
        async for page in self._both.holdings.live():
            await self._look(self._notebook.unseen([one.key for one in page]))

    async def sample(self, size: int, rng: random.Random) -> None:
        """``size`` items of the table and ``size`` live ones of the sink, at random."""
        items = await self._drawn(size, rng)
        await self._compare(items)
        kept: list[str] = []
        passed = 0
        async for page in self._both.holdings.live():
            for one in page:
                passed += 1
                _keep(kept, one.key, passed, size, rng)
        await self._look(self._notebook.unseen(kept))
        self.drawn = (len(items), len(kept))

    async def _segment(self, segment: int, segments: int) -> None:
        async for page in self._both.reader.scan(segment, segments):
            await self._compare(page)

    async def _compare(self, items: Sequence[TypedItem]) -> None:
        """Items just read from the table, against the sink."""
        if not items:
            return
        typed = [self._both.reader.table.key_of(item) for item in items]
        keys = [canonical(one).decode() for one in typed]
        held = await self._both.holdings.look_up(typed)
        self._note([self._both.compared(*one) for one in zip(keys, items, held, strict=True)])
        self._count(self._notebook.see(keys))

    async def _look(self, keys: Sequence[str]) -> None:
        """Live keys of the sink that the table has not shown, against the table."""
        if keys:
            self._note(await self._both.look_at(keys))
            self._count(self._notebook.see(keys))

    def _note(self, looks: Sequence[Look]) -> None:
        now_s = self._pace.monotonic()
        self._notebook.suspect(
            [
                one.suspect(look.key, now_s, decided=one.finding.kind in _NOT_ON_THEIR_WAY)
                for look in looks
                if (one := look.differing) is not None
            ]
        )

    def _count(self, keys: int) -> None:
        self.compared += keys
        self._progress(self.compared)

    async def _drawn(self, size: int, rng: random.Random) -> list[TypedItem]:
        table = self._both.reader.table
        if table.items_about <= max(SAMPLE_SCAN_ITEMS_MAX, 2 * size):
            return await _reservoir(self._both.reader.scan(), size, rng)
        segments = min(SEGMENTS_ALLOWED, table.items_about // SAMPLE_SEGMENT_ITEMS)
        found: dict[bytes, TypedItem] = {}
        empty = 0
        while len(found) < size and empty < EMPTY_SEGMENTS_MAX:
            # The first page is enough: a partition key with many items must not be the whole sample.
            pages = self._both.reader.scan(rng.randrange(segments), segments, limit=4 * SAMPLE_SEGMENT_ITEMS)
            nothing: list[TypedItem] = []
            page = await anext(pages, nothing)
            await pages.aclose()
            before = len(found)
            found |= {canonical(table.key_of(item)): item for item in page}
            empty = 0 if len(found) > before else empty + 1
        return rng.sample(list(found.values()), min(size, len(found)))


async def _reservoir(pages: AsyncIterator[list[TypedItem]], size: int, rng: random.Random) -> list[TypedItem]:
    kept: list[TypedItem] = []
    passed = 0
    async for page in pages:
        for item in page:
            passed += 1
            _keep(kept, item, passed, size, rng)
    return kept


def _keep(kept: list[_T], one: _T, passed: int, size: int, rng: random.Random) -> None:
    """Reservoir sampling: after ``passed`` of them, each has the same chance to be among the ``size`` kept."""
    if len(kept) < size:
        kept.append(one)
        return
    place = rng.randrange(passed)
    if place < size:
        kept[place] = one
