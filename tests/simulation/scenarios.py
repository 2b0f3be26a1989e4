"""Scenarios: a stream, a function that follows a script, the settings of a mapping; and two drivers that run them.

One is the engine, in real time on a clock that is moved; the other the simulator, in virtual time. Both read the
simulator's stream, which fails in nothing here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from afterbay.core.mapping.commands import Command, Deliver, ListShards, ReadShard, Rest, StoreLetter, Tell
from afterbay.core.mapping.events import ListingFailed, ReadFailed
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedFrom, NotReached, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.window import event_of
from afterbay.core.shard.position import Position, ShardId, StartAt
from afterbay.engine.clock import Clock
from afterbay.engine.meter import Handled, Listener, Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.errors import PayloadTooLargeError, ServiceError, UnavailableError
from afterbay.ports import Answer, Page, ShardListing
from afterbay.simulator.coverage import Coverage
from afterbay.simulator.driver import UUID, Simulation
from afterbay.simulator.handler import Done, Meaning, SimulatedFunction
from afterbay.simulator.invariants import Invariants
from afterbay.simulator.source import SimulatedStream
from afterbay.simulator.world import (
    T0,
    US,
    Burst,
    DestinationPlan,
    HandlerPlan,
    Reshard,
    SourcePlan,
    World,
    Write,
)
from afterbay.stores.memory import MemoryStore

REST_S = 600.0
"""Virtual seconds in which a scenario comes to its end."""

STEP_S = 0.125
LATENCY_US = 5_000

Script = Callable[[dict], Answer]
"""The event that the function gets -> its answer. May raise ``ServiceError``."""


@dataclass(frozen=True, slots=True)
class Put:
    """An item that is written ``at_s`` seconds after the stream began; its ``n`` is the place among all writes."""

    item: int
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """``script`` makes a new function for each run. ``starts_s``: when the mapping is created."""

    settings: MappingSettings
    puts: Sequence[Put]
    script: Callable[[], Script]
    starts_s: float = 0.5
    reshards: tuple[Reshard, ...] = ()
    roots: int = 1


@dataclass(slots=True)
class Ran:
    """What a driver did: the commands that decide over records, in order by shard and lane, and what was left."""

    commands: dict[tuple[str, int], list[tuple[object, ...]]] = field(default_factory=dict)
    rows: dict[str, object] = field(default_factory=dict)
    letters: list[str] = field(default_factory=list)
    calls: list[list[int]] = field(default_factory=list)

    def take(self, command: Command) -> None:
        match command:
            case Deliver(shard=shard, lane=lane, batch=batch, window=window):
                positions = tuple(record.position for record in batch.records)
                told = ("deliver", positions, batch.request_id, batch.attempts, batch.generation, window)
            case Rest(shard=shard, lane=lane, request_id=request_id, delay_s=delay_s):
                told = ("rest", request_id, delay_s)
            case StoreLetter(shard=shard, lane=lane, letter=letter):
                told = ("letter", letter)
            case Tell(notice=notice, shard=shard, detail=detail):
                lane, told = -1, ("tell", notice, detail)
            case _:
                return
        self.commands.setdefault((str(shard), lane), []).append(told)


def world_of(scenario: Scenario) -> World:
    """The scenario as a world in which nothing fails."""
    by_time: dict[float, list[Write]] = {}
    for put in scenario.puts:
        by_time.setdefault(put.at_s, []).append(Write(put.item, "paid", removes=False, expired=False))
    bursts = tuple(Burst(int(at_s * US), tuple(writes), trims=False) for at_s, writes in sorted(by_time.items()))
    still = SourcePlan(0, 0, 0, 0, 0, 0, 0, page_records=1000, tells_tips=False)
    function = HandlerPlan(LATENCY_US, 0, 0, 0, 0, 0, 0, 0, 0, 0, frozenset(), frozenset(), heals_us=None)
    return World(
        seed=7,
        settings=scenario.settings,
        roots=scenario.roots,
        items=1000,
        first_counter=2,
        bursts=bursts,
        reshards=scenario.reshards,
        source=still,
        handler=function,
        destination=DestinationPlan(0, 0, lost=False, letters_max=10_000),
        operations=(),
        crashes=frozenset(),
        starts_us=int(scenario.starts_s * US),
        calm_us=bursts[-1].at_us,
        small=True,
    )


class Even(Random):
    """Draws the middle of everything: delays are not spread."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class StillStream(SimulatedStream):
    """Owes no fault."""

    def __init__(self, world: World, rng: Random, coverage: Coverage) -> None:
        super().__init__(world, rng, coverage)
        self._owed = []
        self._empty_owed = self._repeat_owed = self._listing_owed = self._trim_owed = False


# ---- the simulator


class ScriptedFunction(SimulatedFunction):
    """Answers by the script; what it means for the records follows from what the core reads in the answer."""

    def __init__(self, script: Script, ran: Ran, world: World, rng: Random, coverage: Coverage) -> None:
        super().__init__(world, rng, coverage)
        self._script, self._ran = script, ran

    def answer(self, command, records, now_us, *, reports, timed_out) -> Done:
        self._ran.calls.append([record.position for record in command.batch.records])
        outcome = self._outcome(command, reports=reports)
        match outcome:
            case Delivered():
                return Done(Meaning.OK, len(records), len(records), outcome)
            case FailedFrom(position=position):
                done = sum(record.raw.position < position for record in records)
                return Done(Meaning.PROGRESS if done else Meaning.FAIL, done, done, outcome)
            case Failed(splittable=False):
                return Done(Meaning.TOO_LARGE, 0, 0, outcome)
            case NotReached():
                return Done(Meaning.NOT_REACHED, 0, 0, outcome)
            case _:
                return Done(Meaning.FAIL, 0, 0, outcome)

    def _outcome(self, command: Deliver, *, reports: bool) -> Outcome:
        records = command.batch.records
        try:
            answer = self._script(json.loads(event_of(records, command.window)))
        except PayloadTooLargeError:
            return Failed(Cause.TOO_LARGE, splittable=False)
        except ServiceError as error:
            return NotReached(f"{error.code}: {error.message}")
        return read_answer(
            answer.payload,
            function_error=answer.function_error,
            executed_version=answer.executed_version,
            positions={str(one.position): Position(one.position) for one in records} if reports else {},
            partial=reports,
            window=command.window is not None,
        )


class ScriptedSimulation(Simulation):
    def __init__(self, scenario: Scenario, ran: Ran) -> None:
        world, rng = world_of(scenario), Even(7)
        super().__init__(world, rng, crashes=frozenset())
        self.ran = ran
        self.stream = StillStream(world, rng, self.coverage)
        self.invariants = Invariants(self._watch, self.stream, world.settings)
        self._function = ScriptedFunction(scenario.script(), ran, world, rng, self.coverage)

    def _perform(self, command: Command) -> None:
        self.ran.take(command)
        super()._perform(command)

    def _delete(self) -> None:
        """What is saved at the end is looked at first."""
        self.ran.rows = {str(row.shard): row for row in self._store.load(UUID)}
        super()._delete()


def run_in_simulator(scenario: Scenario) -> Ran:
    ran = Ran()
    simulation = ScriptedSimulation(scenario, ran)
    simulation.run()
    ran.letters = sorted(request_id for _, request_id, _, _ in simulation._letters.arrived)
    return ran


# ---- the engine


class Inline(Executor):
    """Runs everything at once: no thread is waited for while the clock moves."""

    def submit(self, fn, /, *args, **kwargs) -> Future:
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whatever it is, the future's reader gets it
            future.set_exception(error)
        return future


class Commands(Listener):
    def __init__(self, ran: Ran) -> None:
        self.ran = ran

    def handled(self, handled: Handled) -> None:
        for command in handled.commands:
            self.ran.take(command)


class StreamSource:
    """The simulator's stream as the engine's source."""

    orders_parents = False

    def __init__(self, stream: SimulatedStream, clock: Clock) -> None:
        self._stream, self._clock = stream, clock

    @property
    def _now_us(self) -> int:
        return (self._clock.now() - T0) // timedelta(microseconds=1)

    async def list_shards(self, *, pin_latest: bool, children_of: ShardId | None = None) -> ShardListing:
        listed = self._stream.describe(ListShards(children_of, pin_latest), self._now_us)
        if isinstance(listed, ListingFailed):
            raise UnavailableError(listed.reason)
        return ShardListing(listed.shards, listed.complete, listed.stream_disabled, dict(listed.tips))

    async def read(self, shard: ShardId, start: StartAt, *, limit: int, pause_s: float) -> Page:
        if pause_s and not self._stream.has_more(shard, start):
            await self._clock.sleep(pause_s)
        read = self._stream.read(ReadShard(shard, 0, start, limit), self._now_us)
        if isinstance(read, ReadFailed):
            raise UnavailableError(read.reason)
        return Page(read.records, read.end)

    def forget(self, shard: ShardId) -> None:
        self._stream.forget(shard)

    async def close(self) -> None:
        """There is nothing to let go."""


class Engine:
    """The scenario's engine, its function and its destination."""

    def __init__(self, scenario: Scenario, ran: Ran) -> None:
        self.scenario, self.ran = scenario, ran
        self.world = world_of(scenario)
        self.clock = Clock()
        self.clock.follow(T0)
        self.stream = StillStream(self.world, Even(7), Coverage())
        self.store = MemoryStore(b"seed")
        self.script = scenario.script()
        threads = Inline()
        meter = Meter(Commands(ran))
        outbox = Outbox(self.store, lambda arn: self, self.clock, threads, meter=meter)
        source = StreamSource(self.stream, self.clock)
        self.supervisor = Supervisor(
            Connections(source=lambda s: source, function=lambda s: self),
            self.store,
            outbox,
            self.clock,
            jitter=lambda delay_s: delay_s,
            meter=meter,
            threads=threads,
        )

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        event = json.loads(payload)
        self.ran.calls.append([int(one["dynamodb"]["SequenceNumber"]) for one in event["Records"]])
        return self.script(event)

    async def send(self, letter, *, now) -> None:
        self.ran.letters.append(letter.request_id)

    async def run(self, *, until: Callable[[], bool]) -> None:
        plans = [(burst.at_us, burst) for burst in self.world.bursts]
        plans += [(one.at_us, one) for one in self.world.reshards]
        plans.sort(key=lambda pair: pair[0])
        started = False
        async with self.supervisor:
            for step in range(int(REST_S / STEP_S)):
                now_us = int(step * STEP_S * US)
                while plans and plans[0][0] <= now_us:
                    _, plan = plans.pop(0)
                    move = self.stream.write if isinstance(plan, Burst) else self.stream.reshard
                    move(plan, T0 + timedelta(microseconds=plan.at_us))  # ids of shards hold the millisecond
                if not started and now_us >= self.world.starts_us:
                    started = True
                    await self.supervisor.create(UUID, self.scenario.settings, enabled=True)
                for _ in range(200):
                    await asyncio.sleep(0)
                if started and not plans and until():
                    break
                await self.clock.advance(STEP_S)
            self.ran.rows = {str(row.shard): row for row in self.store.load(UUID)}


async def run_in_engine(scenario: Scenario, like: Ran) -> Ran:
    """Until it has got as far as ``like``, or time is over."""
    ran = Ran()
    engine = Engine(scenario, ran)

    def done() -> bool:
        rows = {str(row.shard): row for row in engine.store.load(UUID)}
        return rows == like.rows and sorted(ran.letters) == like.letters

    await engine.run(until=done)
    ran.letters.sort()
    return ran
