"""The newest change that a table's stream has of certain keys: what tells a stale item from a damaged one.

Decides how much of the stream is read for it: there is no index, so a bounded part of 24 hours is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from afterbay.backfill.settle import Pace
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.sequence import SequenceNumber, stream_label, token
from afterbay.core.shard.position import ShardId
from afterbay.errors import IteratorExpiredError, NotFoundError, ThrottledError, TrimmedError
from afterbay.sources.streams_api import StreamsApi

__all__ = ["Newest", "newest_tokens"]

RECORDS_MAX = 500_000
READ_S_MAX = 60.0
PAGE_RECORDS = 1_000
EMPTY_PAGES_MAX = 5
"""Empty pages in a row after which an open shard is read to its end (S13)."""

THROTTLE_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Newest:
    """``tokens`` by canonical key, of those keys that the stream still has a change of. ``whole`` False: not all of the
    stream was read, so that a key's newest change may be another one."""

    tokens: dict[str, str] = field(default_factory=dict[str, str])
    whole: bool = True


async def newest_tokens(api: StreamsApi, stream_arn: str, keys: Collection[str], *, pace: Pace) -> Newest:
    """Read the stream from its trim horizon for the newest change of each of ``keys``. Raises ``ServiceError``."""
    reading = _Reading(api, stream_arn, frozenset(key.encode() for key in keys), pace)
    after: ShardId | None = None
    while reading.within_bounds:
        page = await api.describe_stream(stream_arn, after=after)
        for shard in page.shards:
            await reading.shard(shard.shard)
        after = page.last
        if after is None:
            break
    label = stream_label(stream_arn)
    tokens = {key.decode(): token(label, SequenceNumber(str(place))) for key, place in reading.newest.items()}
    return Newest(tokens, reading.within_bounds)


class _Reading:
    """Shards one after the other, as far as the bounds go."""

    def __init__(self, api: StreamsApi, stream_arn: str, keys: frozenset[bytes], pace: Pace) -> None:
        self._api = api
        self._stream_arn = stream_arn
        self._keys = keys
        self._pace = pace
        self._until_s = pace.monotonic() + READ_S_MAX
        self._records = 0
        self.newest: dict[bytes, int] = {}

    @property
    def within_bounds(self) -> bool:
        return self._records < RECORDS_MAX and self._pace.monotonic() < self._until_s

    async def shard(self, shard: ShardId) -> None:
        try:
            await self._read(shard)
        except (TrimmedError, NotFoundError, IteratorExpiredError):
            return  # gone since it was listed, with all that it had

    async def _read(self, shard: ShardId) -> None:
        iterator: str | None = await self._api.get_shard_iterator(self._stream_arn, shard, "TRIM_HORIZON")
        empty = 0
        while iterator is not None and empty < EMPTY_PAGES_MAX and self.within_bounds:
            try:
                page, iterator = await self._api.get_records(self._stream_arn, iterator, limit=PAGE_RECORDS)
            except ThrottledError:
                await self._pace.pause(THROTTLE_PAUSE_S)
                continue
            empty = 0 if page else empty + 1
            self._note(page)

    def _note(self, page: Sequence[RawRecord]) -> None:
        self._records += len(page)
        for record in page:
            if record.key in self._keys:
                self.newest[record.key] = max(record.position, self.newest.get(record.key, 0))
