"""One shard of an emulated stream: its records in order, where readers may stand, what has been trimmed.

Decides positions inside a shard (S37 to S43). Lineage, routing and the content of a record are other modules'.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import TrimmedError

__all__ = ["COUNTER_UNIT", "FROM_HORIZON", "PAGE_BYTES_MAX", "PAGE_RECORDS_MAX", "Page", "ShardLog"]

COUNTER_UNIT = 10**20
"""A sequence number is a counter times this, plus a tail (S50)."""

PAGE_RECORDS_MAX = 1000
PAGE_BYTES_MAX = 1024 * 1024
"""One page: 1,000 records or 1 MB, whichever comes first (S12)."""

RESERVED = 100
"""How far a shard's row reserves numbers ahead. It is to be stored again when half of them are issued: the last rows
before a crash may be lost, and no number is issued twice."""

FROM_HORIZON = Position(0)
"""Stands before every record there can be, and is never too old: the position of TRIM_HORIZON (S37)."""

TRIMMED_TEXT = "The data you are trying to access has been trimmed"


@dataclass(frozen=True, slots=True)
class Page:
    """Records behind a position, as stored bytes. ``last`` is where the next page begins; ``end``: nothing follows."""

    records: list[bytes]
    last: Position
    end: bool


class ShardLog:
    """Records of one shard, appended in rising order. A position names the record that was read last.

    ``counter`` and ``tail`` make the sequence numbers, unique in the stream as long as the ranges of ``tail`` do not
    overlap (S103). Keys whose hash lies in ``low <= hash < high`` belong here.
    """

    def __init__(
        self,
        shard_id: ShardId,
        *,
        parent: ShardId | None,
        low: int,
        high: int,
        counter: int,
        tail: int,
        created_ms: int,
    ) -> None:
        self.shard_id = shard_id
        self.parent = parent
        self.low = low
        self.high = high
        self.created_ms = created_ms
        self.start = Position(counter * COUNTER_UNIT + tail)
        self.closed_s: int | None = None
        self.end_number: Position | None = None
        self._counter = counter
        self._tail = tail
        self._reserved = counter + RESERVED
        self._last = self.start
        self._trimmed: Position | None = None
        self._numbers: list[Position] = []
        self._created: list[int] = []
        self._bodies: list[bytes] = []

    @classmethod
    def at_start(
        cls, shard_id: ShardId, *, parent: ShardId | None, low: int, high: int, start: Position, created_ms: int
    ) -> ShardLog:
        """A shard as it was when it was opened: its first position says counter and tail."""
        counter, tail = divmod(start, COUNTER_UNIT)
        return cls(shard_id, parent=parent, low=low, high=high, counter=counter, tail=tail, created_ms=created_ms)

    def take_up(
        self, *, reserved: int, trimmed: Position | None, closed_s: int | None, end_number: Position | None
    ) -> None:
        """Go on where a stored shard stood: with a number that was never issued, above ``reserved``.

        Its row is to be stored before it issues one: what it reserves is another block.
        """
        first_counter, first_tail = divmod(self.start, COUNTER_UNIT)
        newest = max(self._last, trimmed or self._last)
        counter = max(reserved, newest // COUNTER_UNIT)
        self._counter, self._reserved = counter, counter + RESERVED
        self._tail = first_tail + counter - first_counter
        self._last, self._trimmed = newest, trimmed
        self.closed_s, self.end_number = closed_s, end_number

    @property
    def reserved(self) -> int:
        """No counter above this was ever issued; it moves on in steps."""
        return self._reserved

    @property
    def trimmed(self) -> Position | None:
        """The newest number that was trimmed, or None."""
        return self._trimmed

    @property
    def closed(self) -> bool:
        return self.closed_s is not None

    @property
    def counter(self) -> int:
        return self._counter

    @property
    def last(self) -> Position:
        """The newest record's number; the shard's start if there was no record."""
        return self._last

    @property
    def before_last(self) -> Position:
        """Where the newest record can still be read; behind it where there is none."""
        if not self._numbers:
            return self._last
        return self._numbers[-2] if len(self._numbers) > 1 else Position(self._numbers[-1] - 1)

    @property
    def created_s(self) -> int:
        """When the newest record was created, in epoch seconds. There must be one."""
        return self._created[-1]

    def __len__(self) -> int:
        return len(self._numbers)

    def next_number(self) -> Position:
        """Take the next sequence number: one counter step, so that lengths grow as on AWS (S46, S103)."""
        assert not self.closed, "a closed shard takes no records"
        self._counter += 1
        self._tail += 1
        if self._counter + RESERVED // 2 > self._reserved:
            self._reserved = self._counter + RESERVED
        return Position(self._counter * COUNTER_UNIT + self._tail)

    def append(self, number: Position, body: bytes, created_s: int) -> None:
        assert number > self._last, "sequence numbers rise, the first above the start"
        self._last = number
        self._numbers.append(number)
        self._created.append(max(created_s, self._created[-1]) if self._created else created_s)
        self._bodies.append(body)

    def close(self, now_s: int) -> None:
        """Take no more records. An idle shard's end equals its start (S54)."""
        self.end_number = self._last
        self.closed_s = now_s

    def trim(self, horizon_s: int) -> None:
        """Forget records created before ``horizon_s`` (S24)."""
        count = bisect_left(self._created, horizon_s)
        if count:
            self._trimmed = self._numbers[count - 1]
            del self._numbers[:count], self._created[:count], self._bodies[:count]

    def after(self, number: Position) -> Position:
        """AFTER_SEQUENCE_NUMBER, exclusive (S39). The number need not be a record's. Raises ``TrimmedError``."""
        if number != FROM_HORIZON and self._trimmed is not None and self._trimmed > number:
            raise TrimmedError(TRIMMED_TEXT, code="TrimmedDataAccessException")
        return number

    def at(self, number: Position) -> Position:
        """AT_SEQUENCE_NUMBER, inclusive (S39). Raises ``TrimmedError``."""
        return self.after(Position(number - 1))

    def at_time(self, time_s: float) -> Position:
        """AT_TIMESTAMP: before the first record created at or after ``time_s``, or at the horizon if later (S40)."""
        index = bisect_left(self._created, time_s)
        if index == 0:
            return FROM_HORIZON
        return self._numbers[index - 1]

    def read(self, position: Position, *, limit: int = PAGE_RECORDS_MAX, bytes_max: int = PAGE_BYTES_MAX) -> Page:
        """The records behind ``position``, at most ``limit`` and ``bytes_max``, but one if there is one (S82).

        Raises ``TrimmedError`` if records behind the position were trimmed.
        """
        self.after(position)
        first = bisect_right(self._numbers, position)
        records: list[bytes] = []
        left = bytes_max
        for body in self._bodies[first : first + limit]:
            left -= len(body)
            if left < 0 and records:
                break
            records.append(body)
        upto = first + len(records)
        last = self._numbers[upto - 1] if records else position
        return Page(records, last, end=self.closed and upto == len(self._numbers))

    def has_more(self, position: Position) -> bool:
        """True when a read would tell something new: a record, or that the shard is over."""
        return self.closed or (bool(self._numbers) and self._numbers[-1] > position)
