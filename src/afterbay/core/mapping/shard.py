"""The machine of one shard being read: pages in, deliveries and positions out.

Decides what to read and up to where all is done. What becomes of the records on the way is ``dispatch.py``'s. When a
shard may start, and when its position is saved, is the mapping's (``machine.py``).
"""

from __future__ import annotations

from datetime import datetime

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.checkpoint import SavedShard, Watermark
from afterbay.core.mapping.commands import Command, Notice, ReadShard, Tell
from afterbay.core.mapping.dispatch import Dispatch, ShardContext
from afterbay.core.mapping.events import SkipRequested
from afterbay.core.mapping.lane import Lane, LaneState, lane_of
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.retry import backoff_s
from afterbay.core.mapping.skip import Skip, SkipPlan, asked, plan
from afterbay.core.shard.iterator import resume_from, to_save
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, Position, ShardEnd, StartAt, TrimHorizon

__all__ = ["Shard"]

PAGE_RECORDS_MAX = {SourceKind.TABLE: 1_000, SourceKind.KINESIS: 10_000}
"""The most that one GetRecords gives (S12; Kinesis' model)."""

IDLE_PAUSE_S = {SourceKind.TABLE: 0.25, SourceKind.KINESIS: 1.0}
"""Four reads a second from an idle shard, one from Kinesis (R53)."""

_BELOW_ALL = Position(-1)


class Shard:
    """One shard. Every method that is told something returns the commands that follow from it."""

    def __init__(
        self,
        description: ShardDescription,
        start: StartAt,
        context: ShardContext,
        now: datetime,
        saved: SavedShard | None = None,
    ) -> None:
        self.description = description
        self.start = start
        self.reading = False
        self.draining = False
        self.failures = 0
        self._restarts = 0
        self.last_failure: str | None = None
        self.run = context.run
        self._context = context
        self._kind = context.settings.kind
        self._last_read: Position | None = start.position if isinstance(start, After) else None
        self._watermark = Watermark(self._last_read)
        factor = context.settings.parallelization_factor
        marks = () if saved is None else saved.lanes
        # Of another factor: its lanes were others. What they finished stays finished.
        self._before = marks if len(marks) != factor else ()
        if self._before or not marks:
            marks = (Position(0),) * factor
        self._marks = marks
        self._window = None if saved is None else saved.window
        self._dispatch = Dispatch(description.shard, context, marks, self._window, now)

    # What is true of it

    @property
    def lanes(self) -> list[Lane]:
        """By number (R61)."""
        return self._dispatch.lanes

    @property
    def ended(self) -> bool:
        """Read to its end."""
        return self._dispatch.ended

    @property
    def buffered(self) -> int:
        """Records that were read and are not done."""
        return self._dispatch.buffered

    @property
    def buffered_bytes(self) -> int:
        """Their bodies' bytes."""
        return self._dispatch.buffered_bytes

    @property
    def finished(self) -> bool:
        """Read to its end, and every record of it done."""
        return self.ended and all(lane.empty for lane in self.lanes) and not self._dispatch.window_is_open

    @property
    def idle(self) -> bool:
        """Nothing is in flight whose answer counts."""
        return not any(lane.in_flight for lane in self.lanes)

    @property
    def read_position(self) -> StartAt:
        """Where the next page begins."""
        return self.start if self._last_read is None else After(self._last_read)

    def oldest_unfinished(self) -> RawRecord | None:
        open_records = [record for lane in self.lanes if (record := lane.unfinished) is not None]
        return min(open_records, key=lambda record: record.position, default=None)

    def saved(self) -> SavedShard:
        """The row that a restart would need now (R49: never past an unfinished record)."""
        shard, parents = self.description.shard, self.description.parents
        if self.finished:
            return SavedShard(shard, ShardEnd(), parents)
        done = self._watermark.done
        at = to_save(self.start) if done is None else After(done)
        lanes = self._before or (self._marks if len(self.lanes) > 1 else ())
        return SavedShard(shard, at, parents, window=self._window, lanes=lanes)

    # What it is told

    def begin(self, now: datetime) -> list[Command]:
        return self.advance(now)

    def records_read(self, records: tuple[RawRecord, ...], end: bool, now: datetime) -> list[Command]:
        """Hand a page to the lanes. Records at or below the last one are repeats of the source (S41) and are
        dropped."""
        self.reading = False
        self._restarts = 0
        commands: list[Command] = self._recovered()
        self._dispatch.page_comes(now)
        factor = len(self.lanes)
        passes = self._context.passes
        before = self._before
        last = _BELOW_ALL if self._last_read is None else self._last_read
        lanes = self.lanes
        lane = lanes[0]
        read: list[Position] = []
        filtered_out = admitted = admitted_bytes = 0
        for record in records:
            position: Position = record.position  # type: ignore[assignment] # Position(...) is a call, once a record
            if position <= last:
                continue
            last = position
            read.append(position)
            if factor > 1:
                lane = lanes[lane_of(record.key, factor)]
            if position <= lane.done or (before and position <= before[lane_of(record.key, len(before))]):
                continue  # an earlier run finished it: its lane was ahead of the others
            body = record.body
            if passes is not None and not passes(body):
                filtered_out += 1
                continue  # done, and no lane ever sees it (R78)
            admitted += 1
            admitted_bytes += lane.admit(record)
        self._watermark.read(read)
        self._last_read = last if read else self._last_read
        self._dispatch.ended = end
        self._context.counters.filtered_out += filtered_out
        self._context.counters.polled += len(records)
        self._context.counters.reads += 1
        self._dispatch.page_came(len(records), admitted, admitted_bytes, now)
        return commands + self.advance(now, pause=not records)

    def read_failed(self, reason: str, retry_after_s: float | None, now: datetime) -> list[Command]:
        """Try again later, from the same place (R52)."""
        self.reading = False
        self.failures += 1
        commands: list[Command] = []
        if self.failures == 1:
            commands.append(Tell(Notice.SOURCE_FAILED, self.description.shard, reason))
        self.last_failure = reason
        delay_s = max(backoff_s(self.failures), retry_after_s or 0.0)
        return commands + self.advance(now, delay_s=delay_s)

    def iterator_expired(self, now: datetime) -> list[Command]:
        """Read on from the last record handed on, with a new iterator (S42)."""
        self.reading = False
        self.start = resume_from(self.start, None)
        return self.advance(now, delay_s=self._restart_delay_s())

    def trimmed(self, now: datetime) -> list[Command]:
        """The stream dropped what was to be read next: go on with the oldest it has, and say so (R51, S44)."""
        self.reading = False
        lost = Tell(
            Notice.TRIMMED,
            self.description.shard,
            f"nothing behind {self._describe(self.read_position)} up to the oldest readable record can be delivered",
        )
        self.start = TrimHorizon()
        self._last_read = None
        return [lost, *self.advance(now, delay_s=self._restart_delay_s())]

    def _restart_delay_s(self) -> float:
        """A new iterator is asked for at once; where the one before gave no page either, later each time (S15)."""
        self._restarts += 1
        return backoff_s(self._restarts - 1) if self._restarts > 1 else 0.0

    def gone(self, reason: str, now: datetime) -> list[Command]:
        """The service does not know it any more: not an end like any other (S31). What was read is finished; children
        need not wait for what will never come."""
        self.reading = False
        self._dispatch.ended = True
        return [Tell(Notice.SHARD_GONE, self.description.shard, reason), *self.advance(now)]

    def invoked(self, number: int, request_id: str, outcome: Outcome, now: datetime) -> list[Command]:
        if not self._dispatch.waits_for(number, LaneState.INVOKING, request_id):
            return []
        return self._dispatch.invoked(number, outcome, now) + self.advance(now)

    def rested(self, number: int, request_id: str, now: datetime) -> list[Command]:
        if self._dispatch.waits_for(number, LaneState.RESTING, request_id):
            self._dispatch.rested(number)
        return self.advance(now)

    def letter_stored(self, number: int, request_id: str, now: datetime) -> list[Command]:
        if not self._dispatch.waits_for(number, LaneState.STORING_LETTER, request_id):
            return []
        self._dispatch.letter_stored(number)
        return self.advance(now)

    def skip(self, request: SkipRequested, now: datetime) -> list[Command]:
        """Give up what is not done up to a position; a lane that rests with it goes on at once. Raises
        ``SettingsError``."""
        self._dispatch.skip = self._meant(request)
        return self.advance(now)

    def plan_skip(self, request: SkipRequested) -> SkipPlan:
        """What ``skip`` would give up. Raises ``SettingsError`` as it would."""
        return plan(self.description.shard, self.lanes, self._meant(request))

    def _meant(self, request: SkipRequested) -> Skip:
        return asked(request, self._last_read, self._context.settings.on_failure, self._dispatch.skip)

    def drain(self) -> None:
        """Start nothing new; what is in flight still counts (R38)."""
        self.draining = True

    # What it does on its own

    def advance(self, now: datetime, *, pause: bool = False, delay_s: float = 0.0) -> list[Command]:
        """Start whatever may start: a batch in every idle lane, and the next read."""
        if self.draining:
            return []
        commands = self._dispatch.advance(now)
        if not self.reading and not self.ended and not self._dispatch.full:
            self.reading = True
            commands.append(
                ReadShard(
                    self.description.shard,
                    self.run,
                    self.read_position,
                    PAGE_RECORDS_MAX[self._kind],
                    pause_s=IDLE_PAUSE_S[self._kind] if pause else 0.0,
                    delay_s=delay_s,
                )
            )
        return commands

    def settle_watermark(self) -> bool:
        """Move the position up to the lowest unfinished record over all lanes (R65); True if something moved."""
        open_positions = [position for lane in self.lanes if (position := lane.lowest()) is not None]
        before = self._marks, self._window
        self._marks = tuple(lane.done for lane in self.lanes)
        self._window = self._dispatch.window
        moved = self._watermark.advance(min(open_positions, default=None))
        done = self._watermark.done
        if self._before and done is not None and done >= max(self._before):
            self._before = ()
        return moved or before != (self._marks, self._window)

    def wake_at(self) -> datetime | None:
        """When something happens though nothing is told."""
        return None if self.draining else self._dispatch.wake_at()

    def _recovered(self) -> list[Command]:
        if not self.failures:
            return []
        self.failures = 0
        self.last_failure = None
        return [Tell(Notice.SOURCE_RECOVERED, self.description.shard, "reading goes on where it stopped")]

    @staticmethod
    def _describe(start: StartAt) -> str:
        return str(start.position) if isinstance(start, After) else "the starting position"
