"""What somebody who looks at a stream hears of it, in the past tense. A closed union."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId, StartAt

__all__ = [
    "Found",
    "Lost",
    "RecordsFound",
    "ShardFound",
    "ShardOver",
    "Started",
    "Unreadable",
    "Waiting",
]


@dataclass(frozen=True, slots=True)
class Started:
    """The first positions are fixed: whatever is written from now on will be told. ``at`` is the source's time."""

    start: StartAt
    at: datetime


@dataclass(frozen=True, slots=True)
class ShardFound:
    """Reading of a shard begins."""

    description: ShardDescription


@dataclass(frozen=True, slots=True)
class RecordsFound:
    """The next records of a shard; at least one."""

    shard: ShardId
    records: tuple[RawRecord, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The next record of a shard, of which not even the head can be read; reading goes on behind it."""

    shard: ShardId
    error: UnreadableRecordError


@dataclass(frozen=True, slots=True)
class Lost:
    """Records of a shard that cannot be had any more. ``reason`` is a sentence; ``over``: nothing of it follows."""

    shard: ShardId
    reason: str
    over: bool = False


@dataclass(frozen=True, slots=True)
class ShardOver:
    """A shard was read to its end."""

    shard: ShardId


@dataclass(frozen=True, slots=True)
class Waiting:
    """The service failed or throttles; told once for each trouble."""

    reason: str


Found: TypeAlias = Started | ShardFound | RecordsFound | Unreadable | Lost | ShardOver | Waiting
