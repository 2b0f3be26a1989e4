"""The shards that a mapping knows: listed, saved, started, finished.

Decides where each begins and which may start (R46 to R48, S25 to S36). Reading them is the machine's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.events import ShardsListed
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.shard.iterator import first_of_latest, to_save
from afterbay.core.shard.lineage import ShardDescription, created_at, leaves, may_start
from afterbay.core.shard.position import AtTime, ShardEnd, ShardId, StartAt, TrimHorizon

__all__ = ["POSITIONED", "Fresh", "Lineup", "Startable"]

POSITIONED = ShardId("")
"""The row that says that a mapping once fixed its position: shards found later are read from their start (R47)."""

ROWS_KEPT_FOR = timedelta(hours=48)
"""How long the end of a table's shard is remembered, from the shard's creation: a listing that left it out may show it
again, and nothing can be read of it by then (L37)."""

Startable = tuple[ShardDescription, StartAt, ShardId | None]
"""A shard to start, from where, and the parent whose last records may be missing."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a listing changed: rows to save before reading, rows to forget, shards that vanished before their end."""

    rows: tuple[SavedShard, ...]
    vanished: tuple[ShardId, ...]
    lost: tuple[ShardId, ...]


class Lineup:
    """``saved`` mirrors the store's rows; ``listed`` the stream's shards."""

    def __init__(self, *, orders_parents: bool) -> None:
        self.listed: dict[ShardId, ShardDescription] = {}
        self.saved: dict[ShardId, SavedShard] = {}
        self._started: set[ShardId] = set()
        self._starts: dict[ShardId, StartAt] = {}
        self._unsaved_ends: set[ShardId] = set()
        self._ends_on_the_way: set[ShardId] = set()
        self._orders_parents = orders_parents

    @property
    def positioned(self) -> bool:
        """True once the first position was fixed, in whatever run."""
        return bool(self.saved)

    def clear(self) -> None:
        """Forget everything that is known: the store has it."""
        self.listed.clear()
        self.saved.clear()
        self._started.clear()
        self._starts.clear()
        self._unsaved_ends.clear()
        self._ends_on_the_way.clear()

    def load(self, saved: Iterable[SavedShard]) -> None:
        self.saved = {row.shard: row for row in saved}

    def is_finished(self, shard: ShardId) -> bool:
        row = self.saved.get(shard)
        return row is not None and isinstance(row.at, ShardEnd)

    def take(self, event: ShardsListed, settings: MappingSettings, now: datetime) -> Fresh:
        """Absorb a listing; the first complete one fixes where every shard begins."""
        first = event.complete and not self.positioned and not self.listed
        described = {one.shard: one for one in event.shards}
        vanished, lost = self._vanished(described, now) if event.complete and event.children_of is None else ((), ())
        new = [one for one in event.shards if one.shard not in self.listed]
        if event.complete and event.children_of is None:
            self.listed = described | {s: d for s, d in self.listed.items() if s in self._started}
        else:
            self.listed |= described
        rows = self._first_positions(event, settings, now) if first else ()
        for one in new:
            row = self.saved.get(one.shard)
            if row is not None and not isinstance(row.at, ShardEnd):
                self._starts.setdefault(one.shard, row.at)
        return Fresh(rows, vanished, lost)

    def _first_positions(self, event: ShardsListed, settings: MappingSettings, now: datetime) -> tuple[SavedShard, ...]:
        """Rules: R46 what each starting position means, R47 it applies to the shards of this moment only, S45 never
        LATEST."""
        listed = {one.shard: one for one in event.shards}
        match settings.starting_position:
            case StartingPosition.TRIM_HORIZON:
                rows = [SavedShard(POSITIONED, TrimHorizon())]
            case StartingPosition.LATEST:
                rows = [SavedShard(POSITIONED, AtTime(now))]
                tips = leaves(listed, stream_disabled=event.stream_disabled)
                for one in event.shards:
                    if one.shard in tips:
                        self._starts[one.shard] = first_of_latest(now, event.tips.get(one.shard))
                        rows.append(SavedShard(one.shard, to_save(self._starts[one.shard]), one.parents))
                    else:
                        rows.append(SavedShard(one.shard, ShardEnd(), one.parents))
            case None:
                raise AssertionError("a queue has no shards")
            case StartingPosition.AT_TIMESTAMP:
                moment = AtTime(settings.starting_at or now)
                rows = [SavedShard(POSITIONED, moment)]
                rows += [SavedShard(one.shard, moment, one.parents) for one in event.shards]
                self._starts |= {one.shard: moment for one in event.shards}
        self.saved |= {row.shard: row for row in rows}
        return tuple(rows)

    def _vanished(
        self, described: dict[ShardId, ShardDescription], now: datetime
    ) -> tuple[tuple[ShardId, ...], tuple[ShardId, ...]]:
        """Rows of shards that the stream no longer lists and nobody reads (S21): their data has expired.

        Rules: L36 a row that goes too early would have its shard read again, L37 and L40 say what is too early.
        """
        named = {parent for one in described.values() for parent in one.parents}
        gone = [
            row
            for row in self.saved.values()
            if row.shard not in described
            and row.shard not in self._started
            and row.shard != POSITIONED
            and not self._has_listed_ancestor(row, described)
            and not _may_come_back(row, now)
        ]
        lost = tuple(row.shard for row in gone if not isinstance(row.at, ShardEnd))
        kept = set(lost) & named  # its children tell of it when they start
        forget = tuple(row.shard for row in gone if row.shard not in kept)
        for shard in forget:
            del self.saved[shard]
        return forget, tuple(shard for shard in lost if shard not in kept)

    def _has_listed_ancestor(self, row: SavedShard, described: dict[ShardId, ShardDescription]) -> bool:
        """True where the listing only lags: what is older than the shard has not expired either (L40)."""
        for parent in row.parents:
            above = self.saved.get(parent)
            if parent in described or (above is not None and self._has_listed_ancestor(above, described)):
                return True
        return False

    def startable(self) -> list[Startable]:
        """The shards that may start now; they count as started from here on."""
        if self._unsaved_ends:
            return []
        unfinished = {s for s in self.listed if not self.is_finished(s)}
        found: list[Startable] = []
        for one in self.listed.values():
            if one.shard in self._started or one.shard not in unfinished:
                continue
            if not self._orders_parents and not may_start(one, unfinished):
                continue
            found.append((one, self._starts.pop(one.shard, TrimHorizon()), self._missing_parent(one)))
        self._started |= {one.shard for one, _, _ in found}
        return found

    def _missing_parent(self, shard: ShardDescription) -> ShardId | None:
        for parent in shard.parents:
            row = self.saved.get(parent)
            if parent not in self.listed and row is not None and not isinstance(row.at, ShardEnd):
                return parent
        return None

    def finish(self, row: SavedShard) -> None:
        """The shard is done. No shard starts until its end is saved: a crash before that would read it again (R48)."""
        self._unsaved_ends.add(row.shard)
        self.saved[row.shard] = row
        self._started.discard(row.shard)

    def save_begins(self) -> None:
        """The rows as they are now are on their way to the store."""
        self._ends_on_the_way = set(self._unsaved_ends)

    def save_is_over(self) -> None:
        self._unsaved_ends -= self._ends_on_the_way

    def withdraw(self, shard: ShardId) -> None:
        """The source took it away; it may offer it again, to be read from the saved position."""
        self._started.discard(shard)
        self.listed.pop(shard, None)


def _may_come_back(row: SavedShard, now: datetime) -> bool:
    created = created_at(row.shard) if isinstance(row.at, ShardEnd) else None
    return created is not None and now - created < ROWS_KEPT_FOR
