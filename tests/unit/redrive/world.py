"""Queues, a bucket, a stream and a reach in memory: what the tests of letters and redrives stand on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from afterbay.core.change.raw import RawRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import raw_from_lambda
from afterbay.errors import NotFoundError
from afterbay.ports import Answer
from afterbay.redrive.apply import Performer
from afterbay.redrive.bodies import Bodies, compile_filters, find_bodies
from afterbay.redrive.bucket import BucketMailbox
from afterbay.redrive.letter import DeadLetter, ObjectPlace, Place, QueuePlace
from afterbay.redrive.mailbox import Mailbox
from afterbay.redrive.owner import Owner
from afterbay.redrive.plan import Destination, Plan, PlannedLetter
from afterbay.redrive.planning import Asked, keys_of, plan_letter
from afterbay.redrive.queue import QueueMailbox
from afterbay.redrive.result import LetterResult
from afterbay.redrive.send import FunctionSender, Sender, SinkSender
from afterbay.redrive.steps import Again
from afterbay.sinks.memory import MemorySink
from afterbay.sources.span import Reread, Span

STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
SHARD = "shardId-00000001767225600000-aaaa1111"
FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:projector"
URL = "https://sqs.eu-west-1.amazonaws.com/000000000000/letters"
NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)
DAY_S = 24 * 3600.0


def number(n: int) -> int:
    """Sequence numbers have 21 digits at least (S46)."""
    return 410_000_000_000_000_000_000_000 + n


def record(n: int, key: str = "k", v: str | None = "1", *, kind: str = "order") -> RawRecord:
    """A change of one item in Lambda's form; ``v`` None: its removal."""
    image = None if v is None else {"pk": {"S": key}, "v": {"S": v}, "kind": {"S": kind}}
    inner = {
        "ApproximateCreationDateTime": 1767225600.0 + n,
        "Keys": {"pk": {"S": key}},
        **({"NewImage": image} if image else {}),
        "OldImage": {"pk": {"S": key}, "v": {"S": "0"}},
        "SequenceNumber": str(number(n)),
        "SizeBytes": 100,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    body = {
        "eventID": f"{n:032x}",
        "eventName": "REMOVE" if v is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": inner,
        "eventSourceARN": STREAM,
    }
    return raw_from_lambda(json.dumps(body).encode())


def document(first: int, last: int, *, count: int = 1, request: str = "r", **more: object) -> dict[str, object]:
    """What a mapping sends about a batch (R110)."""
    return {
        "requestContext": {
            "requestId": request,
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-01-01T00:00:05.000Z",
        "DDBStreamBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": str(number(first)),
            "endSequenceNumber": str(number(last)),
            "approximateArrivalOfFirstRecord": "2026-01-01T00:00:05Z",
            "approximateArrivalOfLastRecord": "2026-01-01T00:00:05Z",
            "batchSize": count,
            "streamArn": STREAM,
        },
        **more,
    }


@dataclass
class Stored:
    message_id: str
    body: str
    group: str = ""
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    visible_at: float = 0.0
    receives: int = 0


class Sqs:
    """One queue as SQS keeps it, on a clock of its own (seconds). ``page``: how many a receive shows at most."""

    def __init__(self, *, fifo: bool = False, page: int = 10) -> None:
        self.messages: list[Stored] = []
        self.now = 0.0
        self.fifo = fifo
        self.page = page
        self.calls: list[str] = []

    def send(self, body: object, *, group: str = "", attributes: dict[str, str] | None = None) -> QueuePlace:
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()}
        stored = Stored(f"message-{len(self.calls)}-{len(self.messages)}", text, group, named)
        self.messages.append(stored)
        return QueuePlace(URL, stored.message_id)

    @property
    def visible(self) -> list[str]:
        return [one.message_id for one in self.messages if one.visible_at <= self.now]

    async def call(self, service: str, operation: str, **asked: object) -> dict[str, object]:
        assert service == "sqs"
        if asked.pop("QueueUrl") != URL:
            raise NotFoundError("no such queue", code="QueueDoesNotExist")
        self.calls.append(operation)
        answer: dict[str, object] = getattr(self, f"_{operation}")(**asked)
        return answer | {"ResponseMetadata": {"HTTPHeaders": {"date": "Thu, 01 Jan 2026 02:00:00 GMT"}}}

    def _receive_message(self, VisibilityTimeout: int, **_: object) -> dict[str, object]:
        busy = {one.group for one in self.messages if one.visible_at > self.now} if self.fifo else set()
        shown = [one for one in self.messages if one.visible_at <= self.now and one.group not in busy][: self.page]
        for one in shown:
            one.receives += 1
            one.visible_at = self.now + VisibilityTimeout
        return {
            "Messages": [
                {
                    "MessageId": one.message_id,
                    "ReceiptHandle": f"{one.message_id} {one.receives}",
                    "Body": one.body,
                    "Attributes": {"SentTimestamp": "1767225605000"},
                    "MessageAttributes": one.attributes,
                }
                for one in shown
            ]
        }

    def _get_queue_attributes(self, **_: object) -> dict[str, object]:
        hidden = sum(one.visible_at > self.now for one in self.messages)
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(len(self.messages) - hidden),
                "ApproximateNumberOfMessagesNotVisible": str(hidden),
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        }

    def _change_message_visibility_batch(self, Entries: list[dict[str, object]]) -> dict[str, object]:
        for entry in Entries:
            for one in self.messages:
                if f"{one.message_id} {one.receives}" == entry["ReceiptHandle"]:
                    one.visible_at = self.now
        return {}

    def _delete_message(self, ReceiptHandle: str) -> dict[str, object]:
        self.messages = [one for one in self.messages if f"{one.message_id} {one.receives}" != ReceiptHandle]
        return {}


class S3:
    """One bucket: objects by key, and their tags."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.tags: dict[str, list[dict[str, str]]] = {}

    async def call(self, service: str, operation: str, **asked: object) -> dict[str, object]:
        assert service == "s3" and asked.pop("Bucket") == "letters"
        answer: dict[str, object] = getattr(self, f"_{operation}")(**asked)
        return answer

    def _list_objects_v2(self, Prefix: str, ContinuationToken: str = "") -> dict[str, object]:
        keys = sorted(one for one in self.objects if one.startswith(Prefix) and one > ContinuationToken)
        listed = [{"Key": one, "Size": len(self.objects[one]), "LastModified": NOW} for one in keys[:2]]
        more = {"IsTruncated": True, "NextContinuationToken": keys[1]} if len(keys) > 2 else {}
        return {"Contents": listed, **more}

    def _get_object(self, Key: str) -> dict[str, object]:
        return {**self._head_object(Key), "Body": self.objects[Key]}

    def _head_object(self, Key: str) -> dict[str, object]:
        if Key not in self.objects:
            raise NotFoundError("no such key", code="NoSuchKey")
        return {"TagCount": len(self.tags[Key])} if Key in self.tags else {}

    def _get_object_tagging(self, Key: str) -> dict[str, object]:
        return {"TagSet": self.tags.get(Key, [])}

    def _put_object_tagging(self, Key: str, Tagging: dict[str, list[dict[str, str]]]) -> dict[str, object]:
        self.tags[Key] = Tagging["TagSet"]
        return {}

    def _delete_object(self, Key: str) -> dict[str, object]:
        self.objects.pop(Key, None)
        return {}

    def _put_object(self, Key: str, Body: bytes, **_: object) -> dict[str, object]:
        self.objects[Key] = Body
        return {}


class Stream:
    """The records of one shard; ``trim`` drops those below a number."""

    def __init__(self, records: Iterable[RawRecord] = ()) -> None:
        self.records = list(records)
        self.trimmed_below = 0
        self.reads: list[Span] = []

    async def read(self, span: Span) -> Reread:
        self.reads.append(span)
        if span.shard != SHARD or span.first < number(self.trimmed_below):
            return Reread((), lost="trimmed: the stream keeps a record for 24 hours")
        return Reread(tuple(one for one in self.records if span.first <= one.position <= span.last))


@dataclass
class Function:
    """A function in memory: ``handler`` gets the decoded event and answers, or raises."""

    handler: Callable[[object], object]
    events: list[object] = field(default_factory=list)

    async def invoke(self, payload: bytes, *, request_id: str):
        event = json.loads(payload)
        self.events.append(event)
        try:
            return Answer(json.dumps(self.handler(event)).encode())
        except ValueError as error:
            told = {"errorType": "ValueError", "errorMessage": str(error)}
            return Answer(json.dumps(told).encode(), "Unhandled")


class Reach:
    """``apply.Reach`` over one queue, one bucket, one stream, a sink and a function. What outlives a kill is theirs."""

    def __init__(
        self,
        sqs: Sqs,
        stream: Stream,
        *,
        s3: S3 | None = None,
        sink: MemorySink | None = None,
        function: Function | None = None,
        archive=None,
        deletes: bool = False,
    ) -> None:
        self._queue = QueueMailbox(sqs, URL)
        self._bucket = BucketMailbox(s3 or S3(), "letters", now=lambda: NOW, deletes=deletes)
        self._stream = stream
        self._sink = sink
        self._function = function
        self._archive = archive

    def mailbox(self, place: Place) -> Mailbox:
        return self._queue if isinstance(place, QueuePlace) else self._bucket

    def sender(self, letter: PlannedLetter, send: Destination) -> Sender:
        if send.into is not None:
            assert self._sink is not None
            return SinkSender(self._sink)
        assert self._function is not None
        return FunctionSender(self._function, send.form, partial=send.partial, source=SourceKind.TABLE)

    async def bodies(self, letter: DeadLetter, filters: Iterable[str]) -> Bodies:
        patterns = tuple(filters)
        passes = compile_filters(patterns, letter.stream_arn, letter.owner) if patterns else None
        return await find_bodies(letter, passes, self._stream.read, self._archive)

    async def read_again(self, letter: PlannedLetter) -> Again:
        place = letter.place.place()
        found = await self.mailbox(place).letter(place)
        assert found is not None
        told = await self.bodies(found, letter.filters)
        return Again(told.records, lost=told.lost if told.come_from is None else None)

    async def plan(self, asked: Asked, owner: Owner, *, now: datetime = NOW) -> Plan:
        """The plan of every letter that is there."""
        letters = (await self._queue.read()).letters + (await self._bucket.read()).letters
        planned = []
        for letter in letters:
            told = await self.bodies(letter, owner.filters) if not letter.why else Bodies()
            tokens = None
            if asked.into is not None and self._sink is not None:
                keys = keys_of(told.records)
                held = self._sink.look_up(list(keys.values()))
                tokens = {key: one.token for key, one in zip(keys, held, strict=True)}
            planned.append(plan_letter(letter, owner, told, asked, now=now, retention_s=DAY_S, tokens=tokens))
        return Plan(made_at="2026-01-01T02:00:00Z", letters=tuple(planned))


class Run:
    """One run of ``redrive apply``: its performer, and what it told. ``sqs``'s clock moves while it waits."""

    def __init__(self, reach: Reach, sqs: Sqs) -> None:
        self.results: list[LetterResult] = []
        self._sqs = sqs
        self.performer = Performer(reach, tell=self.results.append, wait=self._wait)

    async def _wait(self, seconds: float) -> None:
        self._sqs.now += seconds

    def states(self) -> list[str]:
        return [one.state.value for one in self.results]


def s3_place(key: str) -> ObjectPlace:
    return ObjectPlace("letters", key)


def later(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)
