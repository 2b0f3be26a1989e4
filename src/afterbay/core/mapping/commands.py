"""What a mapping can ask for. A closed union; the driver performs each and reports the event that its docstring
names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.window import WindowCall
from afterbay.core.shard.position import ShardId, StartAt

__all__ = [
    "Command",
    "Deliver",
    "ForgetPositions",
    "ListShards",
    "LoadPositions",
    "Notice",
    "ReadShard",
    "ReleaseShard",
    "Rest",
    "SavePositions",
    "StoreLetter",
    "Tell",
    "WakeAt",
]


@dataclass(frozen=True, slots=True)
class LoadPositions:
    """Read what is saved of this mapping: ``PositionsLoaded``."""


@dataclass(frozen=True, slots=True)
class SavePositions:
    """Save these rows and remove those, as one step: ``PositionsSaved``. At most one is under way per mapping."""

    shards: tuple[SavedShard, ...]
    forget: tuple[ShardId, ...] = ()


@dataclass(frozen=True, slots=True)
class ForgetPositions:
    """Remove every row of this mapping: ``PositionsForgotten``."""


@dataclass(frozen=True, slots=True)
class ListShards:
    """List the shards after ``delay_s`` (jitter is the driver's): ``ShardsListed`` or ``ListingFailed``.

    ``pin_latest``: fix LATEST in every open shard while listing, so that nothing written later is missed (R46, S45).
    """

    children_of: ShardId | None = None
    pin_latest: bool = False
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReadShard:
    """Read one page on from ``start``, after ``delay_s`` (jitter is the driver's): ``RecordsRead`` or ``ReadFailed``.

    ``pause_s``: nothing came last time, so the source may wait as long for something new before it asks (R53).
    """

    shard: ShardId
    run: int
    start: StartAt
    limit: int
    pause_s: float = 0.0
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReleaseShard:
    """The shard is no longer read: drop its iterators. Nothing is reported."""

    shard: ShardId


@dataclass(frozen=True, slots=True)
class Deliver:
    """Invoke the function with ``batch``: ``Invoked``. ``window``: the tumbling window that it is told of (R121)."""

    shard: ShardId
    lane: int
    batch: Batch
    window: WindowCall | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """Wait ``delay_s``, jitter added by the driver, and not less than ``at_least_s``: ``Rested``."""

    shard: ShardId
    lane: int
    run: int
    request_id: str
    delay_s: float
    at_least_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StoreLetter:
    """Make a dead letter durable, once per (mapping, shard, request id, last record): ``LetterStored``. Waits while the
    outbox is full."""

    shard: ShardId
    lane: int
    letter: Letter


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Report ``Woke`` at ``when``; replaces the moment asked for before. None: no moment is waited for."""

    when: datetime | None


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something in log and status. ``detail`` is a sentence with positions and counts, never keys or images."""

    notice: Notice
    shard: ShardId | None
    detail: str


Command = (
    LoadPositions
    | SavePositions
    | ForgetPositions
    | ListShards
    | ReadShard
    | ReleaseShard
    | Deliver
    | Rest
    | StoreLetter
    | WakeAt
    | Tell
)
