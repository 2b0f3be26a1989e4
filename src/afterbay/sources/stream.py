"""A stream of shards as a ``ports.Source``, a table's or Kinesis': shards listed, iterators kept, pages read.

Decides which iterator serves a position, and when an empty page is worth another look. Which shard is read when, and
what follows a failure, is the mapping's.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.shard.lineage import ShardDescription, leaves
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardId, StartAt, TrimHorizon
from afterbay.errors import (
    IteratorExpiredError,
    NotFoundError,
    ServiceError,
    TrimmedError,
    UnavailableError,
)
from afterbay.ports import Page, ShardListing
from afterbay.sources.streams_api import ShardPage, StreamsApi

__all__ = ["OF_TABLES", "ReadLimits", "StreamSource"]

EMPTY_PAGES_AT_ONCE = 4
"""Empty pages read in a row before a table's shard counts as caught up (S13). More would spend the shard's read rate on
idleness (R53: four reads a second); a longer hole is crossed at that rate."""

PINS_AT_ONCE = 8
"""LATEST iterators asked for side by side: a wide stream is pinned in moments, and the service is not flooded."""

_UNSUPPORTED = frozenset({"ValidationException", "SerializationException"})
"""How a service says that it does not know an iterator type or a filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """How a service's shards are read. ``page_records_max``: what GetRecords gives at most. ``whole_seconds``: creation
    times, and so the moments to start from, have no fraction (S40)."""

    page_records_max: int
    empty_pages_at_once: int
    whole_seconds: bool


OF_TABLES = ReadLimits(page_records_max=1_000, empty_pages_at_once=EMPTY_PAGES_AT_ONCE, whole_seconds=True)
"""DynamoDB Streams (S12)."""


@dataclass(slots=True)
class _Place:
    """An iterator, and the position that it stands at. ``start`` None: at a pinned LATEST."""

    iterator: str
    start: StartAt | None
    empty_pages: int = 0
    skip_before_s: float | None = None

    def serves(self, start: StartAt) -> bool:
        return isinstance(start, Latest) if self.start is None else self.start == start


class StreamSource:
    """One stream. At most one read per shard is under way at a time.

    Rules: S20 parents are the mapping's to order, S31 a shard that is gone is an error and not an end, S41 iterators
    are reused only where they stand at the asked position.
    """

    orders_parents = False

    def __init__(self, api: StreamsApi, stream_arn: str, limits: ReadLimits = OF_TABLES) -> None:
        self._api = api
        self._limits = limits
        self._stream_arn = stream_arn
        self._places: dict[ShardId, _Place] = {}
        self._closed: frozenset[ShardId] = frozenset()
        self._knows_timestamps = True
        self._knows_child_filter = True

    async def list_shards(self, *, pin_latest: bool, children_of: ShardId | None = None) -> ShardListing:
        if children_of is not None:
            return await self._list_children(children_of)
        shards, disabled = await self._list(None)
        self._closed = frozenset(one.shard for one in shards if one.closed)
        if pin_latest:
            await self._pin(leaves({one.shard: one for one in shards}, stream_disabled=disabled))
        return ShardListing(shards, complete=True, stream_disabled=disabled)

    async def read(self, shard: ShardId, start: StartAt, *, limit: int, pause_s: float) -> Page:
        place = self._places.get(shard)
        if place is not None and not place.serves(start):
            place = None
        if place is None:
            place = self._places[shard] = await self._open(shard, start)
        elif pause_s > 0:
            await self._api.wait_for_records(place.iterator, pause_s)
        try:
            return await self._read(shard, place, start, min(limit, self._limits.page_records_max))
        except (IteratorExpiredError, TrimmedError, NotFoundError):
            self.forget(shard)
            raise

    def forget(self, shard: ShardId) -> None:
        self._places.pop(shard, None)

    async def close(self) -> None:
        """Drop every iterator; the API belongs to whoever made it."""
        self._places.clear()

    async def _list(self, children_of: ShardId | None) -> tuple[tuple[ShardDescription, ...], bool]:
        """All pages (S8, S25), and whether the stream is disabled or about to be (S23)."""
        shards: list[ShardDescription] = []
        after: ShardId | None = None
        while True:
            page: ShardPage = await self._api.describe_stream(self._stream_arn, after=after, children_of=children_of)
            shards.extend(page.shards)
            if page.last is None:
                return tuple(shards), page.status in ("DISABLED", "DISABLING")
            if after is not None and page.last <= after:  # ids ascend (S8): this listing would never end
                raise UnavailableError(
                    f"{self._stream_arn}: shard listing does not move on from {after}", code="RepeatedShardPage"
                )
            after = page.last

    async def _list_children(self, parent: ShardId) -> ShardListing:
        """The children of one shard (S28), by the filter or, where the service has none, out of a whole listing."""
        asked = parent if self._knows_child_filter else None
        try:
            shards, disabled = await self._list(asked)
        except ServiceError as error:
            if asked is None or error.code not in _UNSUPPORTED:
                raise
            self._knows_child_filter = False
            shards, disabled = await self._list(None)
        children = tuple(one for one in shards if parent in one.parents)  # a service may ignore the filter
        self._closed |= {one.shard for one in children if one.closed}
        return ShardListing(children, complete=False, stream_disabled=disabled)

    async def _pin(self, shards: Sequence[ShardId]) -> None:
        """Take a LATEST iterator in every open shard (S45): writes from now on are behind it.

        One that is held already stays: a listing that was asked for before the mapping started anew may come late, and
        must not move a shard that is being read.
        """
        shards = [shard for shard in shards if shard not in self._places]
        for number in range(0, len(shards), PINS_AT_ONCE):
            chunk = shards[number : number + PINS_AT_ONCE]
            asked = (self._api.get_shard_iterator(self._stream_arn, shard, "LATEST") for shard in chunk)
            for shard, answer in zip(chunk, await asyncio.gather(*asked, return_exceptions=True), strict=True):
                if isinstance(answer, NotFoundError):  # gone between listing and asking: its read will say so
                    continue
                if isinstance(answer, BaseException):
                    raise answer
                place = _Place(answer, None, empty_pages=self._limits.empty_pages_at_once)
                self._places.setdefault(shard, place)

    async def _open(self, shard: ShardId, start: StartAt) -> _Place:
        """A new iterator at ``start`` (S37 to S40, S42, S45)."""
        match start:
            case TrimHorizon():
                return _Place(await self._iterator(shard, "TRIM_HORIZON"), start)
            case After(position):
                return _Place(await self._iterator(shard, "AFTER_SEQUENCE_NUMBER", number=position), start)
            case AtTime(moment) | Latest(moment):
                return await self._open_at(shard, moment, start)

    async def _open_at(self, shard: ShardId, moment: datetime, start: StartAt) -> _Place:
        """At the first record created at or after ``moment``; a table's creation times are whole seconds (S40).

        A service that does not take the time stamp (it is too old for the iterator type, or its clock is behind ours
        and the moment still to come) is read from the oldest record, and what is older than wanted is dropped here.
        """
        second = float(int(moment.timestamp())) if self._limits.whole_seconds else moment.timestamp()
        if self._knows_timestamps:
            try:
                return _Place(await self._iterator(shard, "AT_TIMESTAMP", second=second), start)
            except ServiceError as error:
                if error.code not in _UNSUPPORTED:
                    raise
                self._knows_timestamps = False
        return _Place(await self._iterator(shard, "TRIM_HORIZON"), start, skip_before_s=second)

    async def _iterator(
        self,
        shard: ShardId,
        kind: Literal["TRIM_HORIZON", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"],
        *,
        number: Position | None = None,
        second: float | None = None,
    ) -> str:
        sequence_number = None if number is None else str(number)
        return await self._api.get_shard_iterator(
            self._stream_arn, shard, kind, sequence_number=sequence_number, timestamp=second
        )

    async def _read(self, shard: ShardId, place: _Place, start: StartAt, limit: int) -> Page:
        """One page that holds records, or the last of several empty ones (S13)."""
        if shard in self._closed:  # nobody writes to it any more: an empty page is never its tip
            place.empty_pages = 0
        while True:
            try:
                got, following = await self._api.get_records(self._stream_arn, place.iterator, limit=limit)
            except UnreadableRecordError as unreadable:
                before = _wanted(unreadable.before, place.skip_before_s)
                if not before:
                    raise
                self.forget(shard)  # the next read starts at the record that cannot be read, and says so
                return Page(before)
            records = _wanted(got, place.skip_before_s)
            if following is None:
                self.forget(shard)
                return Page(records, end=True)
            place.iterator = following
            if records:
                place.start, place.empty_pages, place.skip_before_s = After(Position(records[-1].position)), 0, None
                return Page(records)
            place.empty_pages += 1
            if place.empty_pages >= self._limits.empty_pages_at_once:
                return Page(())


def _wanted(records: Sequence[RawRecord], skip_before_s: float | None) -> tuple[RawRecord, ...]:
    """What AT_TIMESTAMP would give: the first record that is new enough, and all behind it."""
    if skip_before_s is None:
        return tuple(records)
    return tuple(itertools.dropwhile(lambda record: record.created_s < skip_before_s, records))
