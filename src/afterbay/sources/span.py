"""A closed range of one shard, read again: from its first sequence number to its last, and not one further (E16).

Decides where such a read starts and ends. What the records are for is the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass

from afterbay.core.change.raw import RawRecord
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import IteratorExpiredError, NotFoundError, ThrottledError, TrimmedError
from afterbay.sources.streams_api import StreamsApi

__all__ = ["Reread", "Span", "reread"]

PAGE_RECORDS = 1_000

EMPTY_PAGES_MAX = 20
"""Empty pages in a row after which an open shard has nothing more of the span: its last number was no record's."""

PAUSE_S = 0.25
THROTTLES_MAX = 8
EXPIRIES_MAX = 8
"""Iterators that expire before they gave a record, in a row: where the service never gives one, it is told (S15)."""


@dataclass(frozen=True, slots=True)
class Span:
    """Both ends belong to it."""

    stream_arn: str
    shard: ShardId
    first: Position
    last: Position


@dataclass(frozen=True, slots=True)
class Reread:
    """``records`` of the span, in order. ``lost`` says why they cannot be had: trimmed, or the shard or the stream is
    gone; None: every record that the shard ever had in it is there. ``more``: there were more than were wanted."""

    records: tuple[RawRecord, ...]
    lost: str | None = None
    more: bool = False


async def reread(api: StreamsApi, span: Span, *, limit: int | None = None) -> Reread:
    """Read a span again, ``limit`` records of it at most. Raises ``ServiceError`` where the service fails, and
    ``RecordError`` for a record whose head cannot be read.

    A span whose first record is trimmed is lost as a whole: the shard's oldest record is another one, and starting
    there would deliver what nobody asked for. Rules: E16, E18, S44.
    """
    records: list[RawRecord] = []
    expired, known = 0, 0
    try:
        while True:  # once more for each iterator that expires on the way (S41)
            try:
                more = await _read_on(api, span, records, limit)
            except IteratorExpiredError:
                expired, known = (expired + 1 if len(records) == known else 1), len(records)
                if expired > EXPIRIES_MAX:
                    raise
                continue
            return Reread(tuple(records), more=more)
    except TrimmedError:
        return Reread((), lost="trimmed: the stream keeps a record for 24 hours")
    except NotFoundError as gone:
        return Reread((), lost=f"trimmed with its shard or stream: {gone.message}")


async def _read_on(api: StreamsApi, span: Span, records: list[RawRecord], limit: int | None) -> bool:
    """Add what follows; True where ``limit`` left some out."""
    iterator: str | None = await _iterator(api, span, records)
    empty = throttled = 0
    while iterator is not None and empty < EMPTY_PAGES_MAX:
        try:
            page, following = await api.get_records(span.stream_arn, iterator, limit=PAGE_RECORDS)
        except ThrottledError:
            throttled += 1
            if throttled > THROTTLES_MAX:
                raise
            await api.wait_for_records(iterator, PAUSE_S * throttled)
            continue
        for record in page:
            if record.position > span.last:
                return False
            if limit is not None and len(records) >= limit:
                return True
            records.append(record)
            if record.position == span.last:
                return False
        iterator = following
        empty = 0 if page else empty + 1
        if empty and iterator is not None:
            await api.wait_for_records(iterator, PAUSE_S)
    return False


async def _iterator(api: StreamsApi, span: Span, records: list[RawRecord]) -> str:
    if not records:
        return await api.get_shard_iterator(
            span.stream_arn, span.shard, "AT_SEQUENCE_NUMBER", sequence_number=str(span.first)
        )
    return await api.get_shard_iterator(
        span.stream_arn, span.shard, "AFTER_SEQUENCE_NUMBER", sequence_number=str(records[-1].position)
    )
