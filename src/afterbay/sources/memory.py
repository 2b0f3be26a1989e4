"""A stream in memory: for tests, users' own too. Shards are lists of records; whoever appends wakes the readers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from afterbay.core.change.raw import RawRecord
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardId, StartAt
from afterbay.errors import NotFoundError, ServiceError
from afterbay.ports import Page, ShardListing

__all__ = ["MemorySource", "is_behind"]


class MemorySource:
    """A ``ports.Source``. ``pause_s`` is never slept: an idle read waits for the next ``append`` or ``close_shard``.

    ``failures``: errors that the next reads raise, first one first. ``disabled``: the stream takes no more records, and
    says so when it is listed (S23).
    """

    def __init__(self) -> None:
        self.shards: dict[ShardId, ShardDescription] = {}
        self.records: dict[ShardId, list[RawRecord]] = {}
        self.failures: list[ServiceError] = []
        self.disabled = False
        self._news = asyncio.Condition()

    @property
    def orders_parents(self) -> bool:
        return False

    async def add_shard(self, shard: str, *parents: str) -> None:
        name = ShardId(shard)
        self.shards[name] = ShardDescription(name, tuple(ShardId(parent) for parent in parents))
        self.records[name] = []
        await self._wake()

    async def append(self, shard: str, *records: RawRecord) -> None:
        self.records[ShardId(shard)] += records
        await self._wake()

    async def close_shard(self, shard: str) -> None:
        description = self.shards[ShardId(shard)]
        self.shards[description.shard] = ShardDescription(description.shard, description.parents, closed=True)
        await self._wake()

    async def list_shards(self, *, pin_latest: bool, children_of: ShardId | None = None) -> ShardListing:
        listed = [one for one in self.shards.values() if children_of is None or children_of in one.parents]
        tips: dict[ShardId, StartAt] = {
            one.shard: After(position)
            for one in listed
            if pin_latest and (position := _last(self.records[one.shard])) is not None
        }
        return ShardListing(tuple(listed), complete=children_of is None, stream_disabled=self.disabled, tips=tips)

    async def read(self, shard: ShardId, start: StartAt, *, limit: int, pause_s: float) -> Page:
        if self.failures:
            raise self.failures.pop(0)
        if shard not in self.records:
            raise NotFoundError(f"no shard {shard}", code="ResourceNotFoundException")
        async with self._news:
            if pause_s:
                await self._news.wait_for(lambda: self._behind(shard, start) or self.shards[shard].closed)
        found = self._behind(shard, start)
        return Page(tuple(found[:limit]), end=self.shards[shard].closed and len(found) <= limit)

    def forget(self, shard: ShardId) -> None:
        """There are no iterators to drop."""

    async def close(self) -> None:
        """There is nothing to let go."""

    def _behind(self, shard: ShardId, start: StartAt) -> list[RawRecord]:
        return [record for record in self.records[shard] if is_behind(record, start)]

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()


def _last(records: Sequence[RawRecord]) -> Position | None:
    return Position(records[-1].position) if records else None


def is_behind(record: RawRecord, start: StartAt) -> bool:
    """True for a record that a read from ``start`` gives."""
    match start:
        case After(position=position):
            return record.position > position
        case AtTime(time=time) | Latest(since=time):
            return record.created_s >= int(time.timestamp())
        case _:
            return True
