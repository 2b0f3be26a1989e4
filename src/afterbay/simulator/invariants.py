"""What must hold at every step: section 17 of the mapping spec, and the effectively-once end (E5, E6).

Told every event and command. Knows what ought to happen from ``lanes.py`` and from what the function really did, never
from the core.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NoReturn

from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import Command, Deliver, Notice, ReadShard, SavePositions, StoreLetter, Tell
from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.mapping.events import RecordsRead
from afterbay.core.mapping.lane import lane_of
from afterbay.core.mapping.lineup import POSITIONED
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.shard.position import After, AtTime, ShardEnd, ShardId, TrimHorizon
from afterbay.simulator.coverage import Coverage
from afterbay.simulator.handler import Done, Meaning, count_in
from afterbay.simulator.lanes import ExpectedLane, Part
from afterbay.simulator.record import State, Written
from afterbay.simulator.source import SimulatedStream
from afterbay.simulator.violation import Violation
from afterbay.simulator.world import US

__all__ = ["Invariants", "WindowSeen"]

_DROPPED = re.compile(r"(\d+) record\(s\) from (\d+) to (\d+): (\w+) after")
BACKOFF_US_MIN = int(0.25 * 0.75 * US)
"""250 ms less a quarter of jitter (R91)."""

TOTALS = ("polled", "filtered_out", "delivered", "dropped", "letters", "lettered", "invoked")

_totals = attrgetter(*TOTALS)

WindowSeen = tuple[tuple[int, int] | None, int]
"""The open tumbling window of a shard (epoch seconds), and how many records its state must have counted."""

_CLOSED: WindowSeen = (None, 0)


class Invariants:
    """One per world; it outlives crashes. ``step`` and ``now_us`` are set by the driver before each action."""

    def __init__(self, seed: int, stream: SimulatedStream, settings: MappingSettings, coverage: Coverage) -> None:
        self.seed, self.step, self.now_us = seed, 0, 0
        self.settings = settings
        self._stream, self._coverage = stream, coverage
        self._lanes: dict[ShardId, list[ExpectedLane]] = {}
        self._last_seen: dict[ShardId, int] = {}
        self._ended: set[ShardId] = set()
        self._frontier: dict[ShardId, int] = {}
        self._lane_marks: dict[ShardId, tuple[int, ...]] = {}
        self._windows: dict[ShardId, WindowSeen] = {}
        self._may_close: set[ShardId] = set()
        self._issued: list[dict[ShardId, WindowSeen]] = []
        self._saved_windows: dict[ShardId, WindowSeen] = {}
        self._rows: dict[ShardId, SavedShard] = {}
        self._ids: dict[str, tuple[str, int, int, int]] = {}
        self._run = 0
        self.letters: dict[tuple[str, str], Letter] = {}
        self.positioned = settings.starting_position is StartingPosition.TRIM_HORIZON
        self.expected = Counters()

    def fail(self, rule: str, detail: str) -> NoReturn:
        raise Violation(rule, detail, seed=self.seed, step=self.step)

    def _met(self, rule: str) -> None:
        self._coverage.met[f"rule: {rule}"] += 1

    # A process starts or dies

    def process_started(self) -> None:
        self.expected = Counters()
        self._issued.clear()
        self._run = 0
        self._lanes.clear()

    def run_begins(self, settings: MappingSettings, rows: Sequence[SavedShard]) -> None:
        """Only what is saved is known now: all else may come again, and nothing of it may be missed (R50)."""
        if settings.parallelization_factor != self.settings.parallelization_factor:
            self._met("R66 another factor, lanes drained")
        self.settings = settings
        self._lanes.clear()
        self._last_seen.clear()
        self._ended.clear()
        self._frontier.clear()
        self._windows = {
            row.shard: self._saved_windows.get(row.shard, _CLOSED)
            for row in rows
            if row.shard not in self._stream.gone  # what its window had gathered is lost with it
        }
        self._may_close = {row.shard for row in rows if row.window is not None}
        self._lane_marks = {
            row.shard: row.lanes for row in rows if len(row.lanes) == settings.parallelization_factor > 1
        }
        known = {row.shard: row for row in rows}
        for shard, written in self._stream.by_shard.items():
            row = known.get(shard)
            marks = self._lane_marks.get(shard)
            for record in written:
                record.seen = False
                record.saved = row is not None and _saves(row, record, marks)
                if not record.saved:
                    record.forgotten = True
                    exempt = record.trimmed or record.optional
                    record.state = State.EXEMPT if exempt else State.OPEN

    def stops_reading(self) -> None:
        """The mapping drains: what is read from here on is nobody's."""
        self._run = -1

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
        if event.run != self._run or event.shard not in self._lanes:
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
                self._met("R65 a lane ahead of the others repeats nothing")
                continue
            if not record.passes:
                record.state = State.FILTERED
                self._met("R78 filtered before batching")
                self.expected.filtered_out += 1
                continue
            if record.saved:
                self.fail("a restart resumes behind its checkpoint (R49)", f"{record} is read again")
            if record.state is not State.OPEN:
                record.state = State.OPEN
                self._frontier.pop(shard, None)
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
        return marks is not None and record.raw.position <= marks[self._lane_of(record)]

    def _lane_of(self, record: Written) -> int:
        factor = self.settings.parallelization_factor
        return lane_of(record.raw.key, factor) if factor > 1 else 0

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
            self._met("R82 progress")
        elif lane.at_once:
            self._met("R92 a failed batch was split")
        self.expected.delivered += len(finished)
        if self.settings.tumbling_window_s or not part.records:
            self._window_heard(shard, part, finished, done)

    def _window_heard(self, shard: ShardId, part: Part, finished: list[Written], done: Done) -> None:
        opened, counted = self._windows.get(shard, _CLOSED)
        if not part.records:
            if done.meaning is Meaning.OK:
                self._met("R126 a window was closed")
                self._window_closed(shard)
        elif finished:
            self._windows[shard] = (opened, counted + len(finished))

    def letter_stored(self, shard: ShardId, number: int, request_id: str) -> None:
        lane = self._lanes[shard][number]
        if lane.storing != request_id:
            self.fail("a letter is heard of once", f"{shard} lane {number}: {request_id}")
        lane.storing = None
        self.expected.letters += 1
        self.expected.lettered += lane.discarding
        self._given_up(shard, lane, lane.discarding)

    def _given_up(self, shard: ShardId, lane: ExpectedLane, count: int) -> None:
        final = not lane.stack[-1].records
        lane.free_us = self.now_us
        for record in lane.discarded(count):
            record.state = State.DONE
        if final:
            self._met("R130 a final invocation was discarded")
            self._window_closed(shard)

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
            self.fail(
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
            self.fail("a half or a remainder is tried at once (R91, R98)", f"{shard} lane {number} rests")

    def _reads(self, command: ReadShard, now_us: int) -> None:
        shard = command.shard
        self._run = command.run
        if shard not in self._last_seen and isinstance(command.start, After):
            self._last_seen[shard] = command.start.position
        if shard not in self._lanes:
            self._begin(shard, now_us)

    def _begin(self, shard: ShardId, now_us: int) -> None:
        """A shard is read from now on: its parents are done, saved and all."""
        self._lanes[shard] = [ExpectedLane(now_us) for _ in range(self.settings.parallelization_factor)]
        parents = self._stream.parents_of(shard)
        if parents:
            self._met("R48 a child started after its parent")
        for parent in parents:
            row = self._rows.get(parent)
            ended = row is not None and isinstance(row.at, ShardEnd)
            owed = any(record.state is State.OPEN for record in self._stream.by_shard.get(parent, ()))
            if owed:
                self.fail("a child waits for all of its parent (R48, R67)", f"{shard} starts before {parent} is done")
            if not ended and parent not in self._stream.gone:
                self.fail("a child waits until its parent's end is saved (R48)", f"{shard} starts, {parent} is not")

    def _deliver(self, command: Deliver, now: datetime, now_us: int) -> None:
        if command.shard not in self._lanes:
            self._begin(command.shard, now_us)  # a window that is to be closed at once
        lane = self._lane(command.shard, command.lane)
        if lane.busy:
            self.fail("a lane has one batch in flight (R61)", f"{command.shard} lane {command.lane}")
        positions = [record.position for record in command.batch.records]
        fresh = not lane.stack
        if fresh:
            self._close(lane, command, positions, now_us)
        part = lane.stack[-1]
        expected = [record.raw.position for record in part.records]
        if positions != expected:
            self.fail(
                "batches are retried unchanged, split left first, and cut where the answer says (R69, R89, R93, R98)",
                f"{command.shard} lane {command.lane}: {_list(positions)} instead of {_list(expected)}",
            )
        if fresh or part.request_id is None:
            self._named(part, command)
        elif part.request_id != command.batch.request_id:
            self.fail("attempts of one batch share a request id (R89)", f"{command.batch.request_id} is new")
        limit = self.settings.retry_attempts_max
        if limit is not None and part.attempts > limit:
            self.fail("at most 1 + MaximumRetryAttempts attempts (R88)", f"attempt {part.attempts + 1}, limit {limit}")
        if part.failed_us is not None and now_us - part.failed_us < BACKOFF_US_MIN and part.attempts:
            self.fail("a failed batch rests before it is tried again (R91)", f"{now_us - part.failed_us} us")
        if part.attempts:
            self._met("R89 retried unchanged")
        if sum(one.invoking for one in self._lanes[command.shard]):
            self._met("R61 lanes side by side")
        if not fresh and part.attempts == 0:
            self._met("R69 a half, a remainder or what was not reached")
        self._in_order(part.records, now)
        if self.settings.tumbling_window_s or command.window is not None or not part.records:
            self._window_told(command, part)
        lane.invoking = True
        lane.at_once = False
        self.expected.invoked += len(positions)

    def _close(self, lane: ExpectedLane, command: Deliver, positions: list[int], now_us: int) -> None:
        """A new batch: the lane's next records, as many as it may hold (R54, R55)."""
        count = len(positions)
        if count > self.settings.batch_size:
            self.fail("BatchSize is a maximum (R54)", f"{count} records, BatchSize {self.settings.batch_size}")
        if not count:
            lane.stack.append(Part([]))
            return
        if count > len(lane.waiting):
            self.fail("a record is delivered once per run, and none that was not read", _list(positions))
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
            self.fail("a batch waits for its window (R55)", f"sent {now_us - lane.anchor_us} us after the last one")
        if short:
            self._met("R55 a window was over")
        waited_us = now_us - max(records[0].seen_us, lane.anchor_us, lane.free_us)
        if waited_us > window_us + 1000:
            self.fail("a record waits one batching window at most (R55)", f"{records[0]} waited {waited_us} us")

    def _named(self, part: Part, command: Deliver) -> None:
        batch = command.batch
        part.request_id = batch.request_id
        first, last = (batch.records[0].position, batch.records[-1].position) if batch.records else (0, 0)
        content = (command.shard, first, last, len(batch.records))
        if self._ids.setdefault(batch.request_id, content) != content:
            self.fail("two batches never share a request id (R89, R93)", batch.request_id)

    def _in_order(self, records: list[Written], now: datetime) -> None:
        """Per item in the order of the stream; nothing that is done, filtered out or too old."""
        limit_s = self.settings.record_age_max_s
        if limit_s is not None and records and now.timestamp() - records[0].raw.created_s >= limit_s:
            self.fail("what is too old is discarded, not delivered (R103)", f"{records[0]}")
        inside = {id(record) for record in records}
        for record in records:
            if record.invoked and record.forgotten:
                self._met("R50 delivered again by another run")
                record.forgotten = False
            record.invoked += 1
            if record.state is not State.OPEN or not record.passes:
                self.fail("a record is delivered while it is unfinished", f"{record}")
            before = record.before
            if before is not None and before.state is State.OPEN and id(before) not in inside:
                self.fail("per item, in order (R62, R68)", f"{record} starts before {before} is finished")

    # Tumbling windows

    def _window_told(self, command: Deliver, part: Part) -> None:
        call = command.window
        if call is None:
            self.fail("an invocation of a window mapping tells of its window (R121)", f"{command.batch}")
        length_s = self.settings.tumbling_window_s
        opened, counted = self._windows.get(command.shard, _CLOSED)
        told = (call.window.start_s, call.window.end_s)
        if call.final:
            self._closes_once(command, opened)
        if opened is None:
            opened, counted = told, 0
            first = part.records[0] if part.records else None
            late = first is not None and first.optional  # LATEST's slack, into a window that is open since a restart
            if (
                first is not None
                and length_s
                and not late
                and told[0] != int(first.raw.created_s // length_s) * length_s
            ):
                self.fail("windows are aligned to their first record (R122)", f"{told} for {first}")
            self._windows[command.shard] = (opened, 0)
        other_length = told[1] - told[0] != length_s
        if other_length and call.final:
            self._met("R126 a window of another length was closed after an update")
        if told != opened or (other_length and not call.final):
            self.fail("one window is open per shard, and aligned (R122, R124)", f"{told} instead of {opened}")
        if call.final != (not part.records):
            self.fail("only the final invocation has no records (R126)", f"{told}")
        if count_in(call.window.state) != counted:
            self.fail(
                "a window's state holds just what is done (R124, R128)",
                f"{command.shard} {told}: {count_in(call.window.state)} counted, {counted} done",
            )
        if call.final:
            early = " early (R129)" if call.terminated_early else ""
            self._met(f"R126 a final invocation{early}")
            if command.shard in self._ended:
                self._met("R128 a shard's end closes its window")
        elif counted:
            self._met("R124 a state went on")
        if any(record.raw.created_s >= told[1] for record in part.records):
            self.fail("a batch never mixes windows (R123)", f"{told}: {_list([r.raw.position for r in part.records])}")

    def _closes_once(self, command: Deliver, opened: tuple[int, int] | None) -> None:
        """One final invocation per window, and none without a window (R126)."""
        shard = command.shard
        if opened is None and shard not in self._may_close:
            self.fail("a window is closed once (R126)", f"{shard} has no open window")
        if any(lane.invoking and not lane.stack[-1].records for lane in self._lanes[shard]):
            self.fail("a window is closed once (R126)", f"{shard}: lane {command.lane} closes it too")

    def _window_closed(self, shard: ShardId) -> None:
        self._windows[shard] = _CLOSED
        self._may_close.discard(shard)

    # Discards

    def _letter(self, shard: ShardId, number: int, letter: Letter, now: datetime) -> None:
        lane = self._lane(shard, number)
        part = self._discard(lane, shard, letter.count, letter.first, letter.last, letter.condition, now)
        if letter.invoke_count != max(1, part.attempts):
            self.fail("a letter counts this batch's attempts (R90, R110)", f"{letter.invoke_count}, {part.attempts}")
        told = letter.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED and part.responds
        if (letter.response is not None) != told:
            self.fail("responseContext is there for failed answers only (R111)", f"{letter.condition.value}")
        if part.request_id is not None and part.request_id != letter.request_id:
            self.fail("a letter has its batch's request id (R110)", letter.request_id)
        lane.storing = letter.request_id
        lane.discarding = letter.count

    def letter_is_durable(self, letter: Letter) -> None:
        """A letter survived its storing; stored twice under one request id, it is one letter."""
        key = (letter.shard, letter.request_id)
        known = self.letters.setdefault(key, letter)
        if (known.first, known.last, known.count) != (letter.first, letter.last, letter.count):
            self.fail("one request id, one letter (DESIGN section 8)", f"{letter.request_id} names other records")
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
            self.fail("a drop says which records", detail)
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
        """Records are given up only when a limit says so, and just those (R88, R99, R103 to R109)."""
        if lane.busy:
            self.fail("a lane discards while nothing is in flight", f"{shard}")
        if not lane.stack:
            if condition is Condition.RETRY_ATTEMPTS_EXHAUSTED or count > len(lane.waiting):
                self.fail("what is discarded was read and tried (R109)", f"{count} from {first} to {last}")
            lane.stack.append(Part(lane.take(count)))
            lane.closed = True
        part = lane.stack[-1]
        given_up = part.records[:count]
        if count and (given_up[0].raw.position, given_up[-1].raw.position) != (first, last):
            self.fail("what is discarded is the head of the batch (R99, R104)", f"{first} to {last} of {_of(part)}")
        if condition is Condition.RETRY_ATTEMPTS_EXHAUSTED:
            self._exhausted(part, count)
        else:
            self._too_old(part, count, now)
        self._may_close.add(shard)  # a window may be open with nothing in it
        self._coverage.hit(f"discard: {condition.value}")
        return part

    def _exhausted(self, part: Part, count: int) -> None:
        limit = self.settings.retry_attempts_max
        if limit is None or part.attempts != limit + 1:
            self.fail("retries are used up when a batch is discarded (R88)", f"{part.attempts} attempts, limit {limit}")
        if count != len(part.records):
            self.fail("the whole batch is discarded (R99)", f"{count} of {_of(part)}")
        if count > 1:
            self._met("R99 several records discarded at once")
        if self.settings.bisect and part.responds and count > 1:
            self.fail("bisect leaves a lone record to discard (R92, R94)", f"{_of(part)}")

    def _too_old(self, part: Part, count: int, now: datetime) -> None:
        limit_s = self.settings.record_age_max_s
        if limit_s is None:
            self.fail("records expire only where an age limit is set (R108)", f"{_of(part)}")
        self._met("R106 too old after failures" if part.attempts else "R105 too old before any attempt")
        if part.records[count:]:
            self._met("R104 only the head was too old")
        now_s = now.timestamp()
        if any(now_s - record.raw.created_s < limit_s for record in part.records[:count]):
            self.fail("only what is too old expires (R103, R104)", f"{_of(part)}")
        if part.records[count:] and now_s - part.records[count].raw.created_s >= limit_s:
            self.fail("every leading record that is too old expires (R104)", f"{_of(part)}")

    def _lane(self, shard: ShardId, number: int) -> ExpectedLane:
        lanes = self._lanes.get(shard)
        if lanes is None:
            self.fail("only a shard that is read is delivered", f"{shard}")
        return lanes[number]

    # Positions

    def _save(self, command: SavePositions) -> None:
        for row in command.shards:
            if row.shard != POSITIONED:
                self._passes_nothing(row)
                self._never_back(row)
        self._issued.append({row.shard: self._windows.get(row.shard, _CLOSED) for row in command.shards})

    def _passes_nothing(self, row: SavedShard) -> None:
        """R49, R65: no saved position passes an unfinished record, in no lane."""
        written = self._stream.by_shard.get(row.shard, [])
        index = self._frontier.get(row.shard, 0)
        while index < len(written) and written[index].state is not State.OPEN:
            index += 1
        self._frontier[row.shard] = index
        if index == len(written):
            return
        first_open = written[index]
        passed = isinstance(row.at, ShardEnd) or (
            isinstance(row.at, After) and row.at.position >= first_open.raw.position
        )
        if passed:
            self.fail("no checkpoint passes an unfinished record (R49)", f"{row.shard} at {row.at}: {first_open}")
        for number, lane in enumerate(self._lanes.get(row.shard, ())):
            if row.lanes:
                oldest = lane.stack[-1].records[:1] if lane.stack else [*lane.waiting][:1]
                if oldest and row.lanes[number] >= oldest[0].raw.position:
                    self.fail(
                        "no lane's mark passes an unfinished record (R65)", f"{row.shard} lane {number}: {oldest[0]}"
                    )

    def _never_back(self, row: SavedShard) -> None:
        before = self._rows.get(row.shard)
        if before is None:
            return
        if _rank(row) < _rank(before):
            self.fail("the checkpoint never decreases (R49)", f"{row.shard}: {before.at} -> {row.at}")
        if len(before.lanes) == len(row.lanes) and any(a > b for a, b in zip(before.lanes, row.lanes, strict=True)):
            self.fail("a lane's mark never decreases (R65)", f"{row.shard}: {before.lanes} -> {row.lanes}")

    def saved(self, command: SavePositions) -> None:
        """The rows would survive a crash from here on."""
        for shard in command.forget:
            self._rows.pop(shard, None)
        self._rows |= {row.shard: row for row in command.shards}
        self._saved_windows |= self._issued.pop(0)
        if not self.positioned and POSITIONED in self._rows:
            self.positioned = True
            self._met("R46 LATEST was fixed")

    # The end

    def at_rest(self) -> bool:
        """True when nothing that is owed is left."""
        return self.unfinished() is None and all(lane.empty for lanes in self._lanes.values() for lane in lanes)

    def unfinished(self) -> Written | None:
        for shard, written in self._stream.by_shard.items():
            index = self._frontier.get(shard, 0)
            while index < len(written) and written[index].state is not State.OPEN:
                index += 1
            self._frontier[shard] = index
            if index < len(written):
                return written[index]
        return None

    def open_window(self) -> ShardId | None:
        return next((shard for shard, (opened, _) in self._windows.items() if opened is not None), None)

    def all_saved(self) -> None:
        """Once all is done, the saved rows say so: a restart would find nothing to do (R49)."""
        for shard, written in self._stream.by_shard.items():
            row = self._rows.get(shard)
            newest = next((one for one in reversed(written) if one.seen and not one.trimmed), None)
            if newest is None or shard in self._stream.gone:
                continue
            if row is None or not _saves(row, newest, None):
                self.fail("what is done is saved in the end (R49)", f"{newest}: {row}")


def _saves(row: SavedShard, record: Written, marks: tuple[int, ...] | None) -> bool:
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


def _list(positions: Sequence[int]) -> str:
    shown = ", ".join(map(str, positions[:6]))
    return f"[{shown}{', ...' if len(positions) > 6 else ''}] ({len(positions)})"


def _of(part: Part) -> str:
    return _list([record.raw.position for record in part.records])
