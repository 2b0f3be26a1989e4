"""DynamoDB Streams over HTTP: requests written, answers read, pages split without being parsed (DESIGN section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from afterbay.aws.http import JsonCaller
from afterbay.core.change.page import split_page
from afterbay.core.change.raw import RawRecord
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId
from afterbay.errors import UnavailableError
from afterbay.sources.streams_api import Clock, IteratorType, ShardPage

__all__ = ["SIGNING_NAME", "TARGET", "HttpStreamsApi"]

SIGNING_NAME = "dynamodb"
TARGET = "DynamoDBStreams_20120810"
"""Both by S1."""

DESCRIBE_INTERVAL = timedelta(milliseconds=100)
"""DescribeStream is allowed ten times a second per stream, all readers and pages together (S30)."""

DESCRIBE_WAIT_MAX = timedelta(seconds=30)
"""No turn is further away: 300 listings in line, or a clock that was set back."""

_T = TypeVar("_T")


class _Range(msgspec.Struct):
    EndingSequenceNumber: str | None = None


class _Shard(msgspec.Struct):
    ShardId: str
    SequenceNumberRange: _Range = msgspec.field(default_factory=_Range)
    ParentShardId: str | None = None


class _Description(msgspec.Struct):
    StreamStatus: str
    Shards: list[_Shard]
    LastEvaluatedShardId: str | None = None


class _Described(msgspec.Struct):
    StreamDescription: _Description


class _Iterator(msgspec.Struct):
    ShardIterator: str


class HttpStreamsApi:
    """A ``StreamsApi`` of one address. Share one between all sources that read there: it paces their listings."""

    def __init__(self, caller: JsonCaller, clock: Clock) -> None:
        self._caller = caller
        self._clock = clock
        self._next_describe: dict[str, datetime] = {}

    async def describe_stream(
        self, stream_arn: str, *, after: ShardId | None = None, children_of: ShardId | None = None
    ) -> ShardPage:
        request: dict[str, object] = {"StreamArn": stream_arn}
        if after is not None:
            request["ExclusiveStartShardId"] = after
        if children_of is not None:
            request["ShardFilter"] = {"Type": "CHILD_SHARDS", "ShardId": children_of}
        await self._take_turn(stream_arn)
        told = (await self._ask("DescribeStream", request, _Described)).StreamDescription
        shards = tuple(_described(shard) for shard in told.Shards)
        last = told.LastEvaluatedShardId
        return ShardPage(shards, told.StreamStatus, None if last is None else ShardId(last))

    async def get_shard_iterator(
        self,
        stream_arn: str,
        shard: ShardId,
        kind: IteratorType,
        *,
        sequence_number: str | None = None,
        timestamp: float | None = None,
    ) -> str:
        request: dict[str, object] = {"StreamArn": stream_arn, "ShardId": shard, "ShardIteratorType": kind}
        if sequence_number is not None:
            request["SequenceNumber"] = sequence_number
        if timestamp is not None:
            request["Timestamp"] = timestamp
        return (await self._ask("GetShardIterator", request, _Iterator)).ShardIterator

    async def get_records(
        self, stream_arn: str, iterator: str, *, limit: int
    ) -> tuple[Sequence[RawRecord], str | None]:
        request = msgspec.json.encode({"ShardIterator": iterator, "Limit": limit})
        return split_page(await self._caller.call("GetRecords", request), stream_arn)

    async def wait_for_records(self, iterator: str, timeout_s: float) -> None:
        """The service wakes nobody: this waits the whole time."""
        await self._clock.sleep_until(self._clock.now() + timedelta(seconds=timeout_s))

    async def _ask(self, operation: str, request: dict[str, object], kind: type[_T]) -> _T:
        answer = await self._caller.call(operation, msgspec.json.encode(request))
        try:
            return msgspec.json.decode(answer, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise UnavailableError(f"{operation} answered something else: {error}", code="UnreadableAnswer") from error

    async def _take_turn(self, stream_arn: str) -> None:
        """Wait for this call's place in the pace of its stream (S30)."""
        now = self._clock.now()
        turn = min(max(self._next_describe.get(stream_arn, now), now), now + DESCRIBE_WAIT_MAX)
        self._next_describe[stream_arn] = turn + DESCRIBE_INTERVAL
        if turn > now:
            await self._clock.sleep_until(turn)


def _described(shard: _Shard) -> ShardDescription:
    parents = () if shard.ParentShardId is None else (ShardId(shard.ParentShardId),)
    return ShardDescription(
        ShardId(shard.ShardId), parents, closed=shard.SequenceNumberRange.EndingSequenceNumber is not None
    )
