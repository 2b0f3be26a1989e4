"""What is saved of a shard, and the low watermark across its lanes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from afterbay.core.shard.position import After, AtTime, Position, ShardEnd, ShardId, TrimHorizon

__all__ = ["SavedAt", "SavedShard", "Watermark"]

SavedAt = TrimHorizon | AtTime | After | ShardEnd


@dataclass(frozen=True, slots=True)
class SavedShard:
    """A shard's saved position: everything that a restart needs (DESIGN section 8).

    ``parents`` are kept so that a child can wait for a parent that the stream no longer lists. ``epoch`` is the
    first half of the sequence token (E2) where it is not the stream's label. ``window`` is the state of an open
    tumbling window (R124).
    """

    shard: ShardId
    at: SavedAt
    parents: tuple[ShardId, ...] = ()
    epoch: str | None = None
    window: bytes | None = None
    lanes: tuple[Position, ...] = ()


class Watermark:
    """The highest position below which every record read is done (R49, R65).

    ``read`` notes positions in the order of the shard, filtered records too. ``advance`` is told the lowest unfinished
    position (None: nothing is unfinished). Memory is bounded by what is in flight.
    """

    __slots__ = ("_done", "_in_flight")

    def __init__(self, done: Position | None = None) -> None:
        self._in_flight: deque[Position] = deque()
        self._done = done

    @property
    def done(self) -> Position | None:
        """The last position that is done with all before it; None while nothing is."""
        return self._done

    def read(self, positions: Iterable[Position]) -> None:
        self._in_flight.extend(positions)

    def advance(self, unfinished: Position | None) -> bool:
        """Move up to, not over, ``unfinished``. True if the mark moved; it never moves back."""
        waiting = self._in_flight
        done = None
        while waiting and (unfinished is None or waiting[0] < unfinished):
            done = waiting.popleft()
        if done is None:
            return False
        self._done = done
        return True
