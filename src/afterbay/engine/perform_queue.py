"""Performs one command of a queue's mapping and says what came of it. Does; decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import assert_never

from afterbay.core.mapping.commands import Tell, WakeAt
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.queue_commands import (
    DeleteMessages,
    DeliverMessages,
    DescribeQueue,
    QueueCommand,
    Receive,
    ReturnMessages,
    StopWaiting,
)
from afterbay.core.mapping.queue_events import (
    BatchAnswered,
    DescribeFailed,
    MessagesDeleted,
    MessagesReceived,
    MessagesReturned,
    QueueDescribed,
    QueueEvent,
    ReceiveFailed,
)
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.clock import Clock
from afterbay.engine.deliver import Deliverer
from afterbay.engine.meter import Attempt, Meter
from afterbay.errors import DeniedError, RecordError, ServiceError, ThrottledError
from afterbay.ports import QueueSource

__all__ = ["QueuePerformer"]


@dataclass(frozen=True, slots=True)
class QueuePerformer:
    """What the commands of a queue's mapping act on. ``rests`` spreads the rest of a batch, in seconds."""

    mapping: str
    source: QueueSource
    deliverer: Deliverer
    clock: Clock
    meter: Meter
    rests: Callable[[float], float]
    settings: Callable[[], MappingSettings]

    def at_once(self, command: QueueCommand) -> bool:
        """Do what needs no waiting and has no answer; False: it is another kind of command."""
        if isinstance(command, StopWaiting):
            # A receive that was commanded just now has not begun, and would not hear it: it begins first.
            asyncio.get_running_loop().call_soon(self.source.stop_waiting)
            return True
        return False

    async def close(self) -> None:
        await self.source.close()

    async def __call__(self, command: QueueCommand) -> QueueEvent:
        """Do it, and report. Raises nothing that a service can cause."""
        match command:
            case Receive():
                return await self._receive(command)
            case DeliverMessages(batch=batch):
                return BatchAnswered(batch.request_id, await self._deliver(command), self.rests(1.0))
            case DeleteMessages():
                return await self._delete(command)
            case ReturnMessages(messages=messages):
                with suppress(ServiceError):  # then they are hidden a while longer
                    await self.source.give_back(messages)
                return MessagesReturned()
            case DescribeQueue(run=run):
                try:
                    return QueueDescribed(run, await self.source.visibility_s())
                except ServiceError as error:
                    return DescribeFailed(run, error.told, isinstance(error, DeniedError))
            case StopWaiting() | WakeAt() | Tell():
                raise AssertionError(f"{type(command).__name__} has no answer")
            case _:
                assert_never(command)

    async def _receive(self, command: Receive) -> QueueEvent:
        try:
            return MessagesReceived(
                await self.source.receive(limit=command.limit, wait_s=command.wait_s, hides_s=command.hides_s)
            )
        except ServiceError as error:
            advice = error.retry_after_s if isinstance(error, ThrottledError) else None
            return ReceiveFailed(error.told, advice, isinstance(error, DeniedError))
        except RecordError as error:
            return ReceiveFailed(f"unreadable message: {error}")

    async def _delete(self, command: DeleteMessages) -> QueueEvent:
        try:
            deleted, failure = await self.source.delete(command.messages)
        except ServiceError as error:
            return MessagesDeleted(command.request_id, 0, error.told, isinstance(error, DeniedError))
        return MessagesDeleted(command.request_id, deleted, failure)

    async def _deliver(self, command: DeliverMessages) -> Outcome:
        started = self.clock.now()
        batch, settings = command.batch, self.settings()
        outcome = await self.deliverer.messages(batch, settings, command.message_ids)
        self.meter.attempt(Attempt(self.mapping, settings, batch, started, self.clock.now(), outcome))
        return outcome
