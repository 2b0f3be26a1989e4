"""What the drill sees of the engine, and how it lets functions fail.

A listener writes down what happened to records, by item; nothing here decides whether that was right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.value import canonical
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import RecordsRead
from afterbay.core.mapping.outcome import Delivered, FailedFrom
from afterbay.engine.meter import Attempt, Handled, Listener
from afterbay.ports import Answer, Function

__all__ = ["Hub", "Poison", "SeenRecord", "SentLetter", "Witness", "done_in", "error_text"]

ERROR_CHARS = 200

POISON_ANSWER = Answer(
    msgspec.json.encode({"errorMessage": "this item fails on purpose", "errorType": "AfterbayDrill"}), "Unhandled"
)


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """A record in a page that the mapping read."""

    at: datetime
    shard: str
    record: RawRecord


@dataclass(frozen=True, slots=True)
class SentLetter:
    """A dead letter that was sent, or could not be."""

    at: datetime
    letter: Letter
    delivered: bool


@dataclass(slots=True)
class Witness(Listener):
    """Of one mapping; the others' doings pass by. Keys are canonical bytes (``ItemKey``)."""

    mapping: str
    reads: list[SeenRecord] = field(default_factory=list[SeenRecord])
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    letters: list[SentLetter] = field(default_factory=list[SentLetter])

    def handled(self, handled: Handled) -> None:
        if handled.mapping == self.mapping and isinstance(handled.event, RecordsRead):
            shard = handled.event.shard
            self.reads += [SeenRecord(handled.at, shard, one) for one in handled.event.records]

    def attempt(self, attempt: Attempt) -> None:
        if attempt.mapping == self.mapping:
            self.attempts.append(attempt)

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        if letter.mapping == self.mapping:
            self.letters.append(SentLetter(at, letter, delivered))

    def records_of(self, key: bytes) -> list[SeenRecord]:
        """The item's records, each once, in the order of the stream."""
        found = {one.record.position: one for one in reversed(self.reads) if one.record.key == key}
        return [found[position] for position in sorted(found)]

    def attempts_with(self, position: int) -> list[Attempt]:
        """The deliveries that had this record."""
        return [one for one in self.attempts if any(record.position == position for record in one.batch.records)]

    def delivered(self, position: int) -> Attempt | None:
        """The delivery that was done with this record."""
        return next((one for one in self.attempts_with(position) if done_in(one, position)), None)


class Hub(Listener):
    """Passes on to the witness of the moment."""

    def __init__(self) -> None:
        self.witness: Witness | None = None

    def attempt(self, attempt: Attempt) -> None:
        if self.witness is not None:
            self.witness.attempt(attempt)

    def handled(self, handled: Handled) -> None:
        if self.witness is not None:
            self.witness.handled(handled)

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        if self.witness is not None:
            self.witness.letter_sent(letter, delivered=delivered, tries=tries, at=at)


def done_in(attempt: Attempt, position: int) -> bool:
    """Whether a delivery was done with a record that it had."""
    match attempt.outcome:
        case Delivered():
            return True
        case FailedFrom(position=failed_from):
            return position < failed_from
        case _:
            return False


class Poison:
    """Items whose change one function does not take: an invocation with one of them ends as an unhandled exception
    does, and does not reach the function's code. ``errors`` are what functions last failed with by themselves."""

    def __init__(self) -> None:
        self.function_arn = ""
        self.keys: set[bytes] = set()
        self.errors: dict[str, str] = {}

    def around(self, function_arn: str, function: Function) -> Function:
        """The same function, but for the keys."""
        return _Poisoned(function_arn, function, self)

    def hits(self, function_arn: str, payload: bytes) -> bool:
        if function_arn != self.function_arn or not self.keys:
            return False
        return not self.keys.isdisjoint(_keys_in(payload))

    def failed(self, function_arn: str, answer: Answer) -> None:
        """A function failed by itself."""
        self.errors[function_arn] = error_text(answer)


class _Poisoned:
    def __init__(self, arn: str, inner: Function, poison: Poison) -> None:
        self._arn = arn
        self._inner = inner
        self._poison = poison

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        if self._poison.hits(self._arn, payload):
            return POISON_ANSWER
        answer = await self._inner.invoke(payload, request_id=request_id)
        if answer.function_error is not None:
            self._poison.failed(self._arn, answer)
        return answer


def error_text(answer: Answer) -> str:
    """What a function failed with, in one line."""
    try:
        told = msgspec.json.decode(answer.payload, type=dict[str, object])
    except msgspec.MsgspecError:
        told = {}
    kind, message = told.get("errorType", "an error"), str(told.get("errorMessage", ""))
    return f"{kind}: {message[:ERROR_CHARS]}" if message else str(kind)


class _Change(msgspec.Struct):
    Keys: dict[str, object]


class _Record(msgspec.Struct):
    dynamodb: _Change | None = None


class _Event(msgspec.Struct):
    Records: list[_Record] = msgspec.field(default_factory=list[_Record])


_EVENTS = msgspec.json.Decoder(_Event)


def _keys_in(payload: bytes) -> list[bytes]:
    """The keys of an event's records; a final invocation of a window has none."""
    return [canonical(one.dynamodb.Keys) for one in _EVENTS.decode(payload).Records if one.dynamodb is not None]
