"""When a batch is ready, and what is in it (R54 to R57, R89)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.shard.position import ShardId

__all__ = [
    "PAYLOAD_BYTES_MAX",
    "Batch",
    "Why",
    "bytes_of",
    "describe",
    "fitting",
    "leaves_no_room",
    "make_batch",
    "make_final",
]

PAYLOAD_BYTES_MAX = 6 * 1024 * 1024
"""What a synchronous invocation takes (R56)."""

ENVELOPE_BYTES = len(b'{"Records":[]}')


class Why(Enum):
    """Why a batch was closed when it was (R54, R55)."""

    FULL = "BatchSize reached"
    BYTES = "6 MB reached"
    WINDOW_OVER = "batching window over"
    NO_WINDOW = "no batching window"
    SHARD_ENDED = "the shard ended"
    TUMBLING = "its tumbling window ended"
    READ_AHEAD_FULL = "read-ahead full"
    FINAL = "closes a tumbling window"
    PART = "left of an earlier batch"


@dataclass(slots=True, eq=False)
class Batch:
    """Records that are delivered together, again and again, until something comes of them.

    ``attempts`` counts deliveries that reached the function (R85 does not count). ``request_id`` is shared by all
    attempts of the unchanged batch (R89); a batch cut out of another is a new one, one ``generation`` further.
    No records: the final invocation of a tumbling window (R126).
    """

    records: tuple[RawRecord, ...]
    request_id: str
    generation: int
    attempts: int = 0
    not_reached: int = 0
    why: Why = Why.PART

    @property
    def final(self) -> bool:
        """True for the invocation that closes a tumbling window."""
        return not self.records

    def age_s(self, at: datetime) -> float | None:
        """From the stream's receipt of the last record to ``at`` (R139); None without records."""
        return max(0.0, at.timestamp() - self.records[-1].created_s) if self.records else None

    def __str__(self) -> str:
        return describe(self.records)


def make_batch(
    records: Sequence[RawRecord],
    shard: ShardId,
    ids: RequestIds,
    *,
    generation: int = 0,
    attempts: int = 0,
    why: Why = Why.PART,
) -> Batch:
    """A batch with the request id that its content gives it. ``records`` ascend and are not empty."""
    kept = tuple(records)
    request_id = ids.derive(shard, kept[0].position, kept[-1].position, len(kept), generation)
    return Batch(kept, request_id, generation, attempts, why=why)


def make_final(shard: ShardId, ids: RequestIds, *, start_s: int, last: int) -> Batch:
    """The invocation that closes the window from ``start_s`` on; ``last`` is the last record's position in it."""
    return Batch((), ids.derive(shard, start_s, last, 0, 0), generation=0, why=Why.FINAL)


def describe(records: Sequence[RawRecord]) -> str:
    """Which records, for log and status: positions and counts, never keys or images."""
    if not records:
        return "the final invocation of a window"
    return f"{len(records)} record(s) from {records[0].position} to {records[-1].position}"


def bytes_of(records: Iterable[RawRecord]) -> int:
    """The sum of their sizes, without what is put around them."""
    return sum([len(record.body) for record in records])  # a list: half the time of a generator


def leaves_no_room(count: int, records_bytes: int, bytes_max: int) -> bool:
    """True where no other record fits beside ``count`` of so many bytes: it would bring a comma and a body (R54)."""
    return ENVELOPE_BYTES + records_bytes + count >= bytes_max


def fitting(waiting: Sequence[RawRecord], count_max: int, bytes_max: int, waiting_bytes: int | None = None) -> int:
    """How many of ``waiting`` the next batch takes: at most ``count_max``, and what the payload limit allows.

    At least one, even when that one alone is too large (R57). ``waiting_bytes``: their sum, for who knows it, which
    mostly saves looking at each.
    """
    room = bytes_max - ENVELOPE_BYTES
    if waiting_bytes is not None and waiting_bytes + len(waiting) <= room:  # with a comma for each
        return min(len(waiting), count_max)
    taken = 0
    for record in waiting:
        room -= len(record.body) + (1 if taken else 0)  # the comma before it
        if taken == count_max or (room < 0 and taken):
            break
        taken += 1
    return taken
