"""What must hold at every step: section 17 of the mapping spec, and the effectively-once end (E5, E6).

Told every event and command. Knows what ought to happen from ``lanes.py`` and from what the function really did, never
from the core.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import Command, Deliver, Notice, ReadShard, SavePositions, StoreLetter, Tell
from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.mapping.events import RecordsRead, SkipRequested
from afterbay.core.mapping.lane import lane_of
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.mapping.skip import SkipPlan
from afterbay.core.shard.position import After, ShardEnd, ShardId
from afterbay.simulator.discards import check_discard
from afterbay.simulator.handler import Done, Meaning
from afterbay.simulator.lanes import ExpectedLane, Part, listed
from afterbay.simulator.letters import LetterName, named
from afterbay.simulator.positions import SavedPositions, saves
from afterbay.simulator.record import State, Written
from afterbay.simulator.source import SimulatedStream
from afterbay.simulator.violation import Watch
from afterbay.simulator.windows import ExpectedWindows
from afterbay.simulator.world import US

__all__ = ["Invariants"]

_DROPPED = re.compile(r"(\d+) record\(s\) from (\d+) to (\d+): (\w+) after")
BACKOFF_US_MIN = int(0.25 * 0.75 * US)
"""250 ms less a quarter of jitter (R91)."""

TOTALS = ("polled", "filtered_out", "delivered", "dropped", "letters", "lettered", "invoked")

_totals = attrgetter(*TOTALS)


class Invariants:
    """One per world; it outlives crashes. ``positioned``: records that are written from now on are owed."""

    def __init__(self, watch: Watch, stream: SimulatedStream, settings: MappingSettings) -> None:
        self.settings = settings
        self.positions = SavedPositions(watch, stream)
        self._watch, self._stream = watch, stream
        self._windows = ExpectedWindows(watch)
        self._lanes: dict[ShardId, list[ExpectedLane]] = {}
        self._last_seen: dict[ShardId, int] = {}
        self._ended: set[ShardId] = set()
        self._lane_marks: dict[ShardId, tuple[int, ...]] = {}
        self._ids: dict[str, tuple[str, int, int, int]] = {}
        self._runs: dict[ShardId, int] = {}
        self._skipped: dict[ShardId, int] = {}
        self.letters: dict[LetterName, Letter] = {}
        self.positioned = settings.starting_position is StartingPosition.TRIM_HORIZON
        self.expected = Counters()

    # A process starts or dies

    def process_started(self) -> None:
        self.expected = Counters()
        self._windows.process_started()
        self._runs.clear()
        self._lanes.clear()
        self._skipped.clear()

    def run_begins(self, settings: MappingSettings, rows: Sequence[SavedShard]) -> None:
        """Only what is saved is known now: all else may come again, and nothing of it may be missed (R50)."""
        if settings.parallelization_factor != self.settings.parallelization_factor:
            self._watch.met("R66 another factor, lanes drained")
        self.settings = settings
        self._lanes.clear()
        self._skipped.clear()
        self._last_seen.clear()
        self._ended.clear()
        self.positions.run_begins()
        self._windows.run_begins(rows, self._stream.gone)
        self._lane_marks = {row.shard: row.lanes for row in rows if row.lanes}
        known = {row.shard: row for row in rows}
        for shard, written in self._stream.by_shard.items():
            row = known.get(shard)
            marks = self._lane_marks.get(shard)
            for record in written:
                record.seen = False
                record.saved = row is not None and saves(row, record, marks)
                if not record.saved:
                    record.forgotten = True
                    exempt = record.trimmed or record.optional
                    record.state = State.EXEMPT if exempt else State.OPEN

    def stops_reading(self) -> None:
        """The mapping drains: what is read from here on is nobody's."""
        self._runs.clear()

    # What is read

    def wrote(self, records: Sequence[Written]) -> None:
        for record in records:
            if not self.positioned:
                record.optional = True
                record.state = State.EXEMPT
            elif record.trimmed:
                record.state = State.EXEMPT

    def trimmed(self, records: Sequence[Written]) -> None:
        """The stream has these no more; what was read of them is still owed."""
        for record in records:
            if record.trimmed and not record.seen and record.state is State.OPEN:
                record.state = State.EXEMPT

    def read(self, event: RecordsRead, now_us: int) -> None:
        """Records join their lanes (R62, R78); repeats and what is saved already do not."""
        if event.run != self._runs.get(event.shard) or event.shard not in self._lanes:
            return
        shard, lanes = event.shard, self._lanes[event.shard]
        self.expected.polled += len(event.records)
        last = self._last_seen.get(shard, 0)
        for raw in event.records:
            if raw.position <= last:
                continue
            last = raw.position
            record = self._stream.records[raw.position]
            record.seen = True
            record.seen_us = now_us
            if record.saved and self._past_lane(record):
                self._watch.met("R65 a lane ahead of the others repeats nothing")
                continue
            if not record.passes:
                record.state = State.FILTERED
                self._watch.met("R78 filtered before batching")
                self.expected.filtered_out += 1
                continue
            if record.saved:
                self._watch.fail("a restart resumes behind its checkpoint (R49)", f"{record} is read again")
            if record.state is not State.OPEN:
                record.state = State.OPEN
                self.positions.reopened(shard)
            lanes[self._lane_of(record)].waiting.append(record)
        self._last_seen[shard] = last
        if event.end:
            self._ended.add(shard)

    def shard_gone(self, shard: ShardId) -> None:
        """Nothing more is read of it (S31); what was read is owed still."""
        self._ended.add(shard)

    def _past_lane(self, record: Written) -> bool:
        """True for what an earlier run finished in a lane ahead of the others."""
        marks = self._lane_marks.get(record.shard)
        return marks is not None and record.raw.position <= marks[lane_of(record.raw.key, len(marks))]

    def _lane_of(self, record: Written) -> int:
        factor = self.settings.parallelization_factor
        return lane_of(record.raw.key, factor) if factor > 1 else 0

    # What an operator gives up

    def unfinished_in(self, shard: ShardId) -> list[Written]:
        """In the order of the shard."""
        found = [record for lane in self._lanes[shard] for record in lane.unfinished()]
        return sorted(found, key=lambda record: record.raw.position)

    def skip_asked(self, request: SkipRequested, planned: SkipPlan) -> None:
        """A plan names just what is unfinished up to there."""
        shard, through = request.shard, request.through
        self._skipped[shard] = max(through, self._skipped.get(shard, 0))
        found = [one for one in self.unfinished_in(shard) if one.raw.position <= self._skipped[shard]]
        told = (planned.records, planned.keys)
        if told != (len(found), len({one.raw.key for one in found})):
            self._watch.fail("a plan says what would be skipped", f"{planned}: {len(found)} record(s)")
        self._watch.met("a shard was unblocked by an operator")

    # What is answered

    def answered(self, shard: ShardId, number: int, done: Done, now_us: int) -> None:
        lanes = self._lanes.get(shard)
        if lanes is None:
            return
        lane = lanes[number]
        part = lane.stack[-1]
        finished = lane.heard(done, bisects=self.settings.bisect, now_us=now_us)
        for record in finished:
            record.state = State.DONE
        for record in finished[: done.worked]:
            record.honest = True
        if done.meaning is Meaning.PROGRESS:
            self._watch.met("R82 progress")
        elif lane.at_once:
            self._watch.met("R92 a failed batch was split")
        self.expected.delivered += len(finished)
        if part.records and self.settings.tumbling_window_s:
            self._windows.counted(shard, len(finished))
        elif not part.records and done.meaning is Meaning.OK:
            self._watch.met("R126 a window was closed")
            self._window_closed(shard)

    def letter_stored(self, shard: ShardId, number: int, request_id: str) -> None:
        lane = self._lanes[shard][number]
        if lane.storing != request_id:
            self._watch.fail("a letter is heard of once", f"{shard} lane {number}: {request_id}")
        lane.storing = None
        self.expected.letters += 1
        self.expected.lettered += lane.discarding
        self._given_up(shard, lane, lane.discarding)

    def _given_up(self, shard: ShardId, lane: ExpectedLane, count: int) -> None:
        final = not lane.stack[-1].records
        lane.free_us = self._watch.now_us
        for record in lane.discarded(count):
            record.state = State.DONE
        if final:
            self._watch.met("R130 a final invocation was discarded")
            self._window_closed(shard)

    def _window_closed(self, shard: ShardId) -> None:
        """Lanes that an update added while the window was open begin now."""
        self._windows.closed(shard)
        for lane in self._lanes[shard]:
            lane.free_us = self._watch.now_us

    # What is asked

    def asked(self, command: Command, now: datetime, now_us: int) -> None:
        match command:
            case Deliver():
                self._deliver(command, now, now_us)
            case SavePositions():
                self._save(command)
            case StoreLetter(shard=shard, lane=lane, letter=letter):
                self._letter(shard, lane, letter, now)
            case Tell(notice=Notice.DROPPED, shard=shard, detail=detail):
                self._dropped(shard, detail, now)
            case ReadShard():
                self._reads(command, now_us)
            case _:
                pass

    def step_over(self, counters: Counters) -> None:
        """After the commands of one event: totals agree, and what must follow at once has followed."""
        if _totals(counters) != _totals(self.expected):
            self._watch.fail(
                "the counters say what happened (R141 to R146)",
                f"{_totals(counters)} counted, {_totals(self.expected)} happened, of {', '.join(TOTALS)}",
            )

    def must_go_on(self, shard: ShardId, number: int, *, draining: bool) -> None:
        """A half or a remainder is tried in the very step in which it came to be (R91)."""
        lanes = self._lanes.get(shard)
        if lanes is None or draining:
            return
        lane = lanes[number]
        if lane.at_once and lane.stack and not lane.busy:
            self._watch.fail("a half or a remainder is tried at once (R91, R98)", f"{shard} lane {number} rests")

    def _reads(self, command: ReadShard, now_us: int) -> None:
        shard = command.shard
        self._runs[shard] = command.run
        if shard not in self._last_seen and isinstance(command.start, After):
            self._last_seen[shard] = command.start.position
        if shard not in self._lanes:
            self._begin(shard, now_us)

    def _begin(self, shard: ShardId, now_us: int) -> None:
        """A shard is read from now on: its parents are done, saved and all."""
        self._lanes[shard] = [ExpectedLane(now_us) for _ in range(self.settings.parallelization_factor)]
        parents = self._stream.parents_of(shard)
        if parents:
            self._watch.met("R48 a child started after its parent")
        for parent in parents:
            row = self.positions.rows.get(parent)
            ended = row is not None and isinstance(row.at, ShardEnd)
            owed = any(record.state is State.OPEN for record in self._stream.by_shard.get(parent, ()))
            if owed:
                self._watch.fail(
                    "a child waits for all of its parent (R48, R67)", f"{shard} starts before {parent} is done"
                )
            if not ended and parent not in self._stream.gone:
                self._watch.fail(
                    "a child waits until its parent's end is saved (R48)", f"{shard} starts, {parent} is not"
                )

    def _deliver(self, command: Deliver, now: datetime, now_us: int) -> None:
        if command.shard not in self._lanes:
            self._begin(command.shard, now_us)  # a window that is to be closed at once
        lane = self._lane(command.shard, command.lane)
        if lane.busy:
            self._watch.fail("a lane has one batch in flight (R61)", f"{command.shard} lane {command.lane}")
        positions = [record.position for record in command.batch.records]
        fresh = not lane.stack
        if fresh:
            self._close(lane, command, positions, now_us)
        part = lane.stack[-1]
        expected = [record.raw.position for record in part.records]
        if positions != expected:
            self._watch.fail(
                "batches are retried unchanged, split left first, and cut where the answer says (R69, R89, R93, R98)",
                f"{command.shard} lane {command.lane}: {listed(positions)} instead of {listed(expected)}",
            )
        if fresh or part.request_id is None:
            self._named(part, command)
        elif part.request_id != command.batch.request_id:
            self._watch.fail("attempts of one batch share a request id (R89)", f"{command.batch.request_id} is new")
        limit = self.settings.retry_attempts_max
        if limit is not None and part.attempts > limit:
            self._watch.fail(
                "at most 1 + MaximumRetryAttempts attempts (R88)", f"attempt {part.attempts + 1}, limit {limit}"
            )
        if part.failed_us is not None and now_us - part.failed_us < BACKOFF_US_MIN and part.attempts:
            self._watch.fail("a failed batch rests before it is tried again (R91)", f"{now_us - part.failed_us} us")
        if part.attempts:
            self._watch.met("R89 retried unchanged")
        if sum(one.invoking for one in self._lanes[command.shard]):
            self._watch.met("R61 lanes side by side")
        if not fresh and part.attempts == 0:
            self._watch.met("R69 a half, a remainder or what was not reached")
        if positions and positions[0] <= self._skipped.get(command.shard, 0):
            self._watch.fail("what an operator gave up is not delivered again", f"{command.shard}: {positions[0]}")
        self._in_order(part.records, now)
        if self.settings.tumbling_window_s or command.window is not None or not part.records:
            self._windows.told(
                command,
                part.records,
                self.settings.tumbling_window_s,
                closing=any(one.closing for one in self._lanes[command.shard]),
                ended=command.shard in self._ended,
            )
        lane.invoking = True
        lane.at_once = False
        self.expected.invoked += len(positions)

    def _close(self, lane: ExpectedLane, command: Deliver, positions: list[int], now_us: int) -> None:
        """A new batch: the lane's next records, as many as it may hold (R54, R55)."""
        count = len(positions)
        if count > self.settings.batch_size:
            self._watch.fail("BatchSize is a maximum (R54)", f"{count} records, BatchSize {self.settings.batch_size}")
        if not count:
            lane.stack.append(Part([]))
            return
        if count > len(lane.waiting):
            self._watch.fail("a record is delivered once per run, and none that was not read", listed(positions))
        records = lane.take(count)
        lane.stack.append(Part(records))
        window_us = self.settings.batching_window_s * US
        closed, lane.closed = lane.closed, False
        if window_us and not closed:
            self._window_kept(lane, command, records, window_us, now_us)

    def _window_kept(
        self, lane: ExpectedLane, command: Deliver, records: list[Written], window_us: int, now_us: int
    ) -> None:
        """R55: not before the window is over unless the batch is full, and no record waits longer than a window."""
        short = len(records) < self.settings.batch_size and not self.settings.tumbling_window_s
        small = sum(len(record.raw.body) for record in records) < PAYLOAD_BYTES_MAX // 2
        if short and small and command.shard not in self._ended and now_us - lane.anchor_us < window_us:
            self._watch.fail(
                "a batch waits for its window (R55)", f"sent {now_us - lane.anchor_us} us after the last one"
            )
        if short:
            self._watch.met("R55 a window was over")
        waited_us = now_us - max(records[0].seen_us, lane.anchor_us, lane.free_us)
        if waited_us > window_us + 1000:
            self._watch.fail("a record waits one batching window at most (R55)", f"{records[0]} waited {waited_us} us")

    def _named(self, part: Part, command: Deliver) -> None:
        batch = command.batch
        part.request_id = batch.request_id
        first, last = (batch.records[0].position, batch.records[-1].position) if batch.records else (0, 0)
        content = (command.shard, first, last, len(batch.records))
        if self._ids.setdefault(batch.request_id, content) != content:
            self._watch.fail("two batches never share a request id (R89, R93)", batch.request_id)

    def _in_order(self, records: list[Written], now: datetime) -> None:
        """Per item in the order of the stream; nothing that is done, filtered out or too old."""
        limit_s = self.settings.record_age_max_s
        if limit_s is not None and records and now.timestamp() - records[0].raw.created_s >= limit_s:
            self._watch.fail("what is too old is discarded, not delivered (R103)", f"{records[0]}")
        inside = {id(record) for record in records}
        for record in records:
            if record.invoked and record.forgotten:
                self._watch.met("R50 delivered again by another run")
                record.forgotten = False
            record.invoked += 1
            if record.state is not State.OPEN or not record.passes:
                self._watch.fail("a record is delivered while it is unfinished", f"{record}")
            before = record.before
            if before is not None and before.state is State.OPEN and id(before) not in inside:
                self._watch.fail("per item, in order (R62, R68)", f"{record} starts before {before} is finished")

    # Discards

    def _letter(self, shard: ShardId, number: int, letter: Letter, now: datetime) -> None:
        lane = self._lane(shard, number)
        part = self._discard(lane, shard, letter.count, letter.first, letter.last, letter.condition, now)
        if letter.invoke_count != max(1, part.attempts):
            self._watch.fail(
                "a letter counts this batch's attempts (R90, R110)", f"{letter.invoke_count}, {part.attempts}"
            )
        told = letter.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED and part.responds
        if (letter.response is not None) != told:
            self._watch.fail("responseContext is there for failed answers only (R111)", f"{letter.condition.value}")
        whole = letter.count == len(part.records)
        if whole and part.request_id is not None and part.request_id != letter.request_id:
            self._watch.fail("a letter has its batch's request id (R110)", letter.request_id)
        lane.storing = letter.request_id
        lane.discarding = letter.count

    def letter_is_durable(self, letter: Letter) -> None:
        """A letter survived its storing. Stored twice, with one request id and the same records, it is one letter."""
        self.letters[named(letter)] = letter
        for record in self._between(letter.shard, letter.first, letter.last):
            record.in_letter = True

    def _between(self, shard: ShardId, first: int, last: int) -> list[Written]:
        return [one for one in self._stream.by_shard.get(shard, ()) if first <= one.raw.position <= last]

    def _dropped(self, shard: ShardId | None, detail: str, now: datetime) -> None:
        assert shard is not None
        if detail.startswith("the final invocation"):
            lane = self._lane(shard, 0)
            self._discard(lane, shard, 0, 0, 0, Condition(detail.split(": ")[1].split(" ")[0]), now)
            self._given_up(shard, lane, 0)
            return
        found = _DROPPED.match(detail)
        if found is None:
            self._watch.fail("a drop says which records", detail)
        count, first, last = int(found[1]), int(found[2]), int(found[3])
        lane = self._lane(shard, self._lane_of(self._stream.records[first]))
        self._discard(lane, shard, count, first, last, Condition(found[4]), now)
        self.expected.dropped += count
        self._given_up(shard, lane, count)

    def _discard(
        self,
        lane: ExpectedLane,
        shard: ShardId,
        count: int,
        first: int,
        last: int,
        condition: Condition,
        now: datetime,
    ) -> Part:
        """The batch whose first records are given up; a limit must say so."""
        if lane.busy:
            self._watch.fail("a lane discards while nothing is in flight", f"{shard}")
        if not lane.stack:
            if condition is Condition.RETRY_ATTEMPTS_EXHAUSTED or count > len(lane.waiting):
                self._watch.fail("what is discarded was read and tried (R109)", f"{count} from {first} to {last}")
            lane.stack.append(Part(lane.take(count)))
            lane.closed = condition is not Condition.SKIPPED_BY_OPERATOR
        part = lane.stack[-1]
        skipped = self._skipped.get(shard, 0)
        check_discard(self._watch, part, count, first, last, condition, self.settings, now, skipped=skipped)
        lane.skipping = condition is Condition.SKIPPED_BY_OPERATOR
        self._windows.discarded(shard)
        return part

    def _lane(self, shard: ShardId, number: int) -> ExpectedLane:
        lanes = self._lanes.get(shard)
        if lanes is None:
            self._watch.fail("only a shard that is read is delivered", f"{shard}")
        return lanes[number]

    # Positions

    def _save(self, command: SavePositions) -> None:
        self.positions.issued(command, self._lanes)
        self._windows.save_issued(command.shards)

    def saved(self, command: SavePositions) -> None:
        """The rows would survive a crash from here on."""
        self.positions.durable(command)
        self._windows.save_is_durable()
        if not self.positioned and self.positions.positioned:
            self.positioned = True
            self._watch.met("R46 LATEST was fixed")

    def at_rest(self) -> bool:
        """True when nothing that is owed is left."""
        left = any(not lane.empty for lanes in self._lanes.values() for lane in lanes)
        return not left and self.positions.unfinished() is None and self.open_window() is None

    def open_window(self) -> ShardId | None:
        """A window that is still to be closed. One of a shard that was gone before anybody read on in it never is."""
        lost = self._stream.gone - self._lanes.keys()
        return next((shard for shard in self._windows.open_ones() if shard not in lost), None)
