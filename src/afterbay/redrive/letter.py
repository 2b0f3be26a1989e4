"""A dead letter as it was found: whose it is, why it was written, and which records it is about (R110, X91, B60).

Decides what a message or an object says. Getting at those is ``mailbox``'s, reading the records again is ``bodies``'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias

import msgspec

from afterbay.core.shard.position import Position, ShardId
from afterbay.sources.span import Span

__all__ = ["DeadLetter", "LetterKind", "ObjectPlace", "Place", "QueuePlace", "read_letter"]

DIGITS_MAX = 129
"""Of a sequence number: Kinesis' bound, the larger one."""


@dataclass(frozen=True, slots=True, order=True)
class QueuePlace:
    """A message of a queue, which a receipt is asked for anew each time."""

    url: str
    message_id: str

    def __str__(self) -> str:
        return f"{self.url} {self.message_id}"


@dataclass(frozen=True, slots=True, order=True)
class ObjectPlace:
    """An object of a bucket."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


Place: TypeAlias = QueuePlace | ObjectPlace


class LetterKind(Enum):
    """Who wrote it."""

    MAPPING = "mapping"
    PIPE = "pipe"
    RULE = "rule"
    POISON = "poison"
    """A function of ours, of one record that it could not take (AFTERBAY_POISON)."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One letter. ``owner`` is the ARN of its function, pipe or rule; ``target`` that of a rule's target.

    ``span`` is None for a rule's letter, for the final invocation of a window, which had no records (R130), and for
    what is no letter of ours: ``why`` says what it is then. ``event`` is what came with it: a rule's event, or what the
    function got (S3, R114), of a poison record always. Times are epoch seconds. ``window``: the function was told of a
    tumbling window.
    """

    place: Place
    kind: LetterKind
    owner: str = ""
    condition: str = ""
    error: str | None = None
    detail: str = ""
    target: str | None = None
    attempts: int | None = None
    request_id: str | None = None
    sent_s: float | None = None
    span: Span | None = None
    stream_arn: str = ""
    shard: str = ""
    count: int = 0
    first_created_s: float | None = None
    last_created_s: float | None = None
    window: bool = False
    event: bytes | None = field(default=None, repr=False)
    why: str = ""


class _Request(msgspec.Struct):
    functionArn: str
    condition: str
    requestId: str | None = None
    approximateInvokeCount: int | None = None


class _Response(msgspec.Struct):
    functionError: str | None = None


class _Context(msgspec.Struct):
    partnerResourceArn: str
    condition: str


class _Batch(msgspec.Struct):
    streamArn: str
    shardId: str
    startSequenceNumber: str | None = None
    endSequenceNumber: str | None = None
    approximateArrivalOfFirstRecord: datetime | None = None
    approximateArrivalOfLastRecord: datetime | None = None
    batchSize: int = 0


class _Document(msgspec.Struct):
    """Of a mapping or of a pipe, or of a function (the last five). ``payload`` is JSON text; some senders write the
    object itself."""

    timestamp: datetime | None = None
    requestContext: _Request | None = None
    responseContext: _Response | None = None
    context: _Context | None = None
    DDBStreamBatchInfo: _Batch | None = None
    KinesisBatchInfo: _Batch | None = None
    timeWindowInfo: dict[str, object] | None = None
    payload: str | dict[str, object] | None = None
    afterbay: str | None = None
    reason: str = ""
    requestId: str | None = None
    functionArn: str | None = None
    record: dict[str, object] | None = None


class _Envelope(msgspec.Struct):
    """What a topic makes of a message where a subscription is not raw."""

    Type: str
    TopicArn: str
    Message: str


_documents = msgspec.json.Decoder(_Document)
_envelopes = msgspec.json.Decoder(_Envelope)


def read_letter(
    place: Place, body: bytes, attributes: Mapping[str, str] | None = None, sent_s: float | None = None
) -> DeadLetter:
    """The letter in a message's body or an object, in a topic's envelope or bare. Raises nothing: what is none of ours
    is ``UNKNOWN``.

    ``attributes`` are the message's own, by name; ``sent_s`` is when the queue got it. Rules: R110, X91, B60.
    """
    named = attributes or {}
    if "RULE_ARN" in named:
        return _of_rule(place, body, named, sent_s)
    try:
        document = _documents.decode(_unwrapped(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return _unknown(place, f"no document of a mapping, pipe or rule: {_first_line(error)}", sent_s)
    if document.afterbay == "poison" and document.record is not None:
        return _of_function(place, document, document.record, sent_s)
    batch = document.DDBStreamBatchInfo or document.KinesisBatchInfo
    if batch is None or (document.requestContext is None and document.context is None):
        return _unknown(place, "no document of a mapping, pipe or rule: it names no batch of a stream", sent_s)
    numbers = (batch.startSequenceNumber, batch.endSequenceNumber)
    if any(one is not None and not _is_number(one) for one in numbers):
        return _unknown(place, "its sequence numbers are none", sent_s)
    return _of_stream(place, document, batch, sent_s)


def _of_stream(place: Place, document: _Document, batch: _Batch, sent_s: float | None) -> DeadLetter:
    request, context = document.requestContext, document.context
    owner, condition = ("", "")
    if request is not None:
        owner, condition = request.functionArn, request.condition
    elif context is not None:
        owner, condition = context.partnerResourceArn, context.condition
    first, last = batch.startSequenceNumber, batch.endSequenceNumber
    span = None
    if first is not None and last is not None:
        span = Span(batch.streamArn, ShardId(batch.shardId), Position(int(first)), Position(int(last)))
    told = document.payload
    event = told.encode() if isinstance(told, str) else None if told is None else msgspec.json.encode(told)
    return DeadLetter(
        place=place,
        kind=LetterKind.PIPE if request is None else LetterKind.MAPPING,
        owner=owner,
        condition=condition,
        error=None if document.responseContext is None else document.responseContext.functionError,
        attempts=None if request is None else request.approximateInvokeCount,
        request_id=None if request is None else request.requestId,
        sent_s=_seconds(document.timestamp) or sent_s,
        span=span,
        stream_arn=batch.streamArn,
        shard=batch.shardId,
        count=batch.batchSize,
        first_created_s=_seconds(batch.approximateArrivalOfFirstRecord),
        last_created_s=_seconds(batch.approximateArrivalOfLastRecord),
        window=document.timeWindowInfo is not None,
        event=event,
        why="" if span is not None else "the final invocation of a window: it had no records",
    )


def _of_function(place: Place, document: _Document, record: dict[str, object], sent_s: float | None) -> DeadLetter:
    """``handler.poison_store`` writes them; the record is whole."""
    stream = record.get("eventSourceARN")
    return DeadLetter(
        place=place,
        kind=LetterKind.POISON,
        owner=document.functionArn or "",
        condition="Poison",
        detail=document.reason,
        request_id=document.requestId,
        sent_s=sent_s,
        stream_arn=stream if isinstance(stream, str) else "",
        count=1,
        event=msgspec.json.encode({"Records": [record]}),
    )


def _of_rule(place: Place, body: bytes, named: Mapping[str, str], sent_s: float | None) -> DeadLetter:
    """B60, B61: the body is the event as it came."""
    retries = named.get("RETRY_ATTEMPTS", "")
    return DeadLetter(
        place=place,
        kind=LetterKind.RULE,
        owner=named["RULE_ARN"],
        target=named.get("TARGET_ARN"),
        condition=named.get("EXHAUSTED_RETRY_CONDITION", ""),
        error=named.get("ERROR_CODE"),
        detail=named.get("ERROR_MESSAGE", ""),
        attempts=int(retries) + 1 if retries.isascii() and retries.isdecimal() else None,
        sent_s=sent_s,
        count=1,
        event=body,
    )


def _unknown(place: Place, why: str, sent_s: float | None) -> DeadLetter:
    return DeadLetter(place=place, kind=LetterKind.UNKNOWN, why=why, sent_s=sent_s)


def _unwrapped(body: bytes) -> bytes:
    """What a topic's message holds; a bare body as it is."""
    try:
        envelope = _envelopes.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return body
    return envelope.Message.encode(errors="replace") if envelope.Type == "Notification" else body


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX


def _seconds(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _first_line(error: Exception) -> str:
    """Without what the message holds: it may be anybody's."""
    return str(error).splitlines()[0][:120]
