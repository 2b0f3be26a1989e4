"""Many mappings in one process: start, stop, restart, drain.

Owns every runner and the outbox. A mapping that ends by a bug of ours is started again from its checkpoint, later each
time; the others are not disturbed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from afterbay.core.change.source import RETENTION_S, SourceKind
from afterbay.core.mapping.body import MappingStatus
from afterbay.core.mapping.commands import Command
from afterbay.core.mapping.events import (
    Created,
    DeletionRequested,
    Event,
    SkipRequested,
    StopRequested,
    update_requested,
)
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.queue import QueueMapping
from afterbay.core.mapping.retry import backoff_s
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.skip import SkipPlan
from afterbay.core.mapping.whereabouts import Whereabouts, find
from afterbay.core.pipe.filters import compiler_of
from afterbay.core.shard.position import Position, ShardId
from afterbay.engine.clock import Clock
from afterbay.engine.deliver import Deliverer, FunctionDeliverer
from afterbay.engine.meter import Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.perform import Performer
from afterbay.engine.perform_queue import QueuePerformer
from afterbay.engine.runner import AnyRunner, Runner
from afterbay.errors import SettingsError
from afterbay.ports import CheckpointStore, Function, QueueSource, Source

__all__ = ["Connections", "Supervisor"]

log = logging.getLogger(__name__)

STORE_THREADS = 2
"""The store is one file with one writer: more threads would only wait for each other."""


def _no_queue(settings: MappingSettings) -> QueueSource:
    raise SettingsError(f"no queue is read here: {settings.event_source_arn}")


def _no_pipe(arn: str) -> Deliverer:
    raise SettingsError(f"no pipe runs here: {arn}")


@dataclass(frozen=True, slots=True)
class Connections:
    """How a mapping reaches the world: ``source`` for streams, ``queue`` for queues.

    ``function`` may answer ``NotFoundError`` at each invocation (R34), never here. ``pipe``: what delivers the batches
    of the pipe with this ARN, which stands where a function's would in the mapping that reads its source.
    """

    source: Callable[[MappingSettings], Source]
    function: Callable[[MappingSettings], Function]
    queue: Callable[[MappingSettings], QueueSource] = _no_queue
    pipe: Callable[[str], Deliverer] = _no_pipe

    def deliverer(self, settings: MappingSettings) -> Deliverer:
        """What delivers the batches of a mapping."""
        return self.pipe(settings.function_arn) if settings.is_pipe else FunctionDeliverer(self.function(settings))


class Supervisor:
    """``async with`` it, create mappings, and drain it before the end.

    ``jitter`` spreads a delay (R91: at least +-25 %), ``pipe_jitter`` the rest of a pipe's failed batch (X89: any part
    of it); they are handed in, so that a test can do without. ``source_over`` hears of a mapping whose source is at its
    end for good; it is called on the loop, from inside the mapping's step.
    """

    def __init__(
        self,
        connections: Connections,
        store: CheckpointStore,
        outbox: Outbox,
        clock: Clock,
        *,
        jitter: Callable[[float], float],
        pipe_jitter: Callable[[float], float] | None = None,
        meter: Meter | None = None,
        threads: ThreadPoolExecutor | None = None,
        source_over: Callable[[str], None] = lambda uuid: None,
    ) -> None:
        self._source_over = source_over
        self._connections, self._store, self._outbox, self._clock = connections, store, outbox, clock
        self._jitter, self._pipe_jitter = jitter, pipe_jitter or jitter
        self._meter = meter or Meter()
        self._threads = threads or ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        self._runners: dict[str, AnyRunner] = {}
        self._enabled: dict[str, bool] = {}
        self._crashes: dict[str, int] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._draining = False

    async def __aenter__(self) -> Supervisor:
        self._sender = asyncio.get_running_loop().create_task(self._outbox.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.drain()
        self._sender.cancel()
        await asyncio.gather(self._sender, *self._chores, return_exceptions=True)
        await self._outbox.flush()
        self._threads.shutdown(wait=True)

    def __iter__(self) -> Iterator[AnyRunner]:
        return iter(tuple(self._runners.values()))

    @property
    def outbox(self) -> Outbox:
        return self._outbox

    async def create(self, uuid: str, settings: MappingSettings, *, enabled: bool) -> None:
        """Start a mapping, from its saved positions if there are any."""
        assert uuid not in self._runners, "a mapping is created once"
        self._enabled[uuid] = enabled
        self._launch(uuid, settings)

    async def update(self, uuid: str, settings: MappingSettings, *, enabled: bool | None) -> None:
        """Go on with ``settings`` from the checkpoint (R38). Raises ``SettingsError`` while in use (E19)."""
        runner = self._runners[uuid]
        runner.tell(update_requested(runner.mapping.state, settings, enabled=enabled))
        self._enabled[uuid] = self._enabled[uuid] if enabled is None else enabled

    async def delete(self, uuid: str) -> None:
        """Drain a mapping and forget its positions; ``describe`` answers None once that is done."""
        self._runners[uuid].tell(DeletionRequested())

    def plan_skip(self, uuid: str, request: SkipRequested) -> SkipPlan:
        """What ``skip`` would give up. Raises ``SettingsError`` for what the mapping refuses."""
        return self._stream_mapping(uuid).plan_skip(request)

    def skip(self, uuid: str, request: SkipRequested) -> SkipPlan:
        """Give up what is not done of a shard, by letters; what it was when that began. Raises ``SettingsError``."""
        plan = self.plan_skip(uuid, request)
        cast("Runner[Event, Command]", self._runners[uuid]).tell(request)
        return plan

    def whereabouts(self, uuid: str, shard: ShardId, position: Position) -> Whereabouts | None:
        """Where a record is that a mapping has in hand; None: no mapping of that name, or it does not."""
        runner = self._runners.get(uuid)
        mapping = None if runner is None else runner.mapping
        return find(mapping, shard, position) if isinstance(mapping, Mapping) else None

    def _stream_mapping(self, uuid: str) -> Mapping:
        runner = self._runners.get(uuid)
        if runner is None:
            known = ", ".join(self._runners) or "none"
            raise SettingsError(f"no mapping {uuid} runs here", hint=f"those that run: {known}")
        mapping = runner.mapping
        if not isinstance(mapping, Mapping):
            raise SettingsError(
                f"{uuid} reads a queue, which has no shards",
                hint="a message that blocks nobody goes to the queue's own dead-letter queue",
            )
        return mapping

    def describe(self, uuid: str) -> MappingStatus | None:
        runner = self._runners.get(uuid)
        if runner is None:
            return None
        mapping = runner.mapping
        return MappingStatus(
            mapping.state, last_processing_result=mapping.last_result.value, source_over=mapping.source_over
        )

    def settings_of(self, uuid: str) -> MappingSettings | None:
        """What the mapping acts on now; None once it is gone."""
        runner = self._runners.get(uuid)
        return None if runner is None else runner.mapping.settings

    async def clear(self) -> None:
        """Delete every mapping, and wait until all are gone."""
        runners = tuple(self)
        for runner in runners:
            try:
                runner.tell(DeletionRequested())
            except SettingsError:  # on its way from one state to another (E19): nobody asks for less than its end
                runner.tell(StopRequested())
        await asyncio.gather(*(runner.ended() for runner in runners))
        loop = asyncio.get_running_loop()
        for runner in runners:  # one that was stopped has saved where it stood
            await loop.run_in_executor(self._threads, self._store.delete, runner.mapping.uuid)

    async def drain(self) -> None:
        """Finish what is in flight, save, and stop every mapping."""
        self._draining = True
        for runner in self:
            if not runner.mapping.stopped:
                runner.tell(StopRequested())
        await asyncio.gather(*(runner.ended() for runner in self))
        await asyncio.gather(*(runner.close() for runner in self))
        self._runners.clear()

    def _launch(self, uuid: str, settings: MappingSettings) -> None:
        make = self._of_queue if settings.kind is SourceKind.QUEUE else self._of_stream
        runner = make(uuid, settings)
        self._runners[uuid] = runner
        runner.tell(Created(self._enabled[uuid]))

    def _of_stream(self, uuid: str, settings: MappingSettings) -> AnyRunner:
        source = self._connections.source(settings)
        mapping = Mapping(
            uuid,
            settings,
            self._store.seed(),
            orders_parents=source.orders_parents,
            retention_s=RETENTION_S.get(settings.kind),
            compile_filters=compiler_of(settings.function_arn),
            keeps_bodies=self._outbox.keeps_bodies,
        )
        performer = Performer(
            mapping=uuid,
            source=source,
            deliverer=self._connections.deliverer(settings),
            store=self._store,
            outbox=self._outbox,
            clock=self._clock,
            threads=self._threads,
            jitter=self._jitter,
            rests=self._rests(settings),
            meter=self._meter,
            settings=lambda: mapping.settings,
        )
        return Runner(mapping, performer, self._clock, on_end=self._ended, on_source_over=self._over)

    def _of_queue(self, uuid: str, settings: MappingSettings) -> AnyRunner:
        mapping = QueueMapping(uuid, settings, self._store.seed(), compile_filters=compiler_of(settings.function_arn))
        performer = QueuePerformer(
            mapping=uuid,
            source=self._connections.queue(settings),
            deliverer=self._connections.deliverer(settings),
            clock=self._clock,
            meter=self._meter,
            rests=self._rests(settings),
            settings=lambda: mapping.settings,
        )
        return Runner(mapping, performer, self._clock, on_end=self._ended, on_source_over=self._over)

    def _rests(self, settings: MappingSettings) -> Callable[[float], float]:
        return self._pipe_jitter if settings.is_pipe else self._jitter

    def _over(self, runner: AnyRunner) -> None:
        self._source_over(runner.mapping.uuid)

    def _ended(self, runner: AnyRunner) -> None:
        if self._draining:
            return
        self._chore(self._bury(runner) if runner.failure is None else self._start_again(runner, runner.failure))

    async def _bury(self, runner: AnyRunner) -> None:
        await runner.close()
        for known in (self._runners, self._enabled, self._crashes):
            known.pop(runner.mapping.uuid, None)

    async def _start_again(self, runner: AnyRunner, failure: BaseException) -> None:
        uuid = runner.mapping.uuid
        self._crashes[uuid] = self._crashes.get(uuid, 0) + 1
        log.error("mapping failed; it starts again from its checkpoint", extra={"mapping": uuid}, exc_info=failure)
        await runner.close()
        await self._clock.sleep(backoff_s(self._crashes[uuid]))
        if not self._draining and self._runners.get(uuid) is runner:
            self._launch(uuid, runner.mapping.settings)

    def _chore(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
