"""The machine of one shard being read: pages in, deliveries and positions out.

Decides what to read, what to deliver and what is done. When a shard may start, and when its position is saved, is the
mapping's (``machine.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX, Batch, Why, bytes_of, describe, make_batch
from afterbay.core.mapping.checkpoint import SavedShard, Watermark
from afterbay.core.mapping.commands import Command, Deliver, Notice, ReadShard, Rest, StoreLetter, Tell
from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.deadletter import Condition, Letter, is_bucket
from afterbay.core.mapping.events import SkipRequested
from afterbay.core.mapping.lane import Lane, LaneState, lane_of
from afterbay.core.mapping.outcome import Delivered, FailedFrom, NotReached, Outcome, ResponseContext
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.retry import Again, Done, GiveUp, Replace, backoff_s, decide, expired_prefix
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.skip import Skip, SkipPlan, asked, plan
from afterbay.core.mapping.warnings import Warnings
from afterbay.core.mapping.window import Tumbling, WindowCall, event_of
from afterbay.core.shard.iterator import resume_from, to_save
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, Position, ShardEnd, StartAt, TrimHorizon

__all__ = ["Shard", "ShardContext"]

PAGE_RECORDS_MAX = {SourceKind.TABLE: 1_000, SourceKind.KINESIS: 10_000}
"""The most that one GetRecords gives (S12; Kinesis' model)."""

IDLE_PAUSE_S = {SourceKind.TABLE: 0.25, SourceKind.KINESIS: 1.0}
"""Four reads a second from an idle shard, one from Kinesis (R53)."""

BUFFER_RECORDS_MIN = 10_000
BUFFER_BYTES_MIN = 32 * 1024 * 1024
"""How much a shard reads ahead at most, unless its lanes need more for two full batches each. A page may exceed it
once."""

_BELOW_ALL = Position(-1)


@dataclass(frozen=True, slots=True)
class ShardContext:
    """What every shard of a mapping shares. ``passes`` judges a record's body (None: no filters); ``run`` counts the
    shards that the mapping has read, to tell late answers apart. ``keeps_bodies``: a letter carries what the function
    got, wherever it goes (E18). ``retention_s``: how long the stream keeps a record; None: not known."""

    mapping: str
    settings: MappingSettings
    passes: Callable[[bytes], bool] | None
    ids: RequestIds
    counters: Counters
    run: int
    keeps_bodies: bool = False
    retention_s: float | None = None


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
        settings = context.settings
        self.description = description
        self.start = start
        self.ended = False
        self.reading = False
        self.draining = False
        self.failures = 0
        self.last_failure: str | None = None
        self.last_read_at: datetime | None = None
        self.run = context.run
        self._context = context
        self._kind = settings.kind
        self._warnings = Warnings()
        self._last_read: Position | None = start.position if isinstance(start, After) else None
        self._watermark = Watermark(self._last_read)
        window_ends = now + timedelta(seconds=settings.batching_window_s)
        factor = settings.parallelization_factor
        marks = () if saved is None else saved.lanes
        # Of another factor: its lanes were others. What they finished stays finished.
        self._before = marks if len(marks) != factor else ()
        if self._before or not marks:
            marks = (Position(0),) * factor
        self.lanes = [Lane(window_ends, done) for done in marks]
        self._marks = marks
        self._window = None if saved is None else saved.window
        self._tumbling = self._windows(now)
        self._skip: Skip | None = None
        self.buffered = 0
        self.buffered_bytes = 0
        self._records_max = max(BUFFER_RECORDS_MIN, 2 * settings.batch_size * factor)
        self._bytes_max = max(BUFFER_BYTES_MIN, 12 * 1024 * 1024 * factor)

    def _windows(self, now: datetime) -> Tumbling | None:
        """What keeps the tumbling windows; also where they were switched off and one is still open."""
        settings = self._context.settings
        if not settings.tumbling_window_s and self._window is None:
            return None
        return Tumbling(
            self.description.shard,
            settings.event_source_arn,
            settings.tumbling_window_s,
            self._window,
            now.timestamp(),
        )

    # What is true of it

    @property
    def finished(self) -> bool:
        """Read to its end, and every record of it done."""
        return self.ended and all(lane.empty for lane in self.lanes) and not self._window_is_open

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
        self.last_read_at = now
        commands: list[Command] = self._recovered()
        self._next_windows(now)
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
        self.ended = end
        self.buffered += admitted
        self.buffered_bytes += admitted_bytes
        self._context.counters.filtered_out += filtered_out
        self._context.counters.polled += len(records)
        self._context.counters.reads += 1
        if self._tumbling is not None:
            self._tumbling.heard(len(records), now.timestamp())
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
        return self.advance(now)

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
        return [lost, *self.advance(now)]

    def invoked(self, number: int, request_id: str, outcome: Outcome, now: datetime) -> list[Command]:
        lane = self.lanes[number]
        if not self._waits_for(lane, LaneState.INVOKING, request_id):
            return []
        batch = lane.batches[-1]
        self._count(batch, outcome)
        lane.state = LaneState.IDLE
        lane.window_ends = now + timedelta(seconds=self._context.settings.batching_window_s)
        commands: list[Command] = [*self._warnings.tell(outcome, self.description.shard, now)]
        decision = decide(batch, outcome, self._context.settings, self.description.shard, self._context.ids)
        match decision:
            case Done():
                self._done(lane, len(batch.records), _state_of(outcome))
            case Replace(batches=batches, split=split):
                lane.batches.pop()
                lane.batches.extend(reversed(batches))
                kept = {record.position for part in batches for record in part.records}
                acknowledged = [record for record in batch.records if record.position not in kept]
                self._acknowledge(lane, acknowledged, _state_of(outcome))
                self._context.counters.delivered += len(acknowledged)
                if split:
                    self._context.counters.bisects += 1
                    commands.append(self._tell_split(batch))
            case Again(delay_s=delay_s):
                commands += self._rest(lane, number, batch, delay_s)
            case GiveUp(response=response):
                commands += self._discard(
                    lane, number, len(batch.records), Condition.RETRY_ATTEMPTS_EXHAUSTED, response, now
                )
        return commands + self.advance(now)

    def rested(self, number: int, request_id: str, now: datetime) -> list[Command]:
        lane = self.lanes[number]
        if self._waits_for(lane, LaneState.RESTING, request_id):
            lane.state = LaneState.IDLE
            self._context.counters.retries += 1
        return self.advance(now)

    def letter_stored(self, number: int, request_id: str, now: datetime) -> list[Command]:
        lane = self.lanes[number]
        if not self._waits_for(lane, LaneState.STORING_LETTER, request_id):
            return []
        lane.state = LaneState.IDLE
        self._context.counters.letters += 1
        self._context.counters.lettered += lane.discarding
        self._done(lane, lane.discarding)
        return self.advance(now)

    @staticmethod
    def _waits_for(lane: Lane, state: LaneState, request_id: str) -> bool:
        """False for an answer to a shard of this name that was withdrawn: it is offered again, and asks anew."""
        return lane.state is state and lane.batches[-1].request_id == request_id

    def skip(self, request: SkipRequested, now: datetime) -> list[Command]:
        """Give up what is not done up to a position; a lane that rests with it goes on at once. Raises
        ``SettingsError``."""
        self._skip = self._meant(request)
        return self.advance(now)

    def plan_skip(self, request: SkipRequested) -> SkipPlan:
        """What ``skip`` would give up. Raises ``SettingsError`` as it would."""
        return plan(self.description.shard, self.lanes, self._meant(request))

    def _meant(self, request: SkipRequested) -> Skip:
        return asked(request, self._last_read, self._context.settings.on_failure, self._skip)

    def drain(self) -> None:
        """Start nothing new; what is in flight still counts (R38)."""
        self.draining = True

    def _next_windows(self, now: datetime) -> None:
        """What comes now comes in the window under way, however long nothing was read (R55)."""
        window_s = self._context.settings.batching_window_s
        if window_s:
            for lane in self.lanes:
                if lane.empty:
                    lane.next_window(now, window_s)

    # What it does on its own

    def advance(self, now: datetime, *, pause: bool = False, delay_s: float = 0.0) -> list[Command]:
        """Start whatever may start: a batch in every idle lane, and the next read."""
        if self.draining:
            return []
        commands: list[Command] = []
        for number, lane in enumerate(self.lanes):
            if self._skip is not None and self._skip.ends_the_rest_of(lane, self._tumbling):
                lane.state = LaneState.IDLE
            if lane.state is LaneState.IDLE:
                commands += self._next_in_lane(lane, number, now)
        if not self.reading and not self.ended and not self._full:
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
        self._window = None if self._tumbling is None else self._tumbling.saved()
        moved = self._watermark.advance(min(open_positions, default=None))
        done = self._watermark.done
        if self._before and done is not None and done >= max(self._before):
            self._before = ()
        return moved or before != (self._marks, self._window)

    def wake_at(self) -> datetime | None:
        """When the first batching window with something in it is over, or an idle tumbling window closes."""
        if self.draining:
            return None
        ends: list[datetime] = []
        if self._context.settings.batching_window_s:
            may = self.lanes[:1] if self._window_is_open else self.lanes  # the others wait for the first (_close_batch)
            ends += [lane.window_ends for lane in may if lane.state is LaneState.IDLE and lane.waiting]
        if self._tumbling is not None and self.lanes[0].empty:
            idle_s = self._tumbling.idle_close_s()
            if idle_s is not None:
                ends.append(datetime.fromtimestamp(idle_s, UTC))
        return min(ends, default=None)

    @property
    def _window_is_open(self) -> bool:
        return self._tumbling is not None and self._tumbling.window is not None

    @property
    def _full(self) -> bool:
        return self.buffered >= self._records_max or self.buffered_bytes >= self._bytes_max

    def _next_in_lane(self, lane: Lane, number: int, now: datetime) -> list[Command]:
        commands: list[Command] = []
        while lane.batches or self._close_batch(lane, now):
            following, again = self._attempt(lane, number, now)
            commands += following
            if not again:
                break
        return commands

    def _close_batch(self, lane: Lane, now: datetime) -> bool:
        """Make a batch if one is due: full, or its window over, or nothing more can join it (R54, R55)."""
        settings = self._context.settings
        count_max, cut, told_bytes = settings.batch_size, False, 0
        if self._window_is_open and lane is not self.lanes[0]:
            return False  # windows were switched off, and lanes added: the first one closes what is still open
        if self._tumbling is not None:
            following = lane.waiting[0] if lane.waiting else None
            if self._tumbling.closes(following, ended=self.ended, now_s=now.timestamp()):
                lane.batches.append(self._tumbling.final_batch(self._context.ids))
                return True
            if following is not None:
                count_max, cut = self._tumbling.admit(lane.waiting, settings.batch_size)
                told_bytes = self._tumbling.told_bytes()
        if not lane.waiting:
            return False
        skipped = 0 if self._skip is None else self._skip.waiting(lane)
        hold = settings.batching_window_s and now < lane.window_ends and not skipped
        full = lane.full(settings.batch_size, PAYLOAD_BYTES_MAX - told_bytes)
        if hold and not (cut or full or self.ended or self._full):
            return False
        if skipped:
            count_max = min(count_max, skipped)  # a batch of its own, that is never sent
        records = lane.take(count_max, PAYLOAD_BYTES_MAX - told_bytes)
        why = self._why(lane, len(records), count_max if cut else None)
        lane.batches.append(make_batch(records, self.description.shard, self._context.ids, why=why))
        return True

    def _why(self, lane: Lane, taken: int, upto_window_end: int | None) -> Why:
        """``upto_window_end``: so many records are in the tumbling window that the next one is behind."""
        settings = self._context.settings
        if taken == settings.batch_size:
            return Why.FULL
        if taken == upto_window_end:
            return Why.TUMBLING
        if lane.waiting:
            return Why.BYTES
        if not settings.batching_window_s:
            return Why.NO_WINDOW
        if self.ended:
            return Why.SHARD_ENDED
        return Why.READ_AHEAD_FULL if self._full else Why.WINDOW_OVER

    def _attempt(self, lane: Lane, number: int, now: datetime) -> tuple[list[Command], bool]:
        """Deliver the batch on top, but first give up what is too old (R103). ``True``: look at the lane again."""
        settings = self._context.settings
        batch = lane.batches[-1]
        skipped = None if self._skip is None else self._skip.head(batch, self._tumbling)
        if skipped is not None:
            commands = self._discard(lane, number, skipped, Condition.SKIPPED_BY_OPERATOR, None, now)
            return commands, lane.state is LaneState.IDLE
        expired = expired_prefix(batch.records, settings.record_age_max_s, now.timestamp())
        if expired:
            commands = self._discard(lane, number, expired, Condition.RECORD_AGE_EXCEEDED, None, now)
            return commands, lane.state is LaneState.IDLE
        lost = self._lost_prefix(batch, now)
        if lost:
            return [self._lose(lane, lost)], True
        if batch.final and batch.attempts and self._final_is_too_old(now):
            commands = self._discard(lane, number, 0, Condition.RECORD_AGE_EXCEEDED, None, now)
            return commands, lane.state is LaneState.IDLE
        lane.state = LaneState.INVOKING
        self._context.counters.invocations += 1
        self._context.counters.invoked += len(batch.records)
        return [Deliver(self.description.shard, number, batch, self._call(batch))], False

    def _lost_prefix(self, batch: Batch, now: datetime) -> int:
        """How many leading records the stream does not have any more: what has failed is tried again until then, not
        longer (R85, R88). What was read in time and waited here is tried once at least."""
        tried = batch.attempts or batch.not_reached
        return expired_prefix(batch.records, self._context.retention_s, now.timestamp()) if tried else 0

    def _lose(self, lane: Lane, count: int) -> Command:
        """Records that are trimmed are passed: no letter, and no drop that anything counts (R51, R145)."""
        told = f"{describe(lane.batches[-1].records[:count])}: not done when the stream dropped them"
        self._done(lane, count)
        return Tell(Notice.TRIMMED, self.description.shard, told)

    def _call(self, batch: Batch) -> WindowCall | None:
        return None if self._tumbling is None else self._tumbling.call(final=batch.final)

    def _final_is_too_old(self, now: datetime) -> bool:
        """A final invocation has no record whose age could be looked at (R103): what counts is the window's end, and
        that it was tried (R130, ours)."""
        assert self._tumbling is not None and self._tumbling.window is not None
        limit_s = self._context.settings.record_age_max_s
        return limit_s is not None and now.timestamp() - self._tumbling.window.end_s >= limit_s

    def _rest(self, lane: Lane, number: int, batch: Batch, delay_s: float) -> list[Command]:
        settings = self._context.settings
        lane.state = LaneState.RESTING
        commands: list[Command] = [Rest(self.description.shard, number, self.run, batch.request_id, delay_s)]
        if batch.attempts == 1 and settings.retry_attempts_max is None and settings.record_age_max_s is None:
            commands.append(
                Tell(
                    Notice.BLOCKED,
                    self.description.shard,
                    f"{batch} failed and will be retried until the stream trims it: "
                    "set MaximumRetryAttempts or MaximumRecordAgeInSeconds, and a destination",
                )
            )
        return commands

    def _discard(
        self,
        lane: Lane,
        number: int,
        count: int,
        condition: Condition,
        response: ResponseContext | None,
        now: datetime,
    ) -> list[Command]:
        """Give up the first ``count`` records of the batch on top: by letter if there is a destination, else at
        once."""
        batch = lane.batches[-1]
        records = batch.records[:count]
        detail = f"{describe(records)}: {condition.value} after {max(1, batch.attempts)} attempt(s)"
        lane.skipping = condition is Condition.SKIPPED_BY_OPERATOR
        destination = self._context.settings.on_failure
        if lane.skipping and self._skip is not None:
            destination = self._skip.destination
        if destination is None:
            self._context.counters.dropped += count
            self._done(lane, count)
            return [Tell(Notice.DROPPED, self.description.shard, detail)]
        call = self._call(batch)
        lane.state = LaneState.STORING_LETTER
        lane.discarding = count
        letter = Letter(
            mapping=self._context.mapping,
            shard=self.description.shard,
            request_id=batch.request_id,
            destination=destination,
            function_arn=self._context.settings.function_arn,
            stream_arn=self._context.settings.event_source_arn,
            condition=condition,
            invoke_count=max(1, batch.attempts),
            first=Position(records[0].position) if records else Position(0),
            last=Position(records[-1].position) if records else Position(0),
            first_created_s=records[0].created_s if records else 0.0,
            last_created_s=records[-1].created_s if records else 0.0,
            count=count,
            response=response,
            event=event_of(records, call) if self._context.keeps_bodies or is_bucket(destination) else b"",
            window=call,
        )
        return [
            StoreLetter(self.description.shard, number, letter),
            Tell(Notice.DISCARDED, self.description.shard, detail),
        ]

    def _done(self, lane: Lane, count: int, state: bytes | None = None) -> None:
        """The first ``count`` records of the batch on top are done. A remainder is a new batch: its letter, if it ever
        needs one, must not be taken for the first one's; its attempts stay, since nothing was achieved, unless what
        failed was skipped: what is left may be blameless."""
        batch = lane.batches.pop()
        if batch.final and self._tumbling is not None:
            self._tumbling.close()
        rest = batch.records[count:]
        if rest:
            lane.batches.append(
                make_batch(
                    rest,
                    self.description.shard,
                    self._context.ids,
                    generation=batch.generation,
                    attempts=0 if lane.skipping else batch.attempts,
                )
            )
        self._acknowledge(lane, batch.records[:count], state)
        lane.discarding = 0
        lane.skipping = False

    def _acknowledge(self, lane: Lane, records: Sequence[RawRecord], state: bytes | None) -> None:
        """These are done; ``state`` is what the function returned for their window, if it did (R124)."""
        lane.acknowledge(records)
        if records and self._tumbling is not None and self._tumbling.window is not None:
            self._tumbling.took(state, records[-1].position)
        self.buffered -= len(records)
        self.buffered_bytes -= bytes_of(records)

    def _count(self, batch: Batch, outcome: Outcome) -> None:
        counters = self._context.counters
        match outcome:
            case Delivered():
                counters.delivered += len(batch.records)
            case NotReached():
                counters.not_reached += 1
                counters.failed_invoke += len(batch.records)
            case _:
                counters.errors += 1
                counters.failed_invoke += len(batch.records)

    def _recovered(self) -> list[Command]:
        if not self.failures:
            return []
        self.failures = 0
        self.last_failure = None
        return [Tell(Notice.SOURCE_RECOVERED, self.description.shard, "reading goes on where it stopped")]

    def _tell_split(self, batch: Batch) -> Command:
        return Tell(Notice.BISECTED, self.description.shard, str(batch))

    @staticmethod
    def _describe(start: StartAt) -> str:
        return str(start.position) if isinstance(start, After) else "the starting position"


def _state_of(outcome: Outcome) -> bytes | None:
    return outcome.state if isinstance(outcome, Delivered | FailedFrom) else None
