"""One lane of a shard: records of the same items, in order, with at most one batch under way (R61 to R65)."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import Batch, bytes_of, fitting, leaves_no_room
from afterbay.core.shard.position import Position

__all__ = ["Lane", "LaneState", "lane_of"]


def lane_of(key: ItemKey, factor: int) -> int:
    """The lane of an item: the same in every process, so that a restart keeps each item's order (R62)."""
    return zlib.crc32(key) % factor


class LaneState(Enum):
    """What a lane is doing. Only an idle lane may start something."""

    IDLE = "idle"
    INVOKING = "invoking"
    RESTING = "resting"
    STORING_LETTER = "storing a dead letter"


class Lane:
    """Waiting records and the batches being worked off, the next one last (left half first, depth first: R69).

    ``window_ends``: when the batching window under way is over. It starts when the previous invocation completes,
    not with the first record (R55), and empty windows follow each other, so a record waits at most one window.
    ``done``: everything of this lane up to here is done, by this run or an earlier one (0: nothing is known).
    ``failures``: how many of its deliveries failed in a row, whatever their batch.
    ``discarding``: how many leading records of the batch on top a letter is being stored for; ``skipping``: because an
    operator said so.
    """

    __slots__ = (
        "batches",
        "discarding",
        "done",
        "failures",
        "skipping",
        "state",
        "waiting",
        "waiting_bytes",
        "window_ends",
    )

    def __init__(self, window_ends: datetime, done: Position) -> None:
        self.done = done
        self.waiting: deque[RawRecord] = deque()
        self.waiting_bytes = 0
        self.batches: list[Batch] = []
        self.state = LaneState.IDLE
        self.failures = 0
        self.discarding = 0
        self.skipping = False
        self.window_ends = window_ends

    @property
    def empty(self) -> bool:
        return not self.waiting and not self.batches

    @property
    def unfinished(self) -> RawRecord | None:
        """The lowest record that is not done; None when there is none."""
        if self.batches and not self.batches[-1].final:
            return self.batches[-1].records[0]
        return self.waiting[0] if self.waiting else None

    @property
    def in_flight(self) -> bool:
        """True while something was asked for whose answer counts, also during a drain (R38)."""
        return self.state in (LaneState.INVOKING, LaneState.STORING_LETTER)

    def admit(self, record: RawRecord) -> int:
        """Let a record wait here; its size in bytes."""
        size_bytes = len(record.body)
        self.waiting.append(record)
        self.waiting_bytes += size_bytes
        return size_bytes

    def acknowledge(self, records: Sequence[RawRecord]) -> None:
        """Note what is done; ``batches`` holds it no more. What lies behind an unfinished record cannot be told yet."""
        lowest = self.lowest()
        for record in reversed(records):
            if lowest is None or record.position < lowest:
                self.done = max(self.done, Position(record.position))
                return

    def full(self, batch_size: int, bytes_max: int) -> bool:
        """True when what waits fills a batch by count or by bytes (R54)."""
        count = len(self.waiting)
        return count >= batch_size or leaves_no_room(count, self.waiting_bytes, bytes_max)

    def take(self, count_max: int, bytes_max: int) -> list[RawRecord]:
        """Remove what the next batch holds."""
        waiting = self.waiting
        count = fitting(waiting, count_max, bytes_max, self.waiting_bytes)
        taken = [waiting.popleft() for _ in range(count)]
        self.waiting_bytes -= bytes_of(taken)
        return taken

    def next_window(self, now: datetime, window_s: int) -> None:
        """Start the window that is under way at ``now``, counted on from the last one."""
        if window_s and now >= self.window_ends:
            passed = int((now - self.window_ends) / timedelta(seconds=window_s)) + 1
            self.window_ends += timedelta(seconds=window_s * passed)

    def lowest(self) -> Position | None:
        record = self.unfinished
        return None if record is None else Position(record.position)
