"""Performs one command of a mapping and says what came of it.

Does; decides nothing. Foreign failures arrive here as ``ServiceError`` and leave as events or outcomes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar, assert_never

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
    Event,
    Invoked,
    LetterStored,
    ListingFailed,
    PositionsForgotten,
    PositionsLoaded,
    PositionsSaved,
    ReadFailed,
    ReadFailure,
    RecordsRead,
    Rested,
    ShardsListed,
)
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.clock import Clock
from afterbay.engine.deliver import Deliverer
from afterbay.engine.meter import Attempt, Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.saves import Saves
from afterbay.errors import (
    DeniedError,
    IteratorExpiredError,
    NotFoundError,
    RecordError,
    ServiceError,
    ThrottledError,
    TrimmedError,
)
from afterbay.ports import CheckpointStore, Source

__all__ = ["Performer"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Performer:
    """What a mapping's commands act on. ``jitter`` spreads a delay in seconds, ``rests`` the rest of a failed batch;
    ``threads`` runs the store's calls."""

    mapping: str
    source: Source
    deliverer: Deliverer
    store: CheckpointStore
    outbox: Outbox
    clock: Clock
    threads: Executor
    jitter: Callable[[float], float]
    rests: Callable[[float], float]
    meter: Meter
    settings: Callable[[], MappingSettings]
    saves: Saves = field(default_factory=Saves)

    def at_once(self, command: Command) -> bool:
        """Do what needs no waiting and has no answer; False: it is another kind of command."""
        if isinstance(command, SavePositions):
            self.saves.begins()
        if isinstance(command, ReleaseShard):
            self.source.forget(command.shard)
            return True
        return False

    async def close(self) -> None:
        await self.source.close()

    async def __call__(self, command: Command) -> Event:
        """Do it, and report. Raises nothing that a service can cause."""
        match command:
            case ReadShard():
                return await self._read(command)
            case Deliver(shard=shard, lane=lane, batch=batch):
                return Invoked(shard, lane, batch.request_id, await self._deliver(command))
            case Rest(shard=shard, lane=lane, run=run, request_id=request_id):
                await self._sleep(max(self.rests(command.delay_s), command.at_least_s))
                return Rested(shard, lane, run, request_id)
            case SavePositions(shards=shards, forget=forget):
                try:
                    await self._in_thread(lambda: self.store.save(self.mapping, shards, forget))
                finally:
                    self.saves.ends()
                return PositionsSaved()
            case StoreLetter(shard=shard, lane=lane, letter=letter):
                await self.outbox.put(letter)
                return LetterStored(shard, lane, letter.request_id)
            case ListShards():
                return await self._list(command)
            case LoadPositions():
                return PositionsLoaded(await self._in_thread(lambda: self.store.load(self.mapping)))
            case ForgetPositions():
                await self._in_thread(lambda: self.store.delete(self.mapping))
                return PositionsForgotten()
            case ReleaseShard() | WakeAt() | Tell():
                raise AssertionError(f"{type(command).__name__} has no answer")
            case _:
                assert_never(command)

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)

    async def _pause(self, delay_s: float) -> None:
        if delay_s:
            await self._sleep(self.jitter(delay_s))

    async def _sleep(self, delay_s: float) -> None:
        await self.clock.sleep_until(self.clock.now() + timedelta(seconds=delay_s))

    async def _list(self, command: ListShards) -> Event:
        await self._pause(command.delay_s)
        try:
            listing = await self.source.list_shards(pin_latest=command.pin_latest, children_of=command.children_of)
        except ServiceError as error:
            gone = isinstance(error, NotFoundError)
            return ListingFailed(error.told, command.children_of, gone)
        return ShardsListed(
            listing.shards, listing.complete, command.children_of, listing.stream_disabled, listing.tips
        )

    async def _read(self, command: ReadShard) -> Event:
        await self._pause(command.delay_s)
        try:
            page = await self.source.read(command.shard, command.start, limit=command.limit, pause_s=command.pause_s)
        except ServiceError as error:
            advice = error.retry_after_s if isinstance(error, ThrottledError) else None
            reason = error.told
            return ReadFailed(command.shard, command.run, _failure_of(error), reason, advice)
        except RecordError as error:
            return ReadFailed(command.shard, command.run, ReadFailure.UNAVAILABLE, f"unreadable record: {error}")
        return RecordsRead(command.shard, command.run, page.records, page.end)

    async def _deliver(self, command: Deliver) -> Outcome:
        """Deliver once what its lane did before is saved: a kill then repeats one batch of each lane at most,
        however slow the disk is."""
        await self.saves.settled()
        started = self.clock.now()
        batch, settings = command.batch, self.settings()
        outcome = await self.deliverer.records(batch, settings, command.window)
        self.meter.attempt(Attempt(self.mapping, settings, batch, started, self.clock.now(), outcome))
        return outcome


def _failure_of(error: ServiceError) -> ReadFailure:
    match error:
        case IteratorExpiredError():
            return ReadFailure.ITERATOR_EXPIRED
        case TrimmedError():
            return ReadFailure.TRIMMED
        case NotFoundError():
            return ReadFailure.GONE
        case ThrottledError():
            return ReadFailure.THROTTLED
        case DeniedError():
            return ReadFailure.DENIED
        case _:
            return ReadFailure.UNAVAILABLE
