"""What a function was given: which records, under which names its caller knows them, and how it hears of failures.

Decides the shape of an event. What a record says is ``core.change``'s.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias, TypeGuard

import msgspec

from afterbay.core.change.record import ChangeRecord
from afterbay.errors import RecordError, SettingsError

__all__ = ["Answer", "Carried", "Delivery", "Telling", "changes", "read_event"]

Answer: TypeAlias = dict[str, list[dict[str, str]]]
"""``{"batchItemFailures": [{"itemIdentifier": ...}]}``."""

ENVELOPES_MAX = 3
"""A stream record in a bus event in a topic's message in a queue's message; nothing sends deeper."""


class Telling(Enum):
    """How the caller hears which records failed."""

    EARLIEST = "everything from the earliest record named comes again"  # a mapping on a stream
    EACH = "what is not named counts as done"  # queues and pipes (X81)
    RAISING = "nobody reads the answer"  # topics and the bus invoke asynchronously


@dataclass(frozen=True, slots=True)
class Carried:
    """A record and what its caller calls it; ``identifier`` None: it says no name. Decoded when asked for."""

    content: object
    identifier: str | None
    stream_arn: str | None = None

    def change(self) -> ChangeRecord:
        """Raises ``RecordError``."""
        return ChangeRecord(_unwrapped(self.content), stream_arn=self.stream_arn)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The records of one invocation, in order."""

    records: tuple[Carried, ...]
    telling: Telling

    def answer(self, failed: Sequence[int], why: Exception | None = None) -> Answer:
        """Report the records at the places ``failed``, ascending, in the caller's terms.

        Raises, so that the whole batch fails, where naming them would lose one: ``why``, or a ``RecordError``.
        """
        names = [self.records[place].identifier for place in failed]
        if names and (self.telling is Telling.RAISING or None in names):
            raise why or RecordError(
                f"{len(names)} of {len(self.records)} records failed and cannot be reported one by one",
                hint="the whole batch comes again; the log line above has the reasons",
            )
        return {"batchItemFailures": [{"itemIdentifier": name} for name in names if name is not None]}


def changes(event: object, stream_arn: str | None = None) -> Iterator[ChangeRecord]:
    """The changes that an event carries, in order, decoded one by one as they are taken.

    ``event`` is a mapping's event, a pipe's array, a GetRecords answer (``stream_arn`` needed), or an EventBridge
    event, SQS, SNS or Kinesis records that carry whole stream records. Raises ``SettingsError`` for anything else,
    at once, and ``RecordError`` at a record that cannot be decoded.
    """
    delivery = read_event(event, stream_arn)
    return (carried.change() for carried in delivery.records)


def read_event(event: object, stream_arn: str | None = None) -> Delivery:
    """Recognise an event. Raises ``SettingsError`` that says what it got."""
    if _is_list(event):
        return Delivery(tuple(_from_pipe(one, stream_arn) for one in event), Telling.EACH)
    if _is_object(event):
        if "detail" in event and "detail-type" in event:
            return Delivery((Carried(event, None, stream_arn),), Telling.RAISING)
        records = event.get("Records")
        if _is_list(records):
            return _from_records(records, stream_arn)
    raise SettingsError(
        f"this is no event of a stream, pipe, bus, queue or topic: it is {_described(event)}",
        where="event",
        hint="pass the event as the function got it, or the answer of GetRecords with stream_arn",
    )


def _from_records(records: Sequence[object], stream_arn: str | None) -> Delivery:
    """``{"Records": [...]}``: a mapping's, a topic's, or GetRecords' answer. One invocation has one kind of source."""
    sources = {_source(record) for record in records}
    if len(sources) > 1:
        raise SettingsError(f"records of several sources in one event: {', '.join(sorted(sources))}", where="event")
    source = sources.pop() if sources else "aws:dynamodb"
    names: tuple[str, ...]
    match source:
        case "aws:dynamodb":
            names, telling = (("dynamodb", "SequenceNumber"), Telling.EARLIEST)
        case "aws:kinesis":
            names, telling = (("kinesis", "sequenceNumber"), Telling.EARLIEST)
        case "aws:sqs":
            names, telling = (("messageId",), Telling.EACH)
        case "aws:sns":
            names, telling = (("Sns", "MessageId"), Telling.RAISING)
        case _:
            raise SettingsError(
                f"records of {source[:40]!r} carry no changes that this can decode",
                where="event",
                hint="known are aws:dynamodb, aws:kinesis, aws:sqs and aws:sns",
            )
    return Delivery(tuple(Carried(one, _text_at(one, names), stream_arn) for one in records), telling)


def _from_pipe(record: object, stream_arn: str | None) -> Carried:
    """A pipe names stream records by ``eventID`` and messages by ``messageId`` (X80)."""
    name = _text_at(record, ("messageId",)) or _text_at(record, ("eventID",))
    return Carried(record, name, stream_arn)


def _source(record: object) -> str:
    if _is_object(record):
        for name in ("eventSource", "EventSource"):
            source = record.get(name)
            if isinstance(source, str):
                return source
        if "dynamodb" in record:
            return "aws:dynamodb"
    raise SettingsError(
        f"a record in the event is {_described(record)}", where="event.Records", hint="it has no eventSource"
    )


def _unwrapped(content: object) -> Mapping[str, object]:
    """The stream record inside whatever carries it."""
    for _ in range(ENVELOPES_MAX + 1):
        if not _is_object(content):
            raise RecordError(f"a stream record is a JSON object, this is {_described(content)}")
        if "dynamodb" in content:
            return content
        content = _inside(content)
    raise RecordError(f"no stream record within {ENVELOPES_MAX} envelopes")


def _inside(envelope: Mapping[str, object]) -> object:
    kinesis, sns = envelope.get("kinesis"), envelope.get("Sns")
    if _is_object(kinesis):
        return _decoded_data(kinesis.get("data"))
    if _is_object(sns):
        return _decoded(sns.get("Message"), "Sns.Message")
    if "detail" in envelope:
        return envelope["detail"]
    if "body" in envelope:
        return _decoded(envelope["body"], "body")
    if "Message" in envelope:
        return _decoded(envelope["Message"], "Message")
    if "data" in envelope:
        return _decoded_data(envelope["data"])
    raise RecordError(f"no stream record in it: this is {_described(envelope)}")


def _decoded_data(data: object) -> object:
    if not isinstance(data, str):
        raise RecordError("base64 text is wanted", path="kinesis.data")
    try:
        return _decoded(b64decode(data, validate=True), "kinesis.data")
    except (binascii.Error, ValueError) as broken:
        raise RecordError("not base64", path="kinesis.data") from broken


def _decoded(text: object, path: str) -> object:
    if not isinstance(text, str | bytes):
        raise RecordError("JSON text of a stream record is wanted", path=path)
    try:
        content: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as broken:
        raise RecordError("not JSON", path=path) from broken
    return content


def _text_at(record: object, path: Sequence[str]) -> str | None:
    for name in path:
        record = record.get(name) if _is_object(record) else None
    return record if isinstance(record, str) and record else None


def _described(value: object) -> str:
    """What was got, by type and member names; never by value."""
    if not _is_object(value):
        return f"{type(value).__name__}"
    names = sorted(str(name)[:40] for name in value)
    return f"an object with {', '.join(names[:8])}" if names else "an empty object"


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)
