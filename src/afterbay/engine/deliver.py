"""Delivers a batch of a mapping and says what came of it: to a function here, to the stages of a pipe elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from afterbay.core.change.wire import payload
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Cause, Failed, NotReached, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.window import WindowCall, event_of
from afterbay.core.shard.position import Position
from afterbay.errors import PayloadTooLargeError, ServiceError, ThrottledError
from afterbay.ports import Function

__all__ = ["Deliverer", "FunctionDeliverer"]


class Deliverer(Protocol):
    """Where the batches of one mapping go. Raises nothing that a service can cause."""

    async def records(self, batch: Batch, settings: MappingSettings, window: WindowCall | None) -> Outcome:
        """Deliver records of a stream; ``window``: the tumbling window that they are in."""
        ...

    async def messages(self, batch: Batch, settings: MappingSettings, message_ids: Sequence[str]) -> Outcome:
        """Deliver messages of a queue, whose ids stand in the order of the batch."""
        ...


@dataclass(frozen=True, slots=True)
class FunctionDeliverer:
    """The function of an event source mapping."""

    function: Function

    async def records(self, batch: Batch, settings: MappingSettings, window: WindowCall | None) -> Outcome:
        partial = settings.report_batch_item_failures
        places = {str(one.position): Position(one.position) for one in batch.records} if partial else {}
        event = event_of(batch.records, window)
        return await self._invoke(event, batch.request_id, settings, places, window=window is not None)

    async def messages(self, batch: Batch, settings: MappingSettings, message_ids: Sequence[str]) -> Outcome:
        places = {name: Position(record.position) for name, record in zip(message_ids, batch.records, strict=True)}
        return await self._invoke(payload(batch.records), batch.request_id, settings, places, each=True)

    async def _invoke(
        self,
        event: bytes,
        request_id: str,
        settings: MappingSettings,
        places: Mapping[str, Position],
        *,
        window: bool = False,
        each: bool = False,
    ) -> Outcome:
        """Rules: R85 what was not reached, R80 what was too large."""
        try:
            answer = await self.function.invoke(event, request_id=request_id)
        except PayloadTooLargeError:
            return Failed(Cause.TOO_LARGE, splittable=False)
        except ServiceError as error:
            advice = error.retry_after_s if isinstance(error, ThrottledError) else None
            return NotReached(error.told, advice)
        return read_answer(
            answer.payload,
            function_error=answer.function_error,
            executed_version=answer.executed_version,
            positions=places,
            partial=settings.report_batch_item_failures,
            window=window,
            each=each,
        )
