"""A recorded stream as a ``ports.Source``: shards, lineage and records as they were read, all of it there at once.

Decides what a recording is to a reader: a disabled stream, whose shards are closed and to which nothing will come.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.shard.lineage import ShardDescription, leaves
from afterbay.core.shard.position import After, Position, ShardId, StartAt
from afterbay.errors import NotFoundError, SettingsError
from afterbay.ports import Page, ShardListing
from afterbay.sources.memory import is_behind
from afterbay.sources.recording_lines import RecordedGap, RecordedRecord, RecordedShard, RecordedUnreadable
from afterbay.sources.recording_reader import RecordingReader

__all__ = ["Broken", "Recorded", "RecordedSource", "load_recording"]


@dataclass(frozen=True, slots=True)
class Broken:
    """A record of which not even the head can be read. ``before``: how many records of its shard came ahead of it."""

    before: int
    error: UnreadableRecordError

    def is_passed(self, start: StartAt) -> bool:
        """True where a reader went on behind it."""
        number = self.error.sequence_number
        return number is not None and isinstance(start, After) and start.position >= int(number)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stream's records in memory. ``order``: all of them as they were recorded, each item's in order."""

    stream_arn: str
    shards: dict[ShardId, ShardDescription]
    records: dict[ShardId, tuple[RawRecord, ...]]
    order: tuple[tuple[ShardId, RawRecord], ...]
    unreadable: dict[ShardId, list[Broken]]
    gaps: tuple[RecordedGap, ...] = ()


def load_recording(path: str | os.PathLike[str]) -> Recorded:
    """Read a whole recording into memory. Raises ``SettingsError`` for one that is cut off, by place: whoever runs a
    test on it must know."""
    shards: dict[ShardId, ShardDescription] = {}
    records: dict[ShardId, list[RawRecord]] = {}
    order: list[tuple[ShardId, RawRecord]] = []
    unreadable: dict[ShardId, list[Broken]] = {}
    gaps: list[RecordedGap] = []
    with RecordingReader(Path(path)) as reader:
        for entry in reader:
            match entry:
                case RecordedShard(description=one):
                    shards[one.shard] = ShardDescription(one.shard, one.parents, closed=True)
                    records.setdefault(one.shard, [])
                case RecordedRecord(shard=shard, record=record):
                    records[shard].append(record)
                    order.append((shard, record))
                case RecordedUnreadable(shard=shard):
                    unreadable.setdefault(shard, []).append(Broken(len(records[shard]), entry.error()))
                case RecordedGap():
                    gaps.append(entry)
                case _:
                    pass
    if reader.cut is not None:
        raise SettingsError(
            str(reader.cut), where=str(path), hint="afterbay record --append takes it away and goes on from there"
        )
    whole = {shard: tuple(found) for shard, found in records.items()}
    return Recorded(reader.head.stream_arn, shards, whole, tuple(order), unreadable, tuple(gaps))


class RecordedSource:
    """A ``ports.Source`` of a file, or of what is loaded already. A read never waits."""

    orders_parents = False

    def __init__(self, recording: str | os.PathLike[str] | Recorded) -> None:
        self.recorded = recording if isinstance(recording, Recorded) else load_recording(recording)

    def listing(self, *, pin_latest: bool = False, children_of: ShardId | None = None) -> ShardListing:
        """The shards, or the children of one; LATEST is behind the last record of each."""
        shards, records = self.recorded.shards, self.recorded.records
        listed = tuple(one for one in shards.values() if children_of is None or children_of in one.parents)
        tips: dict[ShardId, StartAt] = {}
        if pin_latest:
            tips = {
                shard: After(Position(records[shard][-1].position))
                for shard in leaves(shards, stream_disabled=True)
                if records[shard]
            }
        return ShardListing(listed, complete=children_of is None, stream_disabled=True, tips=tips)

    def page(self, shard: ShardId, start: StartAt, *, limit: int) -> Page:
        """Raises ``NotFoundError``, and ``UnreadableRecordError`` at a record that was recorded as unreadable."""
        whole: Sequence[RawRecord] | None = self.recorded.records.get(shard)
        if whole is None:
            raise NotFoundError(f"no shard {shard}", code="ResourceNotFoundException")
        broken = [one for one in self.recorded.unreadable.get(shard, ()) if not one.is_passed(start)]
        readable = whole[: broken[0].before] if broken else whole
        found = [one for one in readable if is_behind(one, start)]
        if broken and not found:
            raise broken[0].error
        return Page(tuple(found[:limit]), end=not broken and len(found) <= limit)

    async def list_shards(self, *, pin_latest: bool, children_of: ShardId | None = None) -> ShardListing:
        return self.listing(pin_latest=pin_latest, children_of=children_of)

    async def read(self, shard: ShardId, start: StartAt, *, limit: int, pause_s: float) -> Page:
        return self.page(shard, start, limit=limit)

    def forget(self, shard: ShardId) -> None:
        """There are no iterators to drop."""

    async def close(self) -> None:
        """There is nothing to let go."""
