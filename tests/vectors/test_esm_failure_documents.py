"""The documents that a failure destination got, as recorded (R102 to R115), out of the mapping's own machine.

A vector is played: its settings, records of its ages, a function that answers as it says. The letter that comes of it
must have the recorded members and no others. Placeholders stand for one value each. A vector's kind is told by its
members, never by its name.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.deadletter import Letter, document
from afterbay.core.mapping.events import EnableRequested
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.targets.bucket import BucketTarget
from afterbay.targets.topic import TopicTarget
from unit.core.mapping.driving import T0, World, settings
from vectors.loading import Reader, Vector, vectors

SHARDS = {"dynamodb": "shardId-00000001767225600000-aaaa1111", "kinesis": "shardId-000000000000"}
STREAMS = {
    "dynamodb": "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000",
    "kinesis": "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks",
}
DESTINATIONS = {
    "sqs": "arn:aws:sqs:eu-west-1:000000000000:letters",
    "sns": "arn:aws:sns:eu-west-1:000000000000:letters",
    "s3": "arn:aws:s3:::letters",
}
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
PLACEHOLDERS = {
    "<partition>": "aws",
    "<region>": "eu-west-1",
    "<account>": "000000000000",
    "<function>": "f",
    "<alias>": "live",
    "<table>": "items",
    "<stream-label>": re.escape("2026-01-01T00:00:00.000"),
    "<stream>": "clicks",
    "<shard-id>": "shardId-[0-9a-f-]+",
    "<request-id>": UUID,
    "<iso8601-seconds-Z>": MOMENT + "Z",
    "<iso8601-millis-Z>": MOMENT + r"\.\d{3}Z",
}
ANSWERS: dict[str, tuple[str | None, object]] = {
    "succeeds": (None, None),
    "raises": ("Unhandled", None),
    "unhandled_exception_in_function": ("Unhandled", None),
    "item_identifier_not_present_failure": (None, {"batchItemFailures": [{"itemIdentifier": 123}]}),
    "empty_string_item_identifier_failure": (None, {"batchItemFailures": [{"itemIdentifier": ""}]}),
    "null_item_identifier_failure": (None, {"batchItemFailures": [{"itemIdentifier": None}]}),
    "invalid_key_foo_failure": (None, {"batchItemFailures": [{"foo": 123}]}),
    "invalid_key_foo_null_value_failure": (None, {"batchItemFailures": [{"foo": None}]}),
}
"""What the functions that the vectors name answer: function error and payload."""

OVERSIZED = "one 5-MiB raw record whose base64 event exceeds the 6 MB invoke limit, then an ordinary record"
RAISES_AT_THE_END = "raises on isFinalInvokeForWindow with Records=[]"
HELD = "1 record held 70 s while the mapping is Disabled"
AGES = {
    "1 record aged 80 s, then 5 fresh records, then the mapping is created at TRIM_HORIZON": (80, 0, 0, 0, 0, 0),
    HELD: (0,),
    OVERSIZED: (0, 0),
}
PARAMETERS = {
    "BatchSize": "batch_size",
    "MaximumRetryAttempts": "retry_attempts_max",
    "MaximumRecordAgeInSeconds": "record_age_max_s",
    "TumblingWindowInSeconds": "tumbling_window_s",
}
LONG_S = 200.0  # longer than every limit and back-off of a vector


def number(ordinal: int) -> int:
    return ordinal * 10**20 + 499659


def filled(value: object) -> object:
    """A recorded body with its placeholders filled in."""
    text = json.dumps(value)
    text = re.sub(r'"<(seq|event-id):(\d+)>"', lambda m: json.dumps(str(number(int(m[2])))), text)
    return json.loads(text)


def same(wanted: object, got: object) -> None:
    """Members, types and values; a text with placeholders is a pattern."""
    if isinstance(wanted, dict):
        assert isinstance(got, dict) and wanted.keys() == got.keys()
        for name, one in wanted.items():
            same(one, got[name])
    elif isinstance(wanted, str) and "<" in wanted:
        pattern = re.sub(r"<seq:(\d+)>", lambda m: str(number(int(m[1]))), wanted)
        for placeholder, value in PLACEHOLDERS.items():
            pattern = pattern.replace(placeholder, value)
        assert "<" not in pattern, f"no pattern for {wanted}"
        assert isinstance(got, str) and re.fullmatch(pattern, got), (wanted, got)
    else:
        assert type(wanted) is type(got) and wanted == got


@dataclass
class Played:
    """A vector's settings, records and function, run through the machine until nothing is left to do."""

    given: Reader
    bodies: list[bytes] = field(default_factory=list)
    age_s: int = 0

    def __post_init__(self) -> None:
        esm = dict(self.given["esm"])
        self.source = esm.pop("source")
        changes: dict[str, object] = {
            "event_source_arn": STREAMS[self.source],
            "on_failure": DESTINATIONS[esm.pop("destination")],
        }
        self.partial = esm.pop("FunctionResponseTypes", []) == ["ReportBatchItemFailures"]
        if esm.pop("FunctionName", None) is not None:
            changes["function_arn"] = "arn:aws:lambda:eu-west-1:000000000000:function:f:live"
        for name, member in PARAMETERS.items():
            value = esm.pop(name, None)
            if value is not None:
                changes[member] = None if value == -1 else value
        assert not esm, f"settings that this test does not know: {esm}"
        self.story = self.given["records"] if "records" in self.given.names else 1
        self.says = self.given["function"] if "function" in self.given.names else "succeeds"
        changes["report_batch_item_failures"] = self.partial
        self.world = World(settings(**changes), {SHARDS[self.source]: self._records()}, self._function)
        self.world.start(enabled=self.story != HELD)
        self.world.run(70 if self.story == HELD else 0)
        if self.story == HELD:
            self.world.tell(EnableRequested())
        self.world.run(LONG_S)
        (self.letter,) = self.world.letters

    def _records(self) -> list[RawRecord]:
        named = re.search(r"<seq:(\d+)>", str(self.given["function"] if "function" in self.given.names else ""))
        ages = (
            AGES[self.story]
            if isinstance(self.story, str)
            else (self.age_s,) * (int(named[1]) if named else self.story)
        )
        self.bad = number(int(named[1])) if named else None
        bodies = self.bodies or [b"{}"] * len(ages)
        return [
            RawRecord(body, number(n), ItemKey(b"k"), T0.timestamp() - age, "INSERT")
            for n, (age, body) in enumerate(zip(ages, bodies, strict=True), start=1)
        ]

    def _function(self, batch: Batch) -> Outcome:
        if self.story == OVERSIZED:
            too_large = batch.records[0].position == number(1)
            return Failed(Cause.TOO_LARGE, splittable=False) if too_large else Delivered()
        positions = {str(one.position): one.position for one in batch.records}
        windows = self.world.deliveries[-1].window is not None
        if self.says == RAISES_AT_THE_END:
            error, answer = ("Unhandled" if batch.final else None), {"state": {}}
        elif self.bad is None:
            error, answer = ANSWERS[self.says]
        else:
            reported = [{"itemIdentifier": one} for one in positions if one == str(self.bad)]
            error, answer = None, {"batchItemFailures": reported}
        return read_answer(
            json.dumps(answer).encode(),
            function_error=error,
            executed_version="$LATEST",
            positions=positions,
            partial=self.partial,
            window=windows,
        )

    @property
    def told(self) -> dict[str, object]:
        return document(self.letter, self.world.now)


class Sent:
    """What a target handed to AWS."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, object]]] = []

    async def call(self, service: str, operation: str, **members: object) -> dict[str, object]:
        self.calls.append((service, operation, members))
        return {}


def sent(target: type[BucketTarget | TopicTarget], letter: Letter, now: datetime) -> dict[str, object]:
    aws = Sent()
    asyncio.run(target(aws, parse_arn(letter.destination)).send(letter, now=now))
    ((_, _, members),) = aws.calls
    return members


def check_counts(played: Played, given: Reader, wanted: Reader) -> None:
    batches = played.world.delivered
    if "invocations" in given.names:
        assert len(batches) == given["invocations"]
    if "invocations_of_failing_record" in given.names:
        assert sum(played.bad in batch for batch in batches) == given["invocations_of_failing_record"]
    if "invocations" in wanted.names:
        assert len(batches) == wanted["invocations"]
    if "last_processing_result_after" in wanted.names:
        assert played.world.mapping.last_result.value == wanted["last_processing_result_after"]
    if "delivered_records" in wanted.names:
        assert sum(len(batch) for batch in batches) == wanted["delivered_records"]
    if "handler_invocations_with_oversized_record" in wanted.names:
        assert wanted["handler_invocations_with_oversized_record"] == 0  # it is refused before it reaches a handler
        assert batches[-1] == [number(2)] and wanted["next_record"] == "delivered"
    if "absent" in wanted.names:
        assert not set(wanted["absent"]) & played.told.keys()


def age_of(given: Reader, wanted: Reader) -> int:
    """How old the record is at first, where the vector does not tell: too old, if it was never tried."""
    note = (
        "approximateInvokeCount 8 in the retrying case depends on the backoff clock: assert >= 2 there, exactly 1 in "
    )
    assert wanted["note"] == note + "the never-invoked case"
    tried = wanted["message_body_json"]["requestContext"]["approximateInvokeCount"] > 1
    return 0 if tried else given["esm"]["MaximumRecordAgeInSeconds"]


def whole_document(given: Reader, wanted: Reader) -> None:
    played = Played(given, age_s=age_of(given, wanted) if "note" in wanted.names else 0)
    (name,) = wanted.names & {"message_body_json", "sns_message_json"}
    recorded, told = wanted[name], played.told
    if recorded["requestContext"]["approximateInvokeCount"] == 8:  # the note: what the back-off makes of it
        assert told["requestContext"]["approximateInvokeCount"] == len(played.world.delivered) >= 2
        told["requestContext"]["approximateInvokeCount"] = 8
    same(recorded, told)
    check_counts(played, given, wanted)


def notification(given: Reader, wanted: Reader) -> None:
    whole_document(given, wanted)
    letter, now = Played(given).letter, T0
    members = sent(TopicTarget, letter, now)
    same(wanted["sns_message_json"], json.loads(members["Message"]))
    if "absent_notification_keys" in wanted.names:
        assert not members.keys() & set(wanted["absent_notification_keys"])
        assert members.keys() <= set(wanted["notification_keys_seen_by_sqs_subscriber"])


def stored_object(given: Reader, wanted: Reader) -> None:
    bodies = filled(wanted["payload_parsed"])
    played = Played(given, [json.dumps(one).encode() for one in bodies["Records"]])
    now = played.world.now + timedelta(milliseconds=987)
    members = sent(BucketTarget, played.letter, now)
    told = json.loads(members["Body"])
    payload = told.pop("payload")
    same(wanted["body_json_without_payload"], told)
    assert wanted["payload_type"] == "string" and isinstance(payload, str) and json.loads(payload) == bodies
    key = wanted["object_key"].replace("<esm-uuid>", "uuid-1").replace("<shard-id>", SHARDS[played.source])
    at = datetime.fromisoformat(told["timestamp"]).astimezone(UTC)
    key = key.replace("YYYY/MM/DD", f"{at:%Y/%m/%d}").replace("YYYY-MM-DDTHH.MM.SS", f"{at:%Y-%m-%dT%H.%M.%S}")
    assert re.fullmatch(re.escape(key).replace(re.escape("<random-uuid>"), UUID), members["Key"])
    if "object_key_clock" in wanted.names:
        assert wanted["object_key_clock"] == "UTC instant of the document timestamp, truncated to seconds"
    if "content_type" in wanted.names:
        assert members["ContentType"] == wanted["content_type"]
    check_counts(played, given, wanted)


def subset(given: Reader, wanted: Reader) -> None:
    played = Played(given)
    told = played.told
    for name, recorded in wanted["message_body_subset"].items():
        if isinstance(recorded, dict):
            for member, value in recorded.items():
                if value == "the aws_request_id seen by the failing handler":
                    assert {batch.request_id for batch in played.world.batches} == {told[name][member]}
                else:
                    same(value, told[name][member])
        else:
            same(recorded, told[name])
    check_counts(played, given, wanted)


def documented(given: Reader, wanted: Reader) -> None:
    """The example of the guide: members, level by level."""
    assert not given.names
    esm = {"esm": {"source": "dynamodb", "MaximumRetryAttempts": 0, "destination": "sqs"}, "function": "raises"}
    told = Played(Reader(esm, "example")).told
    assert sorted(told) == sorted(wanted["top_level_keys"])
    for part in ("requestContext", "responseContext", "DDBStreamBatchInfo"):
        assert sorted(told[part]) == sorted(wanted[f"{part}_keys"])
    esm["esm"]["destination"] = "s3"
    assert sorted(Played(Reader(esm, "example")).told.keys() - told.keys()) == wanted["s3_extra_keys"]


def window(given: Reader, wanted: Reader) -> None:
    """The letter of a final invocation that failed (R130)."""
    played = Played(given)
    told = played.told
    assert sorted(told["DDBStreamBatchInfo"]) == sorted(wanted["DDBStreamBatchInfo_keys"])
    info = told[wanted["extra_top_level_key"]]
    assert sorted(info) == sorted(wanted["timeWindowInfo_keys"])
    assert wanted["note"] and info["isFinalInvokeForWindow"] is True
    payload = json.loads(told["payload"])
    assert payload["Records"] == [] and payload["window"] == info["window"]


def kind_of(given: Reader, wanted: Reader):
    if "top_level_keys" in wanted.names:
        return documented
    if "TumblingWindowInSeconds" in given["esm"]:
        return window
    if "sns_message_json" in wanted.names:
        return notification
    if "object_key" in wanted.names:
        return stored_object
    if "message_body_subset" in wanted.names:
        return subset
    return whole_document


@pytest.mark.parametrize("vector", vectors("esm/failure_documents.json"))
def test_a_destination_gets_the_document_that_was_recorded(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        kind_of(given, wanted)(given, wanted)
