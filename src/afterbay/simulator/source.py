"""The stream of a world: the emulator's shard log, and what can go wrong on the way to it (S104).

Decides which records a read gives and how it fails. When it is read is the core's, when an answer comes the driver's.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from random import Random

from afterbay.core.change.sequence import SequenceToken
from afterbay.core.change.view import ViewType
from afterbay.core.change.wire import raw_record
from afterbay.core.mapping.commands import ListShards, ReadShard
from afterbay.core.mapping.events import ListingFailed, ReadFailed, ReadFailure, RecordsRead, ShardsListed
from afterbay.core.shard.lineage import ShardDescription, leaves
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardId, StartAt, TrimHorizon
from afterbay.emulator.record import Change
from afterbay.emulator.shard import FROM_HORIZON, ShardLog
from afterbay.emulator.stream import KeyElement, StreamLog
from afterbay.errors import TrimmedError
from afterbay.simulator.coverage import Coverage
from afterbay.simulator.record import State, Written
from afterbay.simulator.world import T0, US, Burst, Reshard, World, Write, passes_filters

__all__ = ["SimulatedStream"]

_EACH_ONCE = (ReadFailure.THROTTLED, ReadFailure.ITERATOR_EXPIRED, ReadFailure.UNAVAILABLE, ReadFailure.DENIED)
"""What every world meets at least once."""

REPEATED_MAX = 3
"""How many records before the wanted one a repeating source gives again (S38, S41)."""


class SimulatedStream:
    """Everything that was written, and who may read it. ``records`` by position: no two of a stream share one."""

    def __init__(self, world: World, rng: Random, coverage: Coverage) -> None:
        self._world, self._rng, self._coverage = world, rng, coverage
        self._plan = world.source
        keys = (KeyElement("pk", "HASH"),)
        self._log = StreamLog(
            world.arn,
            view=ViewType.NEW_IMAGE,
            keys=keys,
            created=T0,
            seed=world.seed.to_bytes(16, "big", signed=True),
            roots=world.roots,
            first_counter=world.first_counter,
        )
        self.records: dict[int, Written] = {}
        self.by_shard: dict[ShardId, list[Written]] = {}
        self.table: dict[int, dict[str, object]] = {}
        self.newest: dict[bytes, Written] = {}
        self.gone: set[ShardId] = set()
        self._passing: dict[bytes, Written] = {}
        self._late: dict[ShardId, int] = {}
        self._hidden: dict[ShardId, int] = {}
        self._placed: set[ShardId] = set()
        self._pins: dict[ShardId, Position] = {}
        self._owed = list(_EACH_ONCE)
        self._empty_owed = self._repeat_owed = self._listing_owed = self._trim_owed = True

    # What is written

    def write(self, burst: Burst, now: datetime) -> list[Written]:
        written = [record for one in burst.writes if (record := self._write(one, now)) is not None]
        if written and (burst.trims or (self._trim_owed and written[0].shard in self._placed)):
            self._trim(written[0].shard, written[0].raw.created_s + 1)
        return written

    def _write(self, write: Write, now: datetime) -> Written | None:
        old = self.table.get(write.item)
        number = len(self.records)
        new: dict[str, object] | None = {
            "pk": {"S": f"item-{write.item}"},
            "kind": {"S": f"{write.kind}-{number}"},
        }
        if write.removes and old is not None:
            new = None
        appended = self._log.append(Change(old, new, expired=new is None and write.expired), now)
        assert appended is not None, "every write differs from the one before"
        if new is None:
            del self.table[write.item]
        else:
            self.table[write.item] = new
        log = self._log.shard(appended.shard)
        body = log.read(Position(appended.number - 1), limit=1).records[0]
        raw = raw_record(body, self._world.settings.event_source_arn)
        passes = passes_filters(self._world.settings.filters, raw.event_name, write.kind)
        record = Written(
            index=number,
            shard=appended.shard,
            raw=raw,
            token=str(SequenceToken(self._world.arn.label, raw.position)),
            image=None if new is None else raw.body,
            passes=passes,
            before=self._passing.get(raw.key),
        )
        self.records[raw.position] = record
        self.by_shard.setdefault(appended.shard, []).append(record)
        self.newest[raw.key] = record
        if passes:
            self._passing[raw.key] = record
        return record

    @property
    def owes(self) -> bool:
        """True while a kind of fault has not been met yet."""
        return self.owes_reads or self._listing_owed or bool(self._late)

    @property
    def owes_reads(self) -> bool:
        """True while one of them needs something to read."""
        return self._empty_owed or self._repeat_owed or self._trim_owed or bool(self._owed)

    @property
    def enabled(self) -> bool:
        return self._log.enabled

    def disable(self, now: datetime) -> None:
        self._log.disable(now)
        self._coverage.hit("fault: stream disabled")

    def reshard(self, plan: Reshard, now: datetime) -> None:
        """Continue an open shard with two or one; one whose range is too narrow is rolled."""
        open_shards = [one for one in self._log.shards() if not one.closed]
        if not open_shards:
            return
        parent = open_shards[int(plan.pick * len(open_shards))]
        move = self._log.split if plan.splits else self._log.roll
        for child in move(parent.shard_id, now):
            if plan.hidden_us:
                self._late[child] = plan.hidden_us
        self._coverage.hit("stream: split" if plan.splits else "stream: roll")

    def lose_shard(self) -> list[Written]:
        """A closed shard is gone from one moment to the next (S31): the oldest of its lineage, if it can be with unread
        records."""
        closed = [
            one.shard_id
            for one in self._log.shards()
            if one.closed and one.shard_id not in self.gone and self.gone.issuperset(self.parents_of(one.shard_id))
        ]
        if not closed:
            return []
        lost = next((shard for shard in closed if self._is_unread(shard)), closed[0])
        self.gone.add(lost)
        found = self.by_shard.get(lost, [])
        for record in found:
            record.trimmed = True
        self._coverage.hit("fault: shard gone")
        return found

    def _is_unread(self, shard: ShardId) -> bool:
        return any(record.state is State.OPEN and not record.seen for record in self.by_shard.get(shard, ()))

    def _trim(self, shard: ShardId, horizon_s: float) -> None:
        self._log.shard(shard).trim(int(horizon_s))
        for record in self.by_shard[shard]:
            if record.raw.created_s < horizon_s:
                record.trimmed = True

    def parents_of(self, shard: ShardId) -> tuple[ShardId, ...]:
        parent = self._log.shard(shard).parent
        return () if parent is None else (parent,)

    def log(self, shard: ShardId) -> ShardLog:
        return self._log.shard(shard)

    def has_more(self, shard: ShardId, start: StartAt) -> bool:
        """True when a read would tell something new."""
        log = self._log.shard(shard)
        if shard in self.gone or log.closed:
            return True
        written = self.by_shard.get(shard)
        if written is None or written[-1].trimmed:
            return False
        return written[-1].raw.position > self._place(log, start)

    # What is asked

    def forget(self, shard: ShardId) -> None:
        self._pins.pop(shard, None)

    def process_died(self) -> None:
        """Pinned iterators were in the memory of the process."""
        self._pins.clear()

    def describe(self, command: ListShards, now_us: int) -> ShardsListed | ListingFailed:
        owed = self._listing_owed and self._rng.random() < 0.5
        if owed or self._falls(now_us, self._plan.listing):
            self._listing_owed = False
            self._coverage.hit("fault: listing failed")
            return ListingFailed("ThrottlingException: rate exceeded", command.children_of)
        shown = [one for one in self._log.shards() if self._shows(one.shard_id, now_us)]
        described = {
            one.shard_id: ShardDescription(one.shard_id, () if one.parent is None else (one.parent,), closed=one.closed)
            for one in shown
        }
        tips: dict[ShardId, StartAt] = {}
        if command.pin_latest:
            for shard in leaves(described, stream_disabled=not self.enabled):
                self._pins.setdefault(shard, self._log.shard(shard).last)
                if self._plan.tells_tips:
                    tips[shard] = After(self._pins[shard])
        listed = tuple(described.values())
        if command.children_of is not None:
            listed = tuple(one for one in listed if command.children_of in one.parents)
        return ShardsListed(
            listed, command.children_of is None, command.children_of, stream_disabled=not self.enabled, tips=tips
        )

    def _shows(self, shard: ShardId, now_us: int) -> bool:
        if shard in self.gone:
            return False
        if any(parent not in self.gone and not self._shows(parent, now_us) for parent in self.parents_of(shard)):
            return False
        late_us = self._late.pop(shard, None)
        if late_us is not None:
            self._hidden[shard] = now_us + late_us  # from the first time that somebody looks for it
        if now_us < self._hidden.get(shard, 0):
            self._coverage.hit("fault: child listed late")
            return False
        return True

    def read(self, command: ReadShard, now_us: int) -> RecordsRead | ReadFailed:
        shard, run = command.shard, command.run
        if shard in self.gone:
            return ReadFailed(shard, run, ReadFailure.GONE, "ResourceNotFoundException: no such shard")
        failed = self._failure(now_us)
        if failed is not None:
            self._coverage.hit(f"fault: {failed.value}")
            advice = 1.5 if failed is ReadFailure.THROTTLED and self._rng.random() < 0.3 else None
            return ReadFailed(shard, run, failed, f"{failed.value}, as planned", advice)
        log = self._log.shard(shard)
        try:
            place = log.after(self._place(log, command.start))
        except TrimmedError:
            self._trim_owed = False
            self._coverage.hit("fault: trimmed")
            return ReadFailed(shard, run, ReadFailure.TRIMMED, "TrimmedDataAccessException: trimmed")
        if len(log) and (self._empty_owed or self._falls(now_us, self._plan.empty)):
            self._empty_owed = False
            self._coverage.hit("fault: empty page before records")
            return RecordsRead(shard, run, ())
        return self._page(command, log, place, now_us)

    def _page(self, command: ReadShard, log: ShardLog, place: Position, now_us: int) -> RecordsRead:
        written = self.by_shard.get(command.shard, [])
        first = bisect_right(written, int(place), key=_position)
        resumed = isinstance(command.start, After)
        if resumed:
            self._placed.add(command.shard)
        if resumed and first and (self._repeat_owed or self._falls(now_us, self._plan.repeated)):
            self._repeat_owed = False
            self._coverage.hit("fault: repeated records")
            first = max(0, first - REPEATED_MAX)
        while first < len(written) and written[first].trimmed:
            first += 1
        upto = min(len(written), first + self._limit(command, now_us))
        records = tuple(record.raw for record in written[first:upto])
        return RecordsRead(command.shard, command.run, records, end=log.closed and upto == len(written))

    def _limit(self, command: ReadShard, now_us: int) -> int:
        return min(command.limit, self._plan.page_records) if now_us < self._world.calm_us else command.limit

    def _place(self, log: ShardLog, start: StartAt) -> Position:
        match start:
            case TrimHorizon():
                return FROM_HORIZON
            case After(position=position):
                return position
            case AtTime(time=time):
                return log.at_time(int(time.timestamp()))
            case Latest(since=time):
                pinned = self._pins.get(log.shard_id)
                return log.at_time(int(time.timestamp())) if pinned is None else pinned

    def _failure(self, now_us: int) -> ReadFailure | None:
        if self._owed and now_us > self._world.starts_us + US // 2 and self._rng.random() < 0.3:
            return self._owed.pop()
        if now_us >= self._world.calm_us:
            return None
        drawn = self._rng.random()
        for failure, chance in (
            (ReadFailure.THROTTLED, self._plan.throttled),
            (ReadFailure.UNAVAILABLE, self._plan.unavailable),
            (ReadFailure.DENIED, self._plan.denied),
            (ReadFailure.ITERATOR_EXPIRED, self._plan.expired),
        ):
            if drawn < chance:
                return failure
            drawn -= chance
        return None

    def _falls(self, now_us: int, chance: float) -> bool:
        return chance > 0.0 and now_us < self._world.calm_us and self._rng.random() < chance


def _position(record: Written) -> int:
    return record.raw.position
