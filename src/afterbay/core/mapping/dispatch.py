"""What is done with the records of one shard: lanes, batches, deliveries, retries, letters.

Decides which batch goes next in each lane, and what an answer means for it. Which records come, and which position is
saved, is ``shard.py``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from afterbay.core.change.raw import RawRecord
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX, Batch, Why, bytes_of, describe, make_batch
from afterbay.core.mapping.commands import Command, Deliver, Notice, Rest, StoreLetter, Tell
from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.deadletter import Condition, Letter, is_bucket
from afterbay.core.mapping.lane import Lane, LaneState
from afterbay.core.mapping.outcome import Delivered, FailedFrom, FailedSome, NotReached, Outcome, ResponseContext
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.retry import Again, Done, GiveUp, Replace, decide, expired_prefix, pipe_backoff_s
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.skip import Skip
from afterbay.core.mapping.warnings import Warnings
from afterbay.core.mapping.window import Tumbling, WindowCall, event_of
from afterbay.core.shard.position import Position, ShardId

__all__ = ["Dispatch", "ShardContext"]

BUFFER_RECORDS_MIN = 10_000
BUFFER_BYTES_MIN = 32 * 1024 * 1024
"""How much a shard reads ahead at most, unless its lanes need more for two full batches each. A page may exceed it
once."""


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


class Dispatch:
    """The lanes of one shard and the batches in them. Every method that is told something returns the commands that
    follow from it; ``advance`` starts what may start then.

    ``marks``: up to where each lane is done; ``window``: the tumbling window that was open, as it was saved. ``ended``:
    nothing comes any more, so nothing waits for more. ``skip``: what an operator gives up. ``buffered`` counts the
    records in the lanes, ``buffered_bytes`` their bodies' bytes.
    """

    def __init__(
        self, shard: ShardId, context: ShardContext, marks: Sequence[Position], window: bytes | None, now: datetime
    ) -> None:
        settings = context.settings
        self.ended = False
        self.skip: Skip | None = None
        self.buffered = 0
        self.buffered_bytes = 0
        self._shard = shard
        self._context = context
        self._warnings = Warnings()
        window_ends = now + timedelta(seconds=settings.batching_window_s)
        self.lanes = [Lane(window_ends, done) for done in marks]
        self._tumbling = self._windows(window, now)
        self._records_max = max(BUFFER_RECORDS_MIN, 2 * settings.batch_size * len(marks))
        self._bytes_max = max(BUFFER_BYTES_MIN, 12 * 1024 * 1024 * len(marks))

    def _windows(self, window: bytes | None, now: datetime) -> Tumbling | None:
        """What keeps the tumbling windows; also where they were switched off and one is still open."""
        settings = self._context.settings
        if not settings.tumbling_window_s and window is None:
            return None
        return Tumbling(self._shard, settings.event_source_arn, settings.tumbling_window_s, window, now.timestamp())

    # What is true of it

    @property
    def full(self) -> bool:
        """True when no more should be read ahead."""
        return self.buffered >= self._records_max or self.buffered_bytes >= self._bytes_max

    @property
    def window_is_open(self) -> bool:
        return self._tumbling is not None and self._tumbling.window is not None

    @property
    def window(self) -> bytes | None:
        """The open tumbling window as it is to be saved (R124)."""
        return None if self._tumbling is None else self._tumbling.saved()

    def wake_at(self) -> datetime | None:
        """When the first batching window with something in it is over, or an idle tumbling window closes."""
        ends: list[datetime] = []
        if self._context.settings.batching_window_s:
            may = self.lanes[:1] if self.window_is_open else self.lanes  # the others wait for the first (_close_batch)
            ends += [lane.window_ends for lane in may if lane.state is LaneState.IDLE and lane.waiting]
        if self._tumbling is not None and self.lanes[0].empty:
            idle_s = self._tumbling.idle_close_s()
            if idle_s is not None:
                ends.append(datetime.fromtimestamp(idle_s, UTC))
        return min(ends, default=None)

    # What it is told

    def page_comes(self, now: datetime) -> None:
        """What comes now comes in the window under way, however long nothing was read (R55)."""
        window_s = self._context.settings.batching_window_s
        if window_s:
            for lane in self.lanes:
                if lane.empty:
                    lane.next_window(now, window_s)

    def page_came(self, read: int, admitted: int, admitted_bytes: int, now: datetime) -> None:
        """A page of ``read`` records is over; so many of them wait in the lanes now."""
        self.buffered += admitted
        self.buffered_bytes += admitted_bytes
        if self._tumbling is not None:
            self._tumbling.heard(read, now.timestamp())

    def waits_for(self, number: int, state: LaneState, request_id: str) -> bool:
        """False for an answer to a shard of this name that was withdrawn: it is offered again, and asks anew."""
        lane = self.lanes[number]
        return lane.state is state and lane.batches[-1].request_id == request_id

    def invoked(self, number: int, outcome: Outcome, now: datetime) -> list[Command]:
        lane = self.lanes[number]
        batch = lane.batches[-1]
        self._count(batch, outcome)
        lane.state = LaneState.IDLE
        lane.window_ends = now + timedelta(seconds=self._context.settings.batching_window_s)
        commands: list[Command] = [*self._warnings.tell(outcome, self._shard, now)]
        decision = decide(batch, outcome, self._context.settings, self._shard, self._context.ids)
        achieved = isinstance(decision, Done) or (isinstance(decision, Replace) and not decision.split)
        lane.failures = 0 if achieved else lane.failures + 1
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
                    commands.append(Tell(Notice.BISECTED, self._shard, str(batch)))
            case Again(delay_s=delay_s):
                commands += self._rest(lane, number, batch, delay_s, _advice_s(outcome))
            case GiveUp(response=response):
                count = len(batch.records)
                commands += self._discard(lane, number, count, Condition.RETRY_ATTEMPTS_EXHAUSTED, response)
        return commands

    def rested(self, number: int) -> None:
        self.lanes[number].state = LaneState.IDLE
        self._context.counters.retries += 1

    def letter_stored(self, number: int) -> None:
        lane = self.lanes[number]
        lane.state = LaneState.IDLE
        self._context.counters.letters += 1
        self._context.counters.lettered += lane.discarding
        self._done(lane, lane.discarding)

    # What it does on its own

    def advance(self, now: datetime) -> list[Command]:
        """Start a batch in every idle lane that has one."""
        commands: list[Command] = []
        for number, lane in enumerate(self.lanes):
            if self.skip is not None and self.skip.ends_the_rest_of(lane, self._tumbling):
                lane.state = LaneState.IDLE
            if lane.state is LaneState.IDLE:
                commands += self._next_in_lane(lane, number, now)
        return commands

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
        if self.window_is_open and lane is not self.lanes[0]:
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
        skipped = 0 if self.skip is None else self.skip.waiting(lane)
        hold = settings.batching_window_s and now < lane.window_ends and not skipped
        full = lane.full(settings.batch_size, PAYLOAD_BYTES_MAX - told_bytes)
        if hold and not (cut or full or self.ended or self.full):
            return False
        if skipped:
            count_max = min(count_max, skipped)  # a batch of its own, that is never sent
        records = lane.take(count_max, PAYLOAD_BYTES_MAX - told_bytes)
        why = self._why(lane, len(records), count_max if cut else None)
        lane.batches.append(make_batch(records, self._shard, self._context.ids, why=why))
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
        return Why.READ_AHEAD_FULL if self.full else Why.WINDOW_OVER

    def _attempt(self, lane: Lane, number: int, now: datetime) -> tuple[list[Command], bool]:
        """Deliver the batch on top, but first give up what is too old (R103). ``True``: look at the lane again."""
        settings = self._context.settings
        batch = lane.batches[-1]
        skipped = None if self.skip is None else self.skip.head(batch, self._tumbling)
        if skipped is not None:
            commands = self._discard(lane, number, skipped, Condition.SKIPPED_BY_OPERATOR, None)
            return commands, lane.state is LaneState.IDLE
        expired = expired_prefix(batch.records, settings.record_age_max_s, now.timestamp())
        if expired:
            commands = self._discard(lane, number, expired, Condition.RECORD_AGE_EXCEEDED, None)
            return commands, lane.state is LaneState.IDLE
        lost = self._lost_prefix(batch, now)
        if lost:
            return [self._lose(lane, lost)], True
        if batch.final and batch.attempts and self._final_is_too_old(now):
            commands = self._discard(lane, number, 0, Condition.RECORD_AGE_EXCEEDED, None)
            return commands, lane.state is LaneState.IDLE
        lane.state = LaneState.INVOKING
        self._context.counters.invocations += 1
        self._context.counters.invoked += len(batch.records)
        return [Deliver(self._shard, number, batch, self._call(batch))], False

    def _lost_prefix(self, batch: Batch, now: datetime) -> int:
        """How many leading records the stream does not have any more: what has failed is tried again until then, not
        longer (R85, R88). What was read in time and waited here is tried once at least."""
        tried = batch.attempts or batch.not_reached
        return expired_prefix(batch.records, self._context.retention_s, now.timestamp()) if tried else 0

    def _lose(self, lane: Lane, count: int) -> Command:
        """Records that are trimmed are passed: no letter, and no drop that anything counts (R51, R145)."""
        told = f"{describe(lane.batches[-1].records[:count])}: not done when the stream dropped them"
        self._done(lane, count)
        return Tell(Notice.TRIMMED, self._shard, told)

    def _call(self, batch: Batch) -> WindowCall | None:
        return None if self._tumbling is None else self._tumbling.call(final=batch.final)

    def _final_is_too_old(self, now: datetime) -> bool:
        """A final invocation has no record whose age could be looked at (R103): what counts is the window's end, and
        that it was tried (R130, ours)."""
        assert self._tumbling is not None and self._tumbling.window is not None
        limit_s = self._context.settings.record_age_max_s
        return limit_s is not None and now.timestamp() - self._tumbling.window.end_s >= limit_s

    def _rest(self, lane: Lane, number: int, batch: Batch, delay_s: float, advice_s: float) -> list[Command]:
        """Rules: X89 the pauses of a pipe grow until something is delivered, not with each batch anew; what the target
        asks for is no part of what the driver may shorten."""
        settings = self._context.settings
        lane.state = LaneState.RESTING
        pause = (pipe_backoff_s(lane.failures), advice_s) if settings.is_pipe else (delay_s, 0.0)
        commands: list[Command] = [Rest(self._shard, number, self._context.run, batch.request_id, *pause)]
        if batch.attempts == 1 and settings.retry_attempts_max is None and settings.record_age_max_s is None:
            commands.append(
                Tell(
                    Notice.BLOCKED,
                    self._shard,
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
    ) -> list[Command]:
        """Give up the first ``count`` records of the batch on top: by letter if there is a destination, else at
        once."""
        batch = lane.batches[-1]
        records = batch.records[:count]
        detail = f"{describe(records)}: {condition.value} after {max(1, batch.attempts)} attempt(s)"
        lane.skipping = condition is Condition.SKIPPED_BY_OPERATOR
        destination = self._context.settings.on_failure
        if lane.skipping and self.skip is not None:
            destination = self.skip.destination
        if destination is None:
            self._context.counters.dropped += count
            self._done(lane, count)
            return [Tell(Notice.DROPPED, self._shard, detail)]
        call = self._call(batch)
        lane.state = LaneState.STORING_LETTER
        lane.discarding = count
        letter = Letter(
            mapping=self._context.mapping,
            shard=self._shard,
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
            StoreLetter(self._shard, number, letter),
            Tell(Notice.DISCARDED, self._shard, detail),
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
                    self._shard,
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


def _advice_s(outcome: Outcome) -> float:
    """How long what was called asks to be left alone."""
    missed = outcome.not_reached if isinstance(outcome, FailedSome) else outcome
    return (missed.retry_after_s or 0.0) if isinstance(missed, NotReached) else 0.0


def _state_of(outcome: Outcome) -> bytes | None:
    return outcome.state if isinstance(outcome, Delivered | FailedFrom) else None
