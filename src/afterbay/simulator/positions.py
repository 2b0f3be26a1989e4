"""What may be saved, and what must be in the end (R49, R65): the oracle's half for positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import SavePositions
from afterbay.core.mapping.lane import lane_of
from afterbay.core.mapping.lineup import POSITIONED
from afterbay.core.shard.position import After, AtTime, ShardEnd, ShardId, TrimHorizon
from afterbay.simulator.lanes import ExpectedLane
from afterbay.simulator.record import State, Written
from afterbay.simulator.source import SimulatedStream
from afterbay.simulator.violation import Watch

__all__ = ["SavedPositions", "saves"]


class SavedPositions:
    """``rows``: what would survive a crash now."""

    def __init__(self, watch: Watch, stream: SimulatedStream) -> None:
        self._watch, self._stream = watch, stream
        self.rows: dict[ShardId, SavedShard] = {}
        self._frontier: dict[ShardId, int] = {}

    @property
    def positioned(self) -> bool:
        """True once the first position is saved: nothing that is written later may be missed (R46)."""
        return POSITIONED in self.rows

    def run_begins(self) -> None:
        self._frontier.clear()

    def reopened(self, shard: ShardId) -> None:
        """A record that was not owed is, since it was read."""
        self._frontier.pop(shard, None)

    def issued(self, command: SavePositions, lanes: Mapping[ShardId, Sequence[ExpectedLane]]) -> None:
        for row in command.shards:
            if row.shard != POSITIONED:
                self._passes_nothing(row, lanes.get(row.shard, ()))
                self._never_back(row)

    def durable(self, command: SavePositions) -> None:
        for shard in command.forget:
            self.rows.pop(shard, None)
        self.rows |= {row.shard: row for row in command.shards}

    def first_open(self, shard: ShardId) -> Written | None:
        """The first record of a shard that is owed and not finished."""
        written = self._stream.by_shard.get(shard, [])
        index = self._frontier.get(shard, 0)
        while index < len(written) and written[index].state is not State.OPEN:
            index += 1
        self._frontier[shard] = index
        return written[index] if index < len(written) else None

    def unfinished(self) -> Written | None:
        """Any record that is owed and not finished."""
        for shard in self._stream.by_shard:
            found = self.first_open(shard)
            if found is not None:
                return found
        return None

    def all_saved(self) -> None:
        """Once all is done, the saved rows say so: a restart would find nothing to do (R49)."""
        for shard, written in self._stream.by_shard.items():
            row = self.rows.get(shard)
            newest = next((one for one in reversed(written) if one.seen and not one.trimmed), None)
            if newest is None or shard in self._stream.gone:
                continue
            if row is None or not saves(row, newest, None):
                self._watch.fail("what is done is saved in the end (R49)", f"{newest}: {row}")

    def _passes_nothing(self, row: SavedShard, lanes: Sequence[ExpectedLane]) -> None:
        """R49, R65: no saved position passes an unfinished record, in no lane."""
        found = self.first_open(row.shard)
        if found is None:
            return
        if isinstance(row.at, ShardEnd) or (isinstance(row.at, After) and row.at.position >= found.raw.position):
            self._watch.fail("no checkpoint passes an unfinished record (R49)", f"{row.shard} at {row.at}: {found}")
        if not row.lanes:
            return
        # Marks of another factor stand until the shard's own position has passed them all (R66).
        same = len(row.lanes) == len(lanes)
        owed = [lane.oldest for lane in lanes] if same else [one for lane in lanes for one in lane.unfinished()]
        for record in owed:
            if record is not None and row.lanes[lane_of(record.raw.key, len(row.lanes))] >= record.raw.position:
                self._watch.fail("no lane's mark passes an unfinished record (R65)", f"{row.shard}: {record}")

    def _never_back(self, row: SavedShard) -> None:
        before = self.rows.get(row.shard)
        if before is None:
            return
        if _rank(row) < _rank(before):
            self._watch.fail("the checkpoint never decreases (R49)", f"{row.shard}: {before.at} -> {row.at}")
        if len(before.lanes) == len(row.lanes) and any(a > b for a, b in zip(before.lanes, row.lanes, strict=True)):
            self._watch.fail("a lane's mark never decreases (R65)", f"{row.shard}: {before.lanes} -> {row.lanes}")


def saves(row: SavedShard, record: Written, marks: tuple[int, ...] | None) -> bool:
    """True if a restart from ``row`` would not deliver ``record``. ``marks``: how far each lane was, if it counts."""
    match row.at:
        case ShardEnd():
            return True
        case After(position=position) if record.raw.position <= position:
            return True
        case After() | TrimHorizon() | AtTime():
            return marks is not None and record.raw.position <= marks[lane_of(record.raw.key, len(marks))]


def _rank(row: SavedShard) -> tuple[int, int]:
    match row.at:
        case ShardEnd():
            return (2, 0)
        case After(position=position):
            return (1, position)
        case TrimHorizon() | AtTime():
            return (0, 0)
