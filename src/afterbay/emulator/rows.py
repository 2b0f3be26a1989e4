"""A stream as rows that can be stored one by one, and the stream that such rows make again.

Pure: what a row looks like on a disk is for whoever stores it. Numbers go on above a shard's reserved block, so that
none is issued twice, even if the last rows before a crash were lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from afterbay.core.change.arn import StreamArn
from afterbay.core.change.view import ViewType
from afterbay.core.shard.position import Position, ShardId
from afterbay.emulator.shard import ShardLog
from afterbay.emulator.stream import KeyElement, StreamLog

__all__ = ["RecordRow", "ShardRow", "StreamRow", "rebuild", "shard_row", "stream_row"]


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A stream without its shards. ``ordinal`` counts the shards that were opened, ``last_ms`` is in the newest id.

    Members with a default are missing in rows of earlier versions.
    """

    view: ViewType
    keys: tuple[KeyElement, ...]
    created: datetime
    disabled_at: datetime | None
    ordinal: int
    last_ms: int
    lifetime_s: int | None = None
    children: int = 1


@dataclass(frozen=True, slots=True)
class ShardRow:
    """A shard without its records. Positions as in ``ShardLog``; ``reserved`` is a counter."""

    parent: ShardId | None
    low: int
    high: int
    created_ms: int
    start: Position
    reserved: int
    trimmed: Position | None
    closed_s: int | None
    end_number: Position | None


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record: its number, when it was created (epoch seconds), and its bytes."""

    number: Position
    created_s: int
    body: bytes


def stream_row(log: StreamLog) -> StreamRow:
    return StreamRow(
        log.view, log.keys, log.created, log.disabled_at, log.ordinal, log.last_ms, log.lifetime_s, log.children
    )


def shard_row(shard: ShardLog) -> ShardRow:
    return ShardRow(
        shard.parent,
        shard.low,
        shard.high,
        shard.created_ms,
        shard.start,
        shard.reserved,
        shard.trimmed,
        shard.closed_s,
        shard.end_number,
    )


def rebuild(
    arn: StreamArn,
    row: StreamRow,
    shards: Mapping[ShardId, tuple[ShardRow, Iterable[RecordRow]]],
    *,
    seed: bytes,
) -> StreamLog:
    """The stream as it was. Records of a shard come in the order of their numbers.

    ``seed`` must be a new one: event ids and shard suffixes are drawn anew, and must not repeat those of before.
    """
    log = StreamLog(arn, view=row.view, keys=row.keys, created=row.created, seed=seed, roots=0)
    found = [_shard(shard_id, one, records) for shard_id, (one, records) in shards.items()]
    log.take_up(
        found,
        ordinal=row.ordinal,
        last_ms=row.last_ms,
        disabled_at=row.disabled_at,
        lifetime_s=row.lifetime_s,
        children=row.children,
    )
    return log


def _shard(shard_id: ShardId, row: ShardRow, records: Iterable[RecordRow]) -> ShardLog:
    made = ShardLog.at_start(
        shard_id, parent=row.parent, low=row.low, high=row.high, start=row.start, created_ms=row.created_ms
    )
    for one in records:
        made.append(one.number, one.body, one.created_s)
    made.take_up(reserved=row.reserved, trimmed=row.trimmed, closed_s=row.closed_s, end_number=row.end_number)
    return made
