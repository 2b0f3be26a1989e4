"""DynamoDB Streams: four operations over the shard logs, for Python callers and for HTTP alike (S1, S6 to S13).

``StreamsService`` is what both use: faults are met here, below HTTP, so that the engine's own calls meet them too.
Reading requests and writing answers is ``streams_wire.py``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from afterbay.core.change.arn import parse_stream_arn
from afterbay.core.shard.position import Position, ShardId
from afterbay.emulator.faults import FaultPlan, Oddity
from afterbay.emulator.shard import FROM_HORIZON, PAGE_RECORDS_MAX, Page, ShardLog
from afterbay.emulator.stream import StreamLog
from afterbay.endpoint.iterators import ShardIterator
from afterbay.endpoint.protocol import TimeKeeper, service_fault
from afterbay.endpoint.streams import StreamRegistry
from afterbay.errors import EndpointError, NotFoundError, SettingsError, TrimmedError

__all__ = ["IteratorType", "RecordsPage", "ShardPage", "StreamPage", "StreamsService"]

IteratorType = Literal["TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"]

PAGE_SHARDS_MAX = 100
PAGE_STREAMS_MAX = 100


@dataclass(frozen=True, slots=True)
class ShardPage:
    """One answer of DescribeStream. ``last`` is the token for the next page, None on the last one.

    ``shown_open``: shards that are closed and do not look so yet.
    """

    stream: StreamLog
    status: Literal["ENABLED", "DISABLED"]
    shards: tuple[ShardLog, ...]
    last: ShardId | None
    shown_open: frozenset[ShardId] = frozenset()


@dataclass(frozen=True, slots=True)
class StreamPage:
    """One answer of ListStreams. ``last`` is the token for the next page, None on the last one."""

    streams: tuple[StreamLog, ...]
    last: str | None


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """One answer of GetRecords: records as stored, in order. ``next_iterator`` None: the shard is over (S43)."""

    records: list[bytes]
    next_iterator: str | None


class StreamsService:
    """The data plane. Raises ``EndpointError`` with AWS's codes (the table under S13)."""

    def __init__(self, streams: StreamRegistry, faults: FaultPlan, clock: TimeKeeper) -> None:
        self._streams = streams
        self._faults = faults
        self._clock = clock

    async def list_streams(
        self, region: str, *, table: str | None = None, limit: int = PAGE_STREAMS_MAX, after: str | None = None
    ) -> StreamPage:
        """Streams of a region, by ARN; disabled ones while they are readable (S6)."""
        self._meet_fault("ListStreams")
        found = [
            log
            for log in self._streams.listing()
            if log.arn.region == region
            and (table is None or table in (log.arn.table, log.arn.table_arn))
            and (after is None or log.arn.arn > after)
        ]
        page = tuple(found[:limit])
        return StreamPage(page, page[-1].arn.arn if len(found) > limit else None)

    async def describe_stream(
        self,
        stream_arn: str,
        *,
        limit: int = PAGE_SHARDS_MAX,
        after: str | None = None,
        children_of: str | None = None,
    ) -> ShardPage:
        """A page of shards in the order of their ids (S7 to S10)."""
        oddity = self._meet_fault("DescribeStream")
        log = self._stream(stream_arn)
        found = log.shards(after=after, children_of=children_of)
        parents = frozenset(one.parent for one in log.shards() if one.parent is not None)
        if oddity is Oddity.LATE_CHILDREN:
            found = [one for one in found if one.parent is None or one.shard_id in parents]
        if oddity is Oddity.SPLIT_PAGE:
            limit = min(limit, _before_a_child(found))
        page = tuple(found[:limit])
        last = page[-1].shard_id if len(found) > limit else None
        shown_open = parents if oddity is Oddity.OPEN_PARENT else frozenset[ShardId]()
        return ShardPage(log, "ENABLED" if log.enabled else "DISABLED", page, last, shown_open)

    async def get_shard_iterator(
        self,
        stream_arn: str,
        shard_id: str,
        kind: IteratorType,
        *,
        sequence_number: str | None = None,
        timestamp: float | None = None,
    ) -> str:
        """An iterator at the wanted place (S37 to S40). ``timestamp`` is epoch seconds."""
        oddity = self._meet_fault("GetShardIterator")
        shard = self._shard(stream_arn, shard_id)
        try:
            position = self._position(shard, kind, sequence_number, timestamp)
        except TrimmedError as error:
            raise EndpointError(error.code, error.message) from error
        if kind == "LATEST" and oddity is Oddity.LATEST_SLACK:
            position = shard.before_last
        return str(ShardIterator(stream_arn, shard.shard_id, position, self._clock.now()))

    async def get_records(self, iterator: str, limit: int = PAGE_RECORDS_MAX) -> RecordsPage:
        """The records behind an iterator; it can be used again (S41)."""
        oddity = self._meet_fault("GetRecords")
        here = ShardIterator.parse(iterator)
        now = self._clock.now()
        here.check_age(now)
        shard = self._shard(here.stream_arn, here.shard)
        try:
            page = shard.read(here.position, limit=limit)
            if oddity is Oddity.EMPTY_PAGE:
                page = Page([], here.position, end=False)
        except TrimmedError as error:
            raise EndpointError(error.code, error.message) from error
        if page.end:
            return RecordsPage(page.records, None)
        return RecordsPage(page.records, str(ShardIterator(here.stream_arn, shard.shard_id, page.last, now)))

    async def wait_for_records(self, stream_arn: str, shard_id: str, position: Position, timeout_s: float) -> None:
        """Return once a read behind ``position`` would tell something new, or after ``timeout_s`` of clock time."""
        until = self._clock.now() + timedelta(seconds=timeout_s)
        try:
            await self._streams.wait(stream_arn, shard_id, position, until)
        except NotFoundError as error:
            raise EndpointError(error.code, error.message) from error

    async def wait_behind(self, iterator: str, timeout_s: float) -> None:
        """``wait_for_records`` from where an iterator stands."""
        here = ShardIterator.parse(iterator)
        await self.wait_for_records(here.stream_arn, here.shard, here.position, timeout_s)

    def _meet_fault(self, operation: str) -> Oddity | None:
        """Raises the planned error, or tells the planned oddity."""
        code = self._faults.take("dynamodbstreams", operation)
        if code is None:
            return None
        if code in tuple(Oddity):
            return Oddity(code)
        raise service_fault(code)

    def _stream(self, arn: str) -> StreamLog:
        try:
            parse_stream_arn(arn)
        except SettingsError as error:
            raise EndpointError("ValidationException", f"Invalid StreamArn: {arn}") from error
        try:
            return self._streams.get(arn)
        except NotFoundError as error:
            raise EndpointError(error.code, error.message) from error

    def _shard(self, arn: str, shard_id: str) -> ShardLog:
        try:
            return self._stream(arn).shard(shard_id)
        except NotFoundError as error:
            raise EndpointError(error.code, error.message) from error

    def _position(
        self, shard: ShardLog, kind: IteratorType, sequence_number: str | None, timestamp: float | None
    ) -> Position:
        match kind:
            case "TRIM_HORIZON":
                return FROM_HORIZON
            case "LATEST":
                return shard.last
            case "AT_TIMESTAMP":
                return shard.at_time(self._wished_time(timestamp))
            case "AT_SEQUENCE_NUMBER":
                return shard.at(_number(sequence_number))
            case "AFTER_SEQUENCE_NUMBER":
                return shard.after(_number(sequence_number))

    def _wished_time(self, timestamp: float | None) -> float:
        if timestamp is None:
            raise EndpointError("ValidationException", "Timestamp must be provided for the iterator type AT_TIMESTAMP")
        if timestamp > self._clock.now().timestamp():
            raise EndpointError("ValidationException", "Timestamp must not be in the future")
        return timestamp


def _before_a_child(shards: Sequence[ShardLog]) -> int:
    """How many of these come before the first one whose parent is among them; all if there is none."""
    seen: set[ShardId] = set()
    for index, one in enumerate(shards):
        if one.parent in seen:
            return index
        seen.add(one.shard_id)
    return len(shards)


def _number(text: str | None) -> Position:
    if text is None:
        raise EndpointError("ValidationException", "SequenceNumber must be provided for this iterator type")
    if not (text.isascii() and text.isdecimal()):
        raise EndpointError("ValidationException", f"Invalid SequenceNumber: {text!r} is not a number")
    return Position(int(text))
