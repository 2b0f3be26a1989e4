"""A Kinesis stream through the SDK, as a ``StreamsApi``: ``StreamSource`` reads it as it reads a table's stream.

Decides how Kinesis is asked, and how often (R53). Enhanced fan-out and de-aggregation are not here (R150).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from afterbay.aws.client import Caller
from afterbay.aws.date import date_of
from afterbay.core.change.arn import Arn
from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.raw import RawRecord
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import UnavailableError
from afterbay.sources.news import News
from afterbay.sources.stream import ReadLimits, StreamSource
from afterbay.sources.streams_api import Clock, IteratorType, ShardPage

__all__ = ["OF_KINESIS", "KinesisApi", "kinesis_source", "made_up_role"]

OF_KINESIS = ReadLimits(page_records_max=10_000, empty_pages_at_once=1, whole_seconds=False)
"""One empty page is enough: a shard is read five times a second at most, by all its readers together."""

_T = TypeVar("_T")

READS_APART_S = 0.25
"""Between two reads of a shard: four of its five a second, so that another reader has one."""

HOLE_PAGES_MAX = 20
"""Empty pages in a row that come no nearer to the tip: after that many, what the service says of the way counts no
more."""

LISTED_PAGES_MAX = 100
"""Ten thousand shards a page: more pages than this are a service that repeats itself."""


class _Shard(msgspec.Struct):
    ShardId: str
    ParentShardId: str | None = None
    AdjacentParentShardId: str | None = None
    SequenceNumberRange: dict[str, object] = {}


class _Record(msgspec.Struct):
    SequenceNumber: str
    PartitionKey: str
    Data: bytes
    ApproximateArrivalTimestamp: datetime


class KinesisApi:
    """One stream at one address. ``role`` is told in every record (R137); ``reads_apart_s`` paces each shard.

    An iterator carries the name of its shard, since a record's ``eventID`` does. ``on_date`` hears the service's time.
    ``idle_wait_s``: how long an idle shard may be listened to at a time where writers wake readers. ``to_the_tip``: an
    empty page is told only at the tip of its shard, for a reader that is to end there; else it may lie in a hole before
    records (S89: ``MillisBehindLatest`` says which).
    """

    def __init__(
        self,
        caller: Caller,
        clock: Clock,
        news: News,
        *,
        role: str,
        reads_apart_s: float = READS_APART_S,
        idle_wait_s: float = 0.0,
        to_the_tip: bool = False,
        on_date: Callable[[datetime], None] = lambda date: None,
    ) -> None:
        self._caller = caller
        self._clock = clock
        self._news = news
        self._role = role
        self._apart = timedelta(seconds=reads_apart_s)
        self._idle_wait_s = idle_wait_s
        self._to_the_tip = to_the_tip
        self._on_date = on_date
        self._next_read: dict[str, datetime] = {}
        self._marks: dict[str, int] = {}

    async def describe_stream(
        self, stream_arn: str, *, after: ShardId | None = None, children_of: ShardId | None = None
    ) -> ShardPage:
        """All shards in one answer; ``StreamSource`` picks the children out of it."""
        shards: list[ShardDescription] = []
        request: dict[str, object] = {"StreamARN": stream_arn}
        for _ in range(LISTED_PAGES_MAX):
            answer = await self._ask("list_shards", request)
            shards += [_described(one) for one in _read(answer, "Shards", list[_Shard])]
            token = answer.get("NextToken")
            if not token:
                return ShardPage(tuple(shards), "ACTIVE", None)
            request = {"NextToken": token}
        raise UnavailableError(f"{stream_arn}: the listing of shards does not end", code="RepeatedShardPage")

    async def get_shard_iterator(
        self,
        stream_arn: str,
        shard: ShardId,
        kind: IteratorType,
        *,
        sequence_number: str | None = None,
        timestamp: float | None = None,
    ) -> str:
        request: dict[str, object] = {"StreamARN": stream_arn, "ShardId": shard, "ShardIteratorType": kind}
        if sequence_number is not None:
            request["StartingSequenceNumber"] = sequence_number
        if timestamp is not None:
            request["Timestamp"] = datetime.fromtimestamp(timestamp, UTC)
        answer = await self._ask("get_shard_iterator", request)
        return _of(shard, _read(answer, "ShardIterator", str))

    async def get_records(
        self, stream_arn: str, iterator: str, *, limit: int
    ) -> tuple[Sequence[RawRecord], str | None]:
        shard, bare = _shard_and_iterator(iterator)
        nearest_ms, no_nearer = float("inf"), 0
        while True:
            await self._take_turn(shard)
            self._marks[shard] = self._news.mark
            answer = await self._ask("get_records", {"StreamARN": stream_arn, "ShardIterator": bare, "Limit": limit})
            following = answer.get("NextShardIterator")
            records = [self._record(one, stream_arn, shard) for one in _read(answer, "Records", list[_Record])]
            if following is None:
                self._marks.pop(shard, None)
                self._next_read.pop(shard, None)
                return records, None
            bare = str(following)
            told = answer.get("MillisBehindLatest")
            behind_ms = told if isinstance(told, int) else 0
            no_nearer = 0 if behind_ms < nearest_ms else no_nearer + 1
            nearest_ms = min(nearest_ms, behind_ms)
            if records or not behind_ms or not self._to_the_tip or no_nearer >= HOLE_PAGES_MAX:
                return records, _of(shard, bare)

    async def wait_for_records(self, iterator: str, timeout_s: float) -> None:
        shard, _ = _shard_and_iterator(iterator)
        await self._news.wait(self._marks.get(shard, self._news.mark), max(timeout_s, self._idle_wait_s))

    async def has(self, stream_arn: str, shard: ShardId, position: Position) -> bool:
        """False where the record has been trimmed: Kinesis begins at the oldest that it has then, without a word (R51).

        Raises ``NotFoundError`` where the shard is gone, too.
        """
        iterator = await self.get_shard_iterator(stream_arn, shard, "AT_SEQUENCE_NUMBER", sequence_number=str(position))
        records, _ = await self.get_records(stream_arn, iterator, limit=1)
        return bool(records) and records[0].position == position

    def _record(self, one: _Record, stream_arn: str, shard: str) -> RawRecord:
        return kinesis_record(
            stream_arn=stream_arn,
            shard=shard,
            sequence_number=one.SequenceNumber,
            partition_key=one.PartitionKey,
            data=one.Data,
            arrived=one.ApproximateArrivalTimestamp,
            role=self._role,
        )

    async def _ask(self, operation: str, request: dict[str, object]) -> dict[str, object]:
        answer = await self._caller.call("kinesis", operation, **request)
        date = date_of(answer)
        if date is not None:
            self._on_date(date)
        return answer

    async def _take_turn(self, shard: str) -> None:
        """Wait for this read's place in the pace of its shard."""
        now = self._clock.now()
        turn = min(max(self._next_read.get(shard, now), now), now + self._apart)
        self._next_read[shard] = turn + self._apart
        if turn > now:
            await self._clock.sleep_until(turn)


def made_up_role(stream: Arn) -> str:
    """The role that records name where nobody's is assumed (R137)."""
    return f"arn:{stream.partition}:iam::{stream.account}:role/afterbay"


def kinesis_source(api: KinesisApi, stream_arn: str) -> StreamSource:
    """The stream as a ``ports.Source``."""
    return StreamSource(api, stream_arn, OF_KINESIS)


def _of(shard: str, iterator: str) -> str:
    return f"{shard} {iterator}"


def _shard_and_iterator(iterator: str) -> tuple[str, str]:
    shard, _, bare = iterator.partition(" ")
    return shard, bare


def _described(shard: _Shard) -> ShardDescription:
    """A merged shard has two parents, and waits for both (R48)."""
    parents = tuple(ShardId(one) for one in (shard.ParentShardId, shard.AdjacentParentShardId) if one)
    closed = shard.SequenceNumberRange.get("EndingSequenceNumber") is not None
    return ShardDescription(ShardId(shard.ShardId), parents, closed=closed)


def _read(answer: dict[str, object], member: str, kind: type[_T]) -> _T:
    """A member of an answer, narrowed. Raises ``UnavailableError`` for what the model does not say."""
    try:
        return msgspec.convert(answer.get(member), kind)
    except msgspec.ValidationError as error:
        raise UnavailableError(
            f"{member}: Kinesis answered something else: {error}", code="UnreadableAnswer"
        ) from error
