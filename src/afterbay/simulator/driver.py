"""Drives one mapping through its world in virtual time: perform commands, report events, crash, start again.

Does in seeded time what ``engine/`` does in real time, with the same core and the same order of effects. Whatever
survives a crash is in the store, the stream, the sink and the destination; all else is dropped with the process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import get_args

from afterbay.core.mapping.commands import (
    Command,
    Deliver,
    ForgetPositions,
    ListShards,
    LoadPositions,
    ReadShard,
    ReleaseShard,
    Rest,
    SavePositions,
    StoreLetter,
    Tell,
    WakeAt,
)
from afterbay.core.mapping.events import (
    Created,
    DeletionRequested,
    Event,
    Invoked,
    LetterStored,
    PositionsForgotten,
    PositionsLoaded,
    PositionsSaved,
    ReadFailure,
    RecordsRead,
    Rested,
    SkipRequested,
    StopRequested,
    Woke,
    update_requested,
)
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import SettingsError
from afterbay.simulator.coverage import Coverage
from afterbay.simulator.handler import TIMEOUT_US, Done, SimulatedFunction
from afterbay.simulator.invariants import Invariants
from afterbay.simulator.letters import Letters
from afterbay.simulator.record import Written
from afterbay.simulator.sink import GuardedSink
from afterbay.simulator.source import SimulatedStream
from afterbay.simulator.timeline import Timeline
from afterbay.simulator.verdict import judge_end
from afterbay.simulator.violation import Watch
from afterbay.simulator.world import DESTINATIONS, T0, US, Burst, Demand, Operation, Reshard, World, Write
from afterbay.stores.memory import MemoryStore

__all__ = ["ACTIONS_MAX", "Simulation"]

UUID = "00000000-0000-4000-8000-000000000001"
_EVENTS = {kind: f"event: {kind.__name__}" for kind in get_args(Event)}
_COMMANDS = {kind: f"command: {kind.__name__}" for kind in get_args(Command)}

ACTIONS_MAX = 30_000
REST_US_MAX = 3600 * US
"""How long after the calm a mapping may take to come to rest: thirty-second back-offs, an age limit, idle windows."""

TOP_UPS_MAX = 100

IDLE_S_MAX = 60.0
"""How long an idle read takes at most when no write wakes it. Every quarter of a second (R53) would be most of a run,
and tell nothing new."""


class Simulation:
    """One world, once. ``run`` raises ``Violation``. ``crashes``: after which actions the process dies, instead of the
    world's own; ``chances``: after which one was there to die. ``trace`` gets a line per event and command."""

    def __init__(
        self,
        world: World,
        rng: Random,
        *,
        crashes: frozenset[int] | None = None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.world = world
        self.coverage = Coverage()
        self.stream = SimulatedStream(world, rng, self.coverage)
        self.sink = GuardedSink()
        self._watch = Watch(world.seed, self.coverage)
        self.invariants = Invariants(self._watch, self.stream, world.settings)
        self.actions = 0
        self.crashed = 0
        self.chances: list[int] = []
        self.mapping: Mapping | None = None
        self._rng = rng
        self._trace = trace
        self._crashes: frozenset[int] = world.crashes if crashes is None else crashes
        self._function = SimulatedFunction(world, rng, self.coverage)
        self._store = MemoryStore(b"seed")
        self._settings = world.settings
        self._enabled = True
        self._time = Timeline()
        self._letters = Letters(world.destination, self._store, self._time, rng, self.coverage)
        self._wake = 0
        self._saving = 0
        self._idle: dict[ShardId, ReadShard] = {}
        self._invoking: dict[tuple[ShardId, int], Deliver] = {}
        self._stopping = False
        self._complete = False
        self._deleting = False
        self._demands: deque[Operation] = deque()

    @property
    def now_s(self) -> float:
        """Virtual seconds since the world began."""
        return self._time.now_us / US

    def run(self) -> None:
        """Until the mapping has come to rest; then the end is judged, and the mapping deleted."""
        self._plan()
        while not self._at_rest():
            self._step()
        judge_end(self._watch, self.invariants, self.stream, self.sink, self._letters, self._rng)
        self._delete()

    # Time

    def _plan(self) -> None:
        for burst in self.world.bursts:
            self._time.plan(burst.at_us, self._write, burst)
        for reshard in self.world.reshards:
            self._time.plan(reshard.at_us, self._reshard, reshard)
        for operation in self.world.operations:
            self._time.plan(operation.at_us, self._demand, operation)
        self._time.plan(self.world.bursts[-1].at_us + US // 2, self._top_up, TOP_UPS_MAX)
        self._time.surely(self.world.starts_us, self._start)

    def _step(self) -> None:
        action = self._time.advance()
        if action is None:
            self._watch.fail("a mapping goes on while something is left to do", self._left())
        self.actions += 1
        self._watch.step, self._watch.now_us = self.actions, self._time.now_us
        action()
        if self.mapping is not None and not self._deleting:
            self.chances.append(self.actions)
            if self.actions in self._crashes:
                self._crash()
        late = self._time.now_us > self.world.calm_us + REST_US_MAX
        if late or self.actions > ACTIONS_MAX:
            self._watch.fail("a mapping comes to rest", self._left())

    def _jitter(self, delay_s: float) -> float:
        """Microseconds, longer or shorter by up to a quarter, as the engine's."""
        return delay_s * US * self._rng.uniform(0.75, 1.25) if delay_s else 0.0

    def _latency(self) -> float:
        return self._rng.uniform(1_000, 40_000)

    # The process

    def _start(self) -> None:
        assert self.mapping is None
        self.mapping = Mapping(UUID, self._settings, self._store.seed())
        self._stopping = False
        self.invariants.process_started()
        self._saving = 0
        self._tell(Created(self._enabled))
        self._letters.process_started()

    def _crash(self) -> None:
        """All that is in memory is lost. What the function is busy with goes on there, and nobody hears of it."""
        if self.mapping is None:
            return
        self._say("-- crash --")
        self.coverage.hit("crash")
        self.crashed += 1
        for command in self._invoking.values():
            if self._rng.random() < 0.5:
                self.coverage.hit("crash: an invocation outlives the process")
                self._time.surely(self._time.now_us + int(self._latency()), partial(self._orphan, command))
        self._end_process()

    def _end_process(self) -> None:
        self.mapping = None
        self._time.end_life()
        self._idle.clear()
        self._invoking.clear()
        self.stream.process_died()
        self._time.surely(self._time.now_us + int(self._rng.uniform(0.05, 3.0) * US), self._start)

    def _orphan(self, command: Deliver) -> None:
        records = self._records(command)
        self.sink.apply(records[: self._rng.randint(0, len(records))])

    # What happens around it

    def _write(self, burst: Burst) -> None:
        if not self.stream.enabled:
            return
        written = self.stream.write(burst, self._time.now)
        self.invariants.wrote(written)
        if written and written[0].trimmed:
            self.invariants.trimmed(self.stream.by_shard[written[0].shard])
        for shard in {record.shard: None for record in written}:
            self._news(shard)

    def _top_up(self, left: int) -> None:
        """Write a little more until each kind of fault was met; a world that was to crash crashes now at the latest."""
        if self.stream.owes and self.stream.enabled and left and not self.world.small:
            if self.stream.owes_reads:
                writes = tuple(Write(self._rng.randrange(self.world.items), "paid", False, False) for _ in range(2))
                self._write(Burst(self._time.now_us, writes, trims=False))
            self._time.plan(self._time.now_us + US, self._top_up, left - 1)
            return
        self._complete = True
        if self._crashes and not self.crashed and not self.world.small:
            self._crash()

    def _reshard(self, reshard: Reshard) -> None:
        if self.stream.enabled:
            self.stream.reshard(reshard, self._time.now)
            for shard in list(self._idle):
                self._news(shard)

    def _news(self, shard: ShardId) -> None:
        """An idle read hears of it, mostly."""
        command = self._idle.get(shard)
        if command is not None and self.stream.has_more(shard, command.start) and self._rng.random() < 0.9:
            self._time.after(self._rng.uniform(500, 5_000), lambda: self._read_idle(command))

    def _demand(self, operation: Operation) -> None:
        match operation.demand:
            case Demand.DISABLE_STREAM if not self._complete:
                self._time.plan(self._time.now_us + US, self._demand, operation)
            case Demand.DISABLE_STREAM:
                self.stream.disable(self._time.now)
                for shard in list(self._idle):
                    self._news(shard)
            case Demand.LOSE_SHARD:
                self.invariants.trimmed(self.stream.lose_shard())
            case _:
                self._ask(operation)

    def _ask(self, operation: Operation) -> None:
        """Ask in the order in which the world asks, each until it is taken."""
        self._demands.append(operation)
        if len(self._demands) == 1:
            self._ask_first(operation)

    def _ask_first(self, operation: Operation) -> None:
        """Ask the mapping; again while it is in use (E19) or its process is down."""
        try:
            if self.mapping is None or self._stopping:
                raise SettingsError("nobody is there")
            match operation.demand:
                case Demand.DISABLE:
                    self._update(None, enabled=False)
                case Demand.ENABLE:
                    self._update(None, enabled=True)
                case Demand.UPDATE:
                    self._update(operation.settings, enabled=None)
                case Demand.SKIP:
                    self._skip()
                case _:
                    self._stopping = True
                    self._request(StopRequested())
        except SettingsError:
            self.coverage.hit("lifecycle: refused while in use")
            self._time.plan(self._time.now_us + US // 2, self._ask_first, operation)
            return
        self.coverage.hit(f"lifecycle: {operation.demand.value}")
        self._demands.popleft()
        if self._demands:
            self._time.plan(self._time.now_us, self._ask_first, self._demands[0])

    def _update(self, settings: MappingSettings | None, *, enabled: bool | None) -> None:
        """As the engine's supervisor does it (R31, R38)."""
        assert self.mapping is not None
        wanted = settings or self._settings
        self._request(update_requested(self.mapping.state, wanted, enabled=enabled))
        self._settings = wanted
        self._enabled = self._enabled if enabled is None else enabled

    def _skip(self) -> None:
        """Give up some of what a shard has unfinished, at its head or in the middle of it; nothing where nothing is."""
        mapping = self.mapping
        assert mapping is not None
        if not mapping.state.settled:
            raise SettingsError("it is not reading yet")
        blocked = [shard for shard in mapping.shards.values() if shard.oldest_unfinished() is not None]
        if not blocked:
            return
        shard = self._rng.choice(blocked)
        unfinished = self.invariants.unfinished_in(shard.description.shard)
        through = self._rng.choice(unfinished[: self._rng.choice((1, 3, len(unfinished)))]).raw.position
        letter_to = DESTINATIONS[0] if mapping.settings.on_failure is None else None
        request = SkipRequested(shard.description.shard, Position(through), letter_to)
        planned = mapping.plan_skip(request)
        commands = mapping.handle(request, self._time.now)
        self.invariants.skip_asked(request, planned)
        self._heard(request, commands)

    def _request(self, event: Event) -> None:
        assert self.mapping is not None
        commands = self.mapping.handle(event, self._time.now)
        self.invariants.stops_reading()
        self._heard(event, commands)

    # Events in, commands out

    def _tell(self, event: Event) -> None:
        assert self.mapping is not None
        self._heard(event, self.mapping.handle(event, self._time.now))

    def _heard(self, event: Event, commands: tuple[Command, ...]) -> None:
        mapping = self.mapping
        assert mapping is not None
        met = self.coverage.met
        met[_EVENTS[type(event)]] += 1
        if self._trace is not None:
            self._say(f"> {event!r}")
        now, now_us = self._time.now, self._time.now_us
        for command in commands:
            if self._trace is not None:
                self._say(f"    < {command!r}")
            met[_COMMANDS[type(command)]] += 1
            self.invariants.asked(command, now, now_us)
            self._perform(command)
        self.invariants.step_over(mapping.counters)
        if mapping.stopped and self._stopping:
            self.coverage.hit("lifecycle: stopped and started again")
            self._end_process()

    def _perform(self, command: Command) -> None:
        match command:
            case ReadShard():
                self._schedule_read(command)
            case Deliver():
                self._invoke(command)
            case SavePositions():
                self._saving += 1
                self._time.after(self._latency(), lambda: self._save(command))
            case Rest(delay_s=delay_s):
                self._time.after(self._jitter(delay_s), lambda: self._rested(command))
            case StoreLetter():
                self._time.after(
                    self._latency(), partial(self._letters.put, command.letter, partial(self._letter_stored, command))
                )
            case ListShards(delay_s=delay_s):
                self._time.after(self._jitter(delay_s) + self._latency(), lambda: self._list(command))
            case WakeAt(when=when):
                self._wake_at(when)
            case Tell(notice=notice):
                self.coverage.hit(f"notice: {notice.name}")
            case ReleaseShard(shard=shard):
                self.stream.forget(shard)
            case LoadPositions():
                self._time.after(self._latency(), self._load)
            case ForgetPositions():
                self._time.after(self._latency(), self._forget)

    def _load(self) -> None:
        assert self.mapping is not None
        rows = self._store.load(UUID)
        self.invariants.run_begins(self.mapping.settings, rows)
        self._tell(PositionsLoaded(rows))

    def _forget(self) -> None:
        self._store.delete(UUID)
        self._tell(PositionsForgotten())

    def _save(self, command: SavePositions) -> None:
        self._store.save(UUID, command.shards, command.forget)
        self.invariants.saved(command)
        self._time.after(self._rng.uniform(0, 2_000), self._saved)

    def _saved(self) -> None:
        self._saving -= 1
        self._tell(PositionsSaved())

    def _list(self, command: ListShards) -> None:
        self._tell(self.stream.describe(command, self._time.now_us))

    def _rested(self, command: Rest) -> None:
        self._tell(Rested(command.shard, command.lane, command.run, command.request_id))

    def _wake_at(self, when: datetime | None) -> None:
        self._wake += 1
        number = self._wake
        if when is None:
            return
        late_us = (when - T0) // timedelta(microseconds=1)
        self._time.at(max(self._time.now_us, late_us), lambda: self._woke(number))

    def _woke(self, number: int) -> None:
        if number == self._wake:
            self._tell(Woke())

    # Reading

    def _schedule_read(self, command: ReadShard) -> None:
        if command.pause_s and not self.stream.has_more(command.shard, command.start):
            pause_s = self._rng.uniform(command.pause_s, IDLE_S_MAX)
            self._idle[command.shard] = command
            self._time.after(pause_s * US, lambda: self._read_idle(command))
        else:
            self._time.after(self._jitter(command.delay_s) + self._latency(), lambda: self._read(command))

    def _read_idle(self, command: ReadShard) -> None:
        if self._idle.get(command.shard) is command:
            del self._idle[command.shard]
            self._read(command)

    def _read(self, command: ReadShard) -> None:
        event = self.stream.read(command, self._time.now_us)
        if isinstance(event, RecordsRead):
            self.invariants.read(event, self._time.now_us)
        elif event.failure is ReadFailure.GONE:
            self.invariants.shard_gone(event.shard)
        self._tell(event)

    # Delivering

    def _invoke(self, command: Deliver) -> None:
        times_out = self._function.times_out(self._time.now_us)
        takes_us = TIMEOUT_US if times_out else self._function.takes_us()
        self._invoking[command.shard, command.lane] = command
        self._time.after(takes_us, lambda: self._work(command, timed_out=times_out))

    def _work(self, command: Deliver, *, timed_out: bool) -> None:
        assert self.mapping is not None
        del self._invoking[command.shard, command.lane]
        records = self._records(command)
        reports = self.mapping.settings.report_batch_item_failures
        done = self._function.answer(command, records, self._time.now_us, reports=reports, timed_out=timed_out)
        self.sink.apply(records[: done.worked])
        self._time.after(self._rng.uniform(0, 3_000), lambda: self._answered(command, done))

    def _answered(self, command: Deliver, done: Done) -> None:
        assert self.mapping is not None
        self.coverage.hit(f"outcome: {type(done.outcome).__name__}")
        self.invariants.answered(command.shard, command.lane, done, self._time.now_us)
        shard = self.mapping.shards.get(command.shard)
        draining = shard is not None and shard.draining
        self._tell(Invoked(command.shard, command.lane, command.batch.request_id, done.outcome))
        self.invariants.must_go_on(command.shard, command.lane, draining=draining)

    def _records(self, command: Deliver) -> list[Written]:
        return [self.stream.records[record.position] for record in command.batch.records]

    # Dead letters

    def _letter_stored(self, command: StoreLetter) -> None:
        self.invariants.letter_is_durable(command.letter)
        self._time.after(self._rng.uniform(0, 2_000), partial(self._tell_stored, command))

    def _tell_stored(self, command: StoreLetter) -> None:
        request_id = command.letter.request_id
        self.invariants.letter_stored(command.shard, command.lane, request_id)
        self._tell(LetterStored(command.shard, command.lane, request_id))

    # The end

    def _at_rest(self) -> bool:
        """True when all is written, done, saved and sent."""
        mapping = self.mapping
        if self._time.planned or mapping is None or not mapping.state.settled:
            return False
        if self._saving or self._invoking or self._stopping:
            return False
        if self._time.now_us < self.world.calm_us or not self.invariants.positioned or not self.invariants.at_rest():
            return False
        return self._letters.all_sent

    def _left(self) -> str:
        open_record = self.invariants.positions.unfinished()
        state = "no process" if self.mapping is None else self.mapping.state.value
        return (
            f"{open_record or 'no record'} is open, window of {self.invariants.open_window()}, "
            f"{len(self._letters.waiting())} letter(s) wait, mapping {state}, "
            f"{self.actions} actions, {self.now_s:.0f} s"
        )

    def _delete(self) -> None:
        """Deleted, a mapping leaves no positions behind (R33)."""
        self._deleting = True
        self._request(DeletionRequested())
        for _ in range(200):
            if self.mapping is None or self.mapping.gone:
                break
            self._step()
        if self.mapping is None or not self.mapping.gone or self._store.load(UUID):
            self._watch.fail("a deleted mapping is gone (R33)", "after 200 actions")

    def _say(self, line: str) -> None:
        if self._trace is not None:
            self._trace(f"{self.actions:6} {self.now_s:10.3f} {line}")
