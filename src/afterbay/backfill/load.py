"""Carries a load out: parts side by side, each of them read, written and checkpointed page by page (E15).

A page's place is saved once the whole page is written, so a kill costs the pages in flight, one a part: they are read
and written again, and what of them is stored already is refused by the guard (E13).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from afterbay.backfill.counts import Counts
from afterbay.backfill.destination import Destination
from afterbay.backfill.images import Image, Images
from afterbay.backfill.plan import Part, left, passed
from afterbay.backfill.progress import Progress
from afterbay.backfill.source import ItemSource, Patience, Time
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import AfterbayError, ServiceError, UnavailableError

__all__ = ["FAILED_MAX", "READERS_MAX", "Load", "PartStore"]

READERS_MAX = 16
"""Parts that are read at once, and so pages in flight: some 16 MB of items at most."""

FAILED_MAX = 1_000
"""Failed items after which a run stops: then it is not they that are wrong."""


class PartStore(Protocol):
    """Where places are kept. Blocking. Raises ``StateError``."""

    def save(self, part: Part) -> None: ...


class Load:
    """One run. ``counts`` may be looked at while it runs.

    ``read_s`` tells the time of day in epoch seconds, for records; ``seen`` hears of every page that is done.
    """

    def __init__(
        self,
        source: ItemSource,
        destination: Destination,
        parts: Sequence[Part],
        images: Images,
        *,
        store: PartStore | None,
        time: Time,
        read_s: Callable[[], float],
        items_expected: int | None = None,
        seen: Callable[[Progress], None] | None = None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._parts = {one.number: one for one in parts}
        self._waiting = deque(left(parts))
        self._images = images
        self._store = store
        self._time = time
        self._read_s = read_s
        self._items_expected = items_expected
        self._seen = seen or _unseen
        self._stopping = asyncio.Event()
        self._error: AfterbayError | None = None
        self.counts = Counts()

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(self._parts[number] for number in sorted(self._parts))

    @property
    def done(self) -> bool:
        return all(one.done for one in self._parts.values())

    def stop(self) -> None:
        """Begin no further page; those in flight are finished and saved."""
        self._stopping.set()

    async def run(self) -> None:
        """Read all that is left, or as much as there is until ``stop``. Raises the first ``AfterbayError`` once the
        pages in flight of the other parts are done; their places are saved."""
        readers = min(READERS_MAX, len(self._waiting))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(readers):
                tasks.create_task(self._read_parts())
        if self._error is not None:
            raise self._error

    async def _read_parts(self) -> None:
        while self._waiting and not self._stopping.is_set():
            part = self._waiting.popleft()
            try:
                await self._read_part(part)
            except AfterbayError as error:
                self._error = self._error or error
                self._stopping.set()

    async def _read_part(self, part: Part) -> None:
        while not part.done and not self._stopping.is_set():
            page = await self._source.read(part)
            images = self._images.of(page.items, self._read_s())
            self.counts.scanned += len(images)
            self.counts.units += page.units
            verdicts = await self._write(images)
            failed = self.counts.add(images, verdicts)
            self._refuse_outage(verdicts)
            part = passed(part, page.cursor, items=len(images), failed=failed)
            if self._store is not None:
                await asyncio.to_thread(self._store.save, part)
            self._parts[part.number] = part
            self._seen(self._progress())
            if self.counts.failed >= FAILED_MAX:
                raise UnavailableError(
                    f"{self.counts.failed} items failed: something else is wrong",
                    code="TooManyFailures",
                    hint="look at the reasons above, mend it, and run it again",
                )

    async def _write(self, images: Sequence[Image]) -> list[Verdict]:
        """Write a page; what failed and may be tried again is, alone. The last word on each image, in order."""
        verdicts: dict[int, Verdict] = {}
        places = list(range(len(images)))
        patience = Patience(self._time)
        while places:
            told = await self._destination.write([images[place] for place in places])
            verdicts.update(zip(places, told, strict=True))
            places = [place for place in places if verdicts[place].kind is Kind.RETRYABLE]
            if places:
                try:
                    await patience.pause(UnavailableError(verdicts[places[0]].reason, code="Retryable"))
                except ServiceError:
                    break
        return [verdicts[place] for place in range(len(images))]

    def _refuse_outage(self, verdicts: Sequence[Verdict]) -> None:
        """Raise for what was not written though it might have been: its page must not be passed."""
        for one in verdicts:
            if one.kind is Kind.RETRYABLE:
                raise UnavailableError(
                    f"the destination does not take more: {one.reason}",
                    code="DestinationUnavailable",
                    hint="once it is back, run it again: with --state it goes on where it is",
                )

    def _progress(self) -> Progress:
        parts = self._parts.values()
        items, done = sum(one.items for one in parts), sum(one.done for one in parts)
        return Progress(items, self._items_expected, done, len(parts))


def _unseen(_progress: Progress) -> None:
    """Nobody watches."""
