"""Where a reader stands in a shard.

Decides what a position is and how a starting point is named. Which starting point applies when is ``iterator.py``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

__all__ = ["After", "AtTime", "Latest", "Position", "ShardEnd", "ShardId", "StartAt", "TrimHorizon"]

ShardId = NewType("ShardId", str)

Position = NewType("Position", int)
"""A record's place in its shard, made by the source; a sequence number read as an integer (S49, R98).

Totally ordered within one shard and meaningless across shards. An ``int`` loses nothing: sequence numbers have no
leading zeros (S46), so ``str(position)`` is the number as the service wrote it.
"""


@dataclass(frozen=True, slots=True)
class TrimHorizon:
    """The oldest record that the shard still has (S37)."""


@dataclass(frozen=True, slots=True)
class Latest:
    """What is written from now on. Never saved: it becomes ``AtTime(since)`` when asked for again (S45).

    ``since`` is the moment at which the mapping fixed its position.
    """

    since: datetime


@dataclass(frozen=True, slots=True)
class AtTime:
    """The first record created at or after ``time``, which is rounded down to a whole second when asked for (S40)."""

    time: datetime


@dataclass(frozen=True, slots=True)
class After:
    """The first record behind ``position`` (S39, exclusive)."""

    position: Position


@dataclass(frozen=True, slots=True)
class ShardEnd:
    """Every record of the shard is done; its children may start (S32)."""


StartAt = TrimHorizon | Latest | AtTime | After
"""Where to read from. ``ShardEnd`` is a saved position, never a place to read."""
