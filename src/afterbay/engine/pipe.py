"""Delivers the batches of a pipe: drives one execution after another, and tells what each was (X28, X75).

Does; the stages decide (``core.pipe.machine``), and the mapping core has retries, bisecting and dead letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.window import WindowCall
from afterbay.core.pipe.machine import Ask, PipeExecution
from afterbay.core.pipe.plan import Plan
from afterbay.core.target.call import Call, Reply
from afterbay.engine.clock import Clock

__all__ = ["EXECUTION_S_MAX", "PipeDeliverer", "PipeListener"]

EXECUTION_S_MAX = 300.0
"""X75, in real time as all time-outs."""


class _EventId(msgspec.Struct):
    eventID: str


_event_ids = msgspec.json.Decoder(_EventId)


class PipeListener(Protocol):
    """Hears of every execution: logs, metrics. Called on the loop: it must be quick."""

    def began(self, plan: Plan) -> None: ...

    def left(self, plan: Plan) -> None:
        """It runs no more, whether it came to its end or was cut off with its mapping."""
        ...

    def executed(self, plan: Plan, execution: PipeExecution, execution_id: str) -> None:
        """It came to its end."""
        ...


@dataclass(frozen=True, slots=True)
class PipeDeliverer:
    """One pipe. ``plan`` answers what its settings are now; a batch under way ends with what it began with."""

    plan: Callable[[], Plan]
    perform: Callable[[Call, str], Awaitable[Reply]]
    clock: Clock
    listener: PipeListener
    limit_s: float = EXECUTION_S_MAX

    async def records(self, batch: Batch, settings: MappingSettings, window: WindowCall | None) -> Outcome:
        return await self._execute(batch, lambda: [_event_ids.decode(one.body).eventID for one in batch.records])

    async def messages(self, batch: Batch, settings: MappingSettings, message_ids: Sequence[str]) -> Outcome:
        return await self._execute(batch, lambda: message_ids)

    async def _execute(self, batch: Batch, identifiers: Callable[[], Sequence[str]]) -> Outcome:
        plan = self.plan()
        self.listener.began(plan)
        try:
            execution = PipeExecution(plan, batch, self.clock.now(), identifiers=identifiers)
            outcome = await self._through(execution, batch.request_id)
        finally:
            self.listener.left(plan)
        self.listener.executed(plan, execution, batch.request_id)
        return outcome

    async def _through(self, execution: PipeExecution, request_id: str) -> Outcome:
        """From its first stage to its end, or to the end of its time (X75)."""
        step = execution.begin(self.clock.now())
        try:
            async with asyncio.timeout(self.limit_s):
                while isinstance(step, Ask):
                    reply = await self.perform(step.call, request_id)
                    step = execution.told(reply, self.clock.now())
        except TimeoutError:
            step = execution.timed_out(self.clock.now())
        assert not isinstance(step, Ask), "an execution ends"
        return step.outcome
