"""What a mapping can be told, in the past tense. A closed union; each names the shard and lane it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.lifecycle import LifecycleEvent, State, update_event
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import Position, ShardId, StartAt

__all__ = [
    "Created",
    "DeletionRequested",
    "DisableRequested",
    "EnableRequested",
    "Event",
    "Invoked",
    "LetterStored",
    "ListingFailed",
    "PositionsForgotten",
    "PositionsLoaded",
    "PositionsSaved",
    "ReadFailed",
    "ReadFailure",
    "RecordsRead",
    "Request",
    "Rested",
    "ShardWithdrawn",
    "ShardsListed",
    "SkipRequested",
    "StopRequested",
    "UpdateRequested",
    "Woke",
    "update_requested",
]


@dataclass(frozen=True, slots=True)
class Created:
    """The mapping was made, or the engine started again with it."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class EnableRequested:
    """UpdateEventSourceMapping with Enabled=true (R31); with new settings if they changed too."""

    settings: MappingSettings | None = None


@dataclass(frozen=True, slots=True)
class DisableRequested:
    """UpdateEventSourceMapping with Enabled=false (R31); with new settings if they changed too."""

    settings: MappingSettings | None = None


@dataclass(frozen=True, slots=True)
class UpdateRequested:
    """Any other change of settings (R31); the checkpoint stays (R38)."""

    settings: MappingSettings


def update_requested(
    state: State, settings: MappingSettings, *, enabled: bool | None
) -> EnableRequested | DisableRequested | UpdateRequested:
    """What a mapping in ``state`` is told of an Update request; ``enabled`` None: it does not say (R31)."""
    match update_event(state, enabled=enabled):
        case LifecycleEvent.ENABLE:
            return EnableRequested(settings)
        case LifecycleEvent.DISABLE:
            return DisableRequested(settings)
        case _:
            return UpdateRequested(settings)


@dataclass(frozen=True, slots=True)
class DeletionRequested:
    """DeleteEventSourceMapping (R33)."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The process ends: finish what is in flight, save, and say no more. Nothing about the mapping changes."""


@dataclass(frozen=True, slots=True)
class SkipRequested:
    """An operator gives up what is not done of a shard, up to and including ``through`` (``skip.py``).

    ``letter_to`` takes the letters; None: the mapping's own destination.
    """

    shard: ShardId
    through: Position
    letter_to: str | None = None


@dataclass(frozen=True, slots=True)
class PositionsLoaded:
    saved: tuple[SavedShard, ...]


@dataclass(frozen=True, slots=True)
class PositionsSaved:
    """What the last ``SavePositions`` asked for would survive a crash now."""


@dataclass(frozen=True, slots=True)
class PositionsForgotten:
    """The positions of a deleted mapping are gone."""


@dataclass(frozen=True, slots=True)
class ShardsListed:
    """The stream's shards; ``complete`` is False for one shard's children, or for shards that a source offers by
    itself.

    ``tips``: where LATEST stands in an open shard, from a source that knows (S45).
    """

    shards: tuple[ShardDescription, ...]
    complete: bool = True
    children_of: ShardId | None = None
    stream_disabled: bool = False
    tips: Mapping[ShardId, StartAt] = field(default_factory=dict[ShardId, StartAt])


@dataclass(frozen=True, slots=True)
class ListingFailed:
    """The listing did not come. ``reason`` is a sentence for status; ``gone``: the service knows no such stream."""

    reason: str
    children_of: ShardId | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class ShardWithdrawn:
    """The source took the shard away (a lost lease): whatever is in flight for it no longer counts here."""

    shard: ShardId


@dataclass(frozen=True, slots=True)
class RecordsRead:
    """One page, in the shard's order; ``end``: nothing will ever follow it (S43)."""

    shard: ShardId
    run: int
    records: tuple[RawRecord, ...]
    end: bool = False


class ReadFailure(Enum):
    """How a read can fail (S13, S31); none of them uses an attempt (R52)."""

    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    ITERATOR_EXPIRED = "iterator expired"
    TRIMMED = "trimmed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """A read failed. ``reason`` is a sentence for status; ``retry_after_s`` the service's advice."""

    shard: ShardId
    run: int
    failure: ReadFailure
    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Invoked:
    """A delivery came back, or did not reach the function."""

    shard: ShardId
    lane: int
    request_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Rested:
    """The pause before a batch's next attempt is over."""

    shard: ShardId
    lane: int
    run: int
    request_id: str


@dataclass(frozen=True, slots=True)
class LetterStored:
    """A dead letter is durable; sending it is no longer this mapping's business (R118)."""

    shard: ShardId
    lane: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Woke:
    """A moment that was asked for has come."""


Request = Created | EnableRequested | DisableRequested | UpdateRequested | DeletionRequested | StopRequested
"""What users and the process ask of any mapping, whatever it reads."""

Event = (
    Request
    | SkipRequested
    | PositionsLoaded
    | PositionsSaved
    | PositionsForgotten
    | ShardsListed
    | ListingFailed
    | ShardWithdrawn
    | RecordsRead
    | ReadFailed
    | Invoked
    | Rested
    | LetterStored
    | Woke
)
