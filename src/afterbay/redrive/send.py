"""Sending records again: through a function, as its mapping, pipe or rule does, or straight into a sink.

Decides nothing but what an answer means for each record. Which records are sent, and in which batches, is ``steps``'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, assert_never

import msgspec

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import JsonValue, payload
from afterbay.core.guard import Kind, Verdict
from afterbay.core.mapping.diagnosis import FAILURES
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedFrom, FailedSome, NotReached
from afterbay.core.mapping.outcome import Outcome as Answered
from afterbay.core.mapping.response import read_answer, said_in
from afterbay.core.pipe.record import pipe_form
from afterbay.core.shard.position import Position
from afterbay.errors import AfterbayError, RecordError, ServiceError, SettingsError
from afterbay.handler.delivery import changes
from afterbay.ports import Answer, Function, Sink
from afterbay.redrive.owner import Form
from afterbay.redrive.result import Outcome, RecordResult, of_verdict

__all__ = ["FunctionSender", "Sender", "SinkSender", "change_of"]

REASON_MAX = 300
"""Characters of what a function said."""

_BEHIND = "comes after a record that failed, and again with it"


class Sender(Protocol):
    """Where records go. One result for each, in order; raises nothing that a service, function or sink can cause."""

    async def send(self, records: Sequence[RawRecord]) -> tuple[RecordResult, ...]: ...


class FunctionSender:
    """``form`` is what the function is handed; ``partial``: it names what failed (None: it may, that is not known)."""

    def __init__(self, function: Function, form: Form, *, partial: bool | None, source: SourceKind) -> None:
        self._function = function
        self._form = form
        self._partial = partial
        self._source = source

    async def send(self, records: Sequence[RawRecord]) -> tuple[RecordResult, ...]:
        try:
            answer = await self._function.invoke(self._event(records), request_id="")
        except ServiceError as error:
            return tuple(_failed(one, str(error)) for one in records)
        told = read_answer(
            answer.payload,
            function_error=answer.function_error,
            executed_version=answer.executed_version,
            positions=self._places(records),
            # Who reports failures is said by a mapping; where there is none, a function that names some does.
            partial=FAILURES.encode() in answer.payload if self._partial is None else self._partial,
            each=self._form is Form.ARRAY,
        )
        return _results(records, told, answer)

    def _event(self, records: Sequence[RawRecord]) -> bytes:
        match self._form:
            case Form.RECORDS:
                return payload(records)
            case Form.ARRAY:
                return b"[" + b",".join(pipe_form(one.body, self._source) for one in records) + b"]"
            case Form.EVENT:
                (record,) = records
                return record.body

    def _places(self, records: Sequence[RawRecord]) -> dict[str, Position]:
        """By what a function calls a record: its number, or for a pipe its event's id (X80)."""
        places = {str(one.position): Position(one.position) for one in records}
        if self._form is Form.ARRAY:
            places |= {_event_id(one.body): Position(one.position) for one in records}
        return places


class SinkSender:
    """Straight into a guarded sink: what is behind newer changes is stale there, and changes nothing (E5)."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def send(self, records: Sequence[RawRecord]) -> tuple[RecordResult, ...]:
        return await asyncio.to_thread(self._apply, records)

    def _apply(self, records: Sequence[RawRecord]) -> tuple[RecordResult, ...]:
        read = [_read(one) for one in records]
        try:
            told = iter(self._sink.apply([one for one in read if isinstance(one, ChangeRecord)]))
        except AfterbayError as error:
            return tuple(_failed(one, str(error)) for one in records)
        verdicts = [one if isinstance(one, Verdict) else next(told) for one in read]
        return tuple(of_verdict(_number(one), told) for one, told in zip(records, verdicts, strict=True))


def change_of(record: RawRecord) -> ChangeRecord:
    """The change in a record of a table's stream, or in a Kinesis record or a bus's event that carries one whole.

    Raises ``RecordError``.
    """
    try:
        return ChangeRecord(record.body)
    except RecordError as bare:
        try:
            decoded: JsonValue = msgspec.json.decode(record.body)
            event = {"Records": [decoded]} if isinstance(decoded, dict) and "kinesis" in decoded else decoded
            return next(changes(event))
        except (SettingsError, msgspec.DecodeError, UnicodeDecodeError, StopIteration):
            raise bare from None


def _read(record: RawRecord) -> ChangeRecord | Verdict:
    try:
        return change_of(record)
    except RecordError as broken:
        return Verdict(Kind.POISON, str(broken))


def _results(records: Sequence[RawRecord], told: Answered, answer: Answer) -> tuple[RecordResult, ...]:
    match told:
        case Delivered():
            return tuple(RecordResult(_number(one), Outcome.DELIVERED) for one in records)
        case FailedFrom(position=lowest):
            return tuple(_from_lowest(one, lowest) for one in records)
        case FailedSome(positions=positions):
            named = frozenset(positions)
            return tuple(
                _failed(one, "the function named it")
                if one.position in named
                else RecordResult(_number(one), Outcome.DELIVERED)
                for one in records
            )
        case Failed(cause=cause):
            reason = _reason(cause, answer)
            return tuple(_failed(one, reason) for one in records)
        case NotReached(reason=reason):
            return tuple(_failed(one, reason) for one in records)
        case _:
            assert_never(told)


def _from_lowest(record: RawRecord, lowest: int) -> RecordResult:
    if record.position < lowest:
        return RecordResult(_number(record), Outcome.DELIVERED)
    if record.position == lowest:
        return _failed(record, "the function named it")
    return RecordResult(_number(record), Outcome.NOT_REACHED, _BEHIND)


def _reason(cause: Cause, answer: Answer) -> str:
    """In the function's own words where it has some."""
    if cause is not Cause.FUNCTION_ERROR:
        return "its answer is none that names records (R97)"
    said = said_in(answer.payload)
    words = "" if said is None else ": ".join(one for one in (said.kind, said.message) if one)
    return (words or answer.function_error or "the function failed")[:REASON_MAX]


class _Named(msgspec.Struct):
    eventID: str = ""


def _event_id(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Named).eventID
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def _failed(record: RawRecord, reason: str) -> RecordResult:
    return RecordResult(_number(record), Outcome.FAILED, reason)


def _number(record: RawRecord) -> str:
    return str(record.position)
