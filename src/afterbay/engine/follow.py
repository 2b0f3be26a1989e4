"""Reads a whole stream once for somebody who looks at it: every shard, parents before children, as it grows.

Does; which shard may be read when is ``core.shard.frontier``'s. What is found is told once, in each shard's order, a
parent's records before those of its children. Nothing is saved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.mapping.retry import backoff_s
from afterbay.core.shard.beginning import Beginning, Word, first_start
from afterbay.core.shard.frontier import NOTHING_READ, Frontier, Stood
from afterbay.core.shard.iterator import to_save
from afterbay.core.shard.position import After, Position, ShardId, StartAt, TrimHorizon
from afterbay.engine.clock import FOLLOW_TOLERANCE, Clock
from afterbay.engine.found import Found, Lost, RecordsFound, ShardFound, ShardOver, Started, Unreadable, Waiting
from afterbay.engine.jitter import spread
from afterbay.errors import (
    IteratorExpiredError,
    NotFoundError,
    RecordError,
    ServiceError,
    ThrottledError,
    TrimmedError,
    UnavailableError,
)
from afterbay.ports import ShardListing, Source

__all__ = ["Follower"]

PAGE_RECORDS = 1_000

PAUSE_S = 0.5
"""Between reads of a shard that had nothing new: half the rate of a mapping (R53), beside which this mostly reads."""

LISTING_INTERVAL = timedelta(seconds=60)
"""A full listing besides the ones at shard ends (S29)."""

CHILDREN_ASKED_MAX = 10
CHILDREN_DELAY_FIRST_S = 0.05
CHILDREN_DELAY_MAX_S = 1.0
"""How an ended shard's children are looked for (S28)."""

FAILURES_MAX = 10
"""Failed calls in a row after which a reading that is to end gives up; one that follows goes on trying."""

FAILURES_AT_FIRST_MAX = 2
"""The same before anything was read: an address that nobody serves is told within a second."""

NEWER_THAN_BEGIN_S = 1.0 + FOLLOW_TOLERANCE.total_seconds()
"""A record created so much later than the beginning was not there then: creation times are whole seconds, and the
service's time is known to its tolerance."""


class Follower:
    """One reading of one stream. ``tell`` hears what is found.

    ``until_caught_up``: end once everything that was in the stream at the beginning was told; else go on until
    cancelled, or until a disabled stream is read to its end (S23). ``stood``: go on where an earlier reading stood.
    """

    def __init__(
        self,
        source: Source,
        clock: Clock,
        tell: Callable[[Found], None],
        *,
        beginning: Beginning,
        until_caught_up: bool,
        stood: Stood = NOTHING_READ,
        jitter: Callable[[float], float] = spread,
    ) -> None:
        self._source = source
        self._clock = clock
        self._tell = tell
        self._beginning = beginning
        self._until_caught_up = until_caught_up
        self._failures_max = FAILURES_MAX if until_caught_up else None
        self._frontier = Frontier(stood)
        self._jitter = jitter
        self._began_s = 0.0
        self._disabled = False
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Raises ``ServiceError``, ``SettingsError`` for a beginning that is still to come, ``RecordError`` where a
        record has neither a head nor a number that could be read."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._begin()
                self._start_shards(tasks)
                if not self._until_caught_up:
                    self._watching = tasks.create_task(self._watch(tasks))
        except BaseExceptionGroup as several:  # the first error ends the reading, and its group is our affair
            raise several.exceptions[0] from several.exceptions[0].__cause__

    async def _begin(self) -> None:
        # The first listing tells the service's time, by which LATEST is noted before it is pinned (S45).
        listing = await self._list(failures_max=FAILURES_AT_FIRST_MAX)
        start = first_start(self._beginning, self._clock.now())
        if self._beginning is Word.LATEST:
            listing = await self._list(pin_latest=True, failures_max=FAILURES_AT_FIRST_MAX)
        self._began_s = self._clock.now().timestamp()
        self._disabled = listing.stream_disabled
        self._frontier.begin(listing.shards, start, tips=listing.tips, stream_disabled=listing.stream_disabled)
        self._tell(Started(start, self._clock.now()))
        for shard in self._frontier.missing:
            self._tell(
                Lost(shard, "the shard is gone; what it had behind the last record read is not known", over=True)
            )

    def _start_shards(self, tasks: asyncio.TaskGroup) -> None:
        for description, start in self._frontier.next():
            self._tell(ShardFound(description))
            tasks.create_task(self._follow(tasks, description.shard, start))

    async def _follow(self, tasks: asyncio.TaskGroup, shard: ShardId, start: StartAt) -> None:
        """Read a shard to its end, or to its tip; then see to its children."""
        was_closed = self._frontier.is_closed(shard)
        if not await self._read_on(shard, start):
            return
        self._source.forget(shard)
        self._frontier.finish(shard)
        self._start_shards(tasks)
        await self._look_for_children(tasks, shard, patiently=was_closed or not self._until_caught_up)
        self._stop_watching_at_the_end()

    async def _read_on(self, shard: ShardId, at: StartAt) -> bool:
        """True at the end of the shard, False at the tip where that is enough."""
        pause_s, failures, restarts = 0.0, 0, 0
        while True:
            try:
                page = await self._source.read(shard, at, limit=PAGE_RECORDS, pause_s=pause_s)
            except UnreadableRecordError as unreadable:
                at = self._behind(shard, unreadable)
                continue
            except (IteratorExpiredError, TrimmedError) as stale:
                restarts += 1
                if isinstance(stale, TrimmedError):
                    self._tell(Lost(shard, "trimmed before it was read: the stream keeps a record for 24 hours"))
                    at = TrimHorizon()
                at = to_save(at)
                if restarts > 1:  # the new iterator gave no page either (S15)
                    await self._wait_out(stale, restarts - 1, self._failures_max)
                continue
            except NotFoundError as gone:
                self._tell(Lost(shard, f"the shard is gone before it was read to its end: {gone.code}", over=True))
                return True
            except (ThrottledError, UnavailableError) as trouble:
                failures += 1
                await self._wait_out(trouble, failures, self._failures_max)
                continue
            failures = restarts = 0
            if page.records:
                at = After(Position(page.records[-1].position))
                self._tell(RecordsFound(shard, page.records))
            if page.end:
                self._tell(ShardOver(shard))
                return True
            if self._until_caught_up and self._is_caught_up(shard, page.records):
                return False
            pause_s = 0.0 if page.records else PAUSE_S

    def _behind(self, shard: ShardId, unreadable: UnreadableRecordError) -> StartAt:
        self._tell(Unreadable(shard, unreadable))
        if unreadable.sequence_number is None:
            raise RecordError(
                f"{shard}: a record without a readable sequence number: nothing behind it can be read",
                hint="it was shown as it came; --from a later time begins behind it",
            ) from unreadable
        return After(Position(int(unreadable.sequence_number)))

    def _is_caught_up(self, shard: ShardId, records: tuple[RawRecord, ...]) -> bool:
        if records:
            return records[-1].created_s > self._began_s + NEWER_THAN_BEGIN_S
        return not self._frontier.is_closed(shard)

    async def _look_for_children(self, tasks: asyncio.TaskGroup, shard: ShardId, *, patiently: bool) -> None:
        """Rules: S28. A shard that closed while it was read needs no patience where only what was there counts."""
        for asked in range(CHILDREN_ASKED_MAX if patiently else 1):
            if asked:
                await self._pause(min(CHILDREN_DELAY_MAX_S, CHILDREN_DELAY_FIRST_S * 2.0**asked))
            listing = await self._list(children_of=shard)
            self._disabled = listing.stream_disabled
            self._frontier.take(listing.shards)
            self._start_shards(tasks)
            if listing.shards or listing.stream_disabled:
                return

    async def _watch(self, tasks: asyncio.TaskGroup) -> None:
        """List the stream from time to time: children can appear late (S29)."""
        while not (self._disabled and self._frontier.exhausted):
            await self._clock.sleep_until(self._clock.now() + LISTING_INTERVAL)
            listing = await self._list()
            self._disabled = listing.stream_disabled
            self._frontier.take(listing.shards)
            self._start_shards(tasks)

    def _stop_watching_at_the_end(self) -> None:
        if self._watching is not None and self._disabled and self._frontier.exhausted:
            self._watching.cancel()

    async def _list(
        self, *, pin_latest: bool = False, children_of: ShardId | None = None, failures_max: int | None = None
    ) -> ShardListing:
        failures = 0
        while True:
            try:
                return await self._source.list_shards(pin_latest=pin_latest, children_of=children_of)
            except (ThrottledError, UnavailableError) as trouble:
                failures += 1
                await self._wait_out(trouble, failures, failures_max or self._failures_max)

    async def _wait_out(self, trouble: ServiceError, failures: int, failures_max: int | None) -> None:
        if failures_max is not None and failures > failures_max:
            raise trouble
        if failures == 1:
            self._tell(Waiting(trouble.message))
        advice = trouble.retry_after_s if isinstance(trouble, ThrottledError) else None
        await self._pause(max(backoff_s(failures), advice or 0.0))

    async def _pause(self, delay_s: float) -> None:
        await self._clock.sleep(self._jitter(delay_s))
