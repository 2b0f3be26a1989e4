"""What can be told of a mapping at a moment: for status, the console and whoever asks why nothing comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.lane import LaneState
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.queue import QueueMapping
from afterbay.core.mapping.shard import Shard
from afterbay.core.shard.position import After, AtTime, ShardEnd, ShardId, TrimHorizon

__all__ = ["LaneSnapshot", "MappingSnapshot", "QueueSnapshot", "ShardSnapshot", "queue_snapshot", "snapshot"]


@dataclass(frozen=True, slots=True)
class LaneSnapshot:
    """One lane with something in it. ``first`` and ``last`` bound the batch under way; ``attempts`` counts its
    failures."""

    lane: int
    state: str
    waiting: int
    request_id: str | None = None
    first: str | None = None
    last: str | None = None
    records: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class ShardSnapshot:
    """``age_s``: age of the oldest record that is read and not done, 0 where there is none. ``blocked_by``: a
    sentence."""

    shard: ShardId
    state: str
    parents: tuple[ShardId, ...]
    position: str
    age_s: float
    buffered: int
    blocked_by: str | None
    lanes: tuple[LaneSnapshot, ...]


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """What a queue's mapping has in hand: ``batches`` of ``concurrency`` are under way with ``messages``, ``resting``
    of them because the function was not reached; ``waiting`` messages have no batch yet."""

    concurrency: int
    batches: int
    resting: int
    messages: int
    waiting: int


@dataclass(frozen=True, slots=True)
class MappingSnapshot:
    """``age_s`` is the greatest of the shards', or the age of the oldest message in hand. ``shards`` is empty and
    ``queue`` is there where the source is a queue."""

    uuid: str
    event_source_arn: str
    function_arn: str
    state: str
    last_processing_result: str
    age_s: float
    source_failure: str | None
    counters: Counters
    shards: tuple[ShardSnapshot, ...]
    queue: QueueSnapshot | None = None


def snapshot(mapping: Mapping, now: datetime) -> MappingSnapshot:
    """Freeze what ``mapping`` is doing; shards that wait for a parent and finished ones are told too."""
    shards = [_reading(shard, now) for shard in mapping.shards.values()]
    for name, description in mapping.lineup.listed.items():
        if name not in mapping.shards:
            state = "finished" if mapping.lineup.is_finished(name) else "waiting for its parent"
            shards.append(ShardSnapshot(name, state, description.parents, _position(mapping, name), 0.0, 0, None, ()))
    shards.sort(key=lambda shard: shard.shard)
    return MappingSnapshot(
        uuid=mapping.uuid,
        event_source_arn=mapping.settings.event_source_arn,
        function_arn=mapping.settings.function_arn,
        state=mapping.state.value,
        last_processing_result=mapping.last_result.value,
        age_s=max((shard.age_s for shard in shards), default=0.0),
        source_failure=mapping.listing_failure,
        counters=mapping.counters,
        shards=tuple(shards),
    )


def queue_snapshot(mapping: QueueMapping, now: datetime) -> MappingSnapshot:
    """The same of a queue's mapping. What is in the queue and was not received, only the queue knows."""
    batches = mapping.batches.values()
    sent = [message.sent_s for one in batches for message in one.messages]
    sent += [message.sent_s for message in mapping.inbox]
    return MappingSnapshot(
        uuid=mapping.uuid,
        event_source_arn=mapping.settings.event_source_arn,
        function_arn=mapping.settings.function_arn,
        state=mapping.state.value,
        last_processing_result=mapping.last_result.value,
        age_s=max(0.0, now.timestamp() - min(sent)) if sent else 0.0,
        source_failure=mapping.failure,
        counters=mapping.counters,
        shards=(),
        queue=QueueSnapshot(
            concurrency=mapping.scaling.limit,
            batches=len(batches),
            resting=sum(one.again_at is not None for one in batches),
            messages=sum(len(one.messages) for one in batches),
            waiting=len(mapping.inbox),
        ),
    )


def _reading(shard: Shard, now: datetime) -> ShardSnapshot:
    oldest = shard.oldest_unfinished()
    age_s = 0.0 if oldest is None else max(0.0, now.timestamp() - oldest.created_s)
    lanes = tuple(_lane(shard, number) for number, lane in enumerate(shard.lanes) if not lane.empty)
    return ShardSnapshot(
        shard.description.shard,
        "draining" if shard.draining else "reading",
        shard.description.parents,
        _describe(shard.saved().at),
        age_s,
        shard.buffered,
        _blocked_by(shard),
        lanes,
    )


def _lane(shard: Shard, number: int) -> LaneSnapshot:
    lane = shard.lanes[number]
    waiting = len(lane.waiting) + sum(len(batch.records) for batch in lane.batches[:-1])
    if not lane.batches:
        return LaneSnapshot(number, lane.state.value, waiting)
    batch = lane.batches[-1]
    return LaneSnapshot(
        number,
        lane.state.value,
        waiting,
        batch.request_id,
        str(batch.records[0].position) if batch.records else None,
        str(batch.records[-1].position) if batch.records else None,
        len(batch.records),
        batch.attempts,
    )


def _blocked_by(shard: Shard) -> str | None:
    if shard.last_failure is not None:
        return f"the stream cannot be read: {shard.last_failure}"
    for lane in shard.lanes:
        if lane.batches and lane.state is not LaneState.IDLE:
            batch = lane.batches[-1]
            if batch.attempts or batch.not_reached:
                what = f"{batch.attempts} failed attempt(s)" if batch.attempts else "the function is not reached"
                return f"{batch}: {what}"
    return None


def _position(mapping: Mapping, name: ShardId) -> str:
    row = mapping.lineup.saved.get(name)
    return _describe(row.at) if row is not None else _describe(TrimHorizon())


def _describe(at: TrimHorizon | AtTime | After | ShardEnd) -> str:
    match at:
        case After(position=position):
            return str(position)
        case AtTime(time=time):
            return time.isoformat()
        case ShardEnd():
            return "SHARD_END"
        case TrimHorizon():
            return "TRIM_HORIZON"
