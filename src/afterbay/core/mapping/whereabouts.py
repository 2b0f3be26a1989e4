"""Where a record is that a mapping has read and not finished: in which lane, behind what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from afterbay.core.mapping.batch import describe
from afterbay.core.mapping.lane import Lane, LaneState
from afterbay.core.mapping.machine import Mapping
from afterbay.core.shard.position import Position, ShardId

__all__ = ["Whereabouts", "find"]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """``ahead``: unfinished records before it in its lane, which must end first (R62). ``behind``: what the lane is
    busy with, if that is not the record's own batch. ``text`` says it in words."""

    lane: int
    state: str
    ahead: int
    attempts: int
    behind: str | None
    text: str


def find(mapping: Mapping, shard: ShardId, position: Position) -> Whereabouts | None:
    """None: the mapping does not have it (done, filtered out, or not read)."""
    reading = mapping.shards.get(shard)
    if reading is None:
        return None
    for number, lane in enumerate(reading.lanes):
        ahead = 0
        for depth, batch in enumerate(reversed(lane.batches)):
            positions = [record.position for record in batch.records]
            if position in positions:
                return _found(lane, number, ahead + positions.index(position), own=depth == 0)
            ahead += len(positions)
        for index, record in enumerate(lane.waiting):
            if record.position == position:
                return _found(lane, number, ahead + index, own=False)
    return None


def _found(lane: Lane, number: int, ahead: int, *, own: bool) -> Whereabouts:
    batch = lane.batches[-1] if lane.batches else None
    attempts = 0 if batch is None else batch.attempts
    if own:
        return Whereabouts(number, lane.state.value, ahead, attempts, None, _OWN[lane.state].format(attempts=attempts))
    if batch is None:
        return Whereabouts(number, lane.state.value, ahead, 0, None, _batching(lane.window_ends))
    behind = f"{describe(batch.records)}, {attempts} failed attempt(s)"
    return Whereabouts(
        number,
        lane.state.value,
        ahead,
        attempts,
        behind,
        f"waits in lane {number} behind {behind} ({lane.state.value})",
    )


_OWN = {
    LaneState.IDLE: "its batch is about to be sent",
    LaneState.INVOKING: "its batch is being delivered",
    LaneState.RESTING: "its batch rests before it is tried again, after {attempts} failed attempt(s)",
    LaneState.STORING_LETTER: "its batch is given up; the dead letter waits for room in the outbox",
}


def _batching(window_ends: datetime) -> str:
    return f"waits for its batch to fill, or for the batching window to end at {window_ends.isoformat()}"
