"""Letters of every kind are told apart by what they say, and what is none is left alone (R110, X91, B60)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.mapping.outcome import ResponseContext
from afterbay.core.mapping.window import Window, WindowCall
from afterbay.core.shard.position import Position, ShardId
from afterbay.redrive.letter import LetterKind, QueuePlace, read_letter
from afterbay.sources.span import Span
from afterbay.targets.document import document
from unit.redrive.world import FUNCTION, SHARD, STREAM, URL, record

PLACE = QueuePlace(URL, "one")
PIPE = "arn:aws:pipes:eu-west-1:000000000000:pipe/orders-shipped"
KINESIS = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"
SENT = datetime(2026, 1, 1, 1, 30, 0, 500_000, tzinfo=UTC)


def letter(**changed: object) -> Letter:
    values: dict = {
        "mapping": "m",
        "shard": ShardId(SHARD),
        "request_id": "r-1",
        "destination": "arn:aws:sqs:eu-west-1:000000000000:letters",
        "function_arn": FUNCTION,
        "stream_arn": STREAM,
        "condition": Condition.RETRY_ATTEMPTS_EXHAUSTED,
        "invoke_count": 3,
        "first": Position(10**22),
        "last": Position(10**22 + 9),
        "first_created_s": 1767225600.0,
        "last_created_s": 1767225601.0,
        "count": 4,
        "response": ResponseContext("$LATEST", "Unhandled"),
    }
    return Letter(**{**values, **changed})


def written(**changed: object) -> bytes:
    """The document as a destination gets it."""
    return msgspec.json.encode(document(letter(**changed), SENT))


def test_a_mappings_letter():
    told = read_letter(PLACE, written())
    assert (told.kind, told.owner, told.condition, told.error) == (
        LetterKind.MAPPING,
        FUNCTION,
        "RetryAttemptsExhausted",
        "Unhandled",
    )
    assert told.span == Span(STREAM, ShardId(SHARD), Position(10**22), Position(10**22 + 9))
    assert (told.count, told.attempts, told.request_id) == (4, 3, "r-1")
    assert (told.first_created_s, told.last_created_s, told.sent_s) == (1767225600.0, 1767225601.0, SENT.timestamp())
    assert not told.window and told.event is None and told.why == ""


def test_one_that_was_too_old_has_no_error():
    told = read_letter(PLACE, written(condition=Condition.RECORD_AGE_EXCEEDED, response=None))
    assert (told.condition, told.error) == ("RecordAgeExceeded", None)


def test_a_pipes_letter():
    told = read_letter(PLACE, written(function_arn=PIPE))
    assert (told.kind, told.owner, told.request_id, told.attempts) == (LetterKind.PIPE, PIPE, None, None)
    assert told.span is not None and told.condition == "RetryAttemptsExhausted"


def test_a_kinesis_batch():
    told = read_letter(PLACE, written(stream_arn=KINESIS, shard=ShardId("shardId-000000000000")))
    assert told.stream_arn == KINESIS and told.span is not None and told.span.shard == "shardId-000000000000"


def test_one_in_s3_brings_what_the_function_got():
    told = read_letter(PLACE, written(destination="arn:aws:s3:::letters", event=b'{"Records":[]}'))
    assert told.event == b'{"Records":[]}'
    assert "Records" not in repr(told), "bodies are the customer's data"


def test_a_topics_envelope_is_opened_and_a_raw_delivery_is_not_needed():
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "MessageId": "m", "Message": written().decode()}
    assert read_letter(PLACE, json.dumps(envelope).encode()) == read_letter(PLACE, written())


def test_a_windows_letter_says_so_and_its_final_invocation_had_no_records():
    call = WindowCall(Window(0, 60), False, ShardId(SHARD), STREAM)
    told = read_letter(PLACE, written(window=call))
    assert told.window and told.span is not None
    final = read_letter(PLACE, written(window=call, count=0, first=Position(0), last=Position(0)))
    assert final.kind is LetterKind.MAPPING and final.span is None and "final invocation" in final.why


def test_a_rules_letter_is_the_event_with_attributes():
    attributes = {
        "RULE_ARN": "arn:aws:events:eu-west-1:000000000000:rule/orders/shipped",
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "ERROR_FROM_TARGET",
        "ERROR_MESSAGE": "no such function",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "2",
    }
    told = read_letter(PLACE, b'{"detail": {}}', attributes, 7.0)
    assert (told.kind, told.owner, told.target) == (LetterKind.RULE, attributes["RULE_ARN"], FUNCTION)
    assert (told.condition, told.error, told.detail) == (
        "MaximumRetryAttempts",
        "ERROR_FROM_TARGET",
        "no such function",
    )
    assert (told.attempts, told.event, told.sent_s) == (3, b'{"detail": {}}', 7.0)


def test_a_function_that_stores_poison_records_writes_them_whole():
    stored = {
        "afterbay": "poison",
        "reason": "no such customer",
        "identifier": "410000000000000000000001",
        "requestId": "r-2",
        "functionArn": FUNCTION,
        "record": json.loads(record(1).body),
    }
    told = read_letter(PLACE, json.dumps(stored).encode(), sent_s=7.0)
    assert (told.kind, told.owner, told.detail, told.count) == (LetterKind.POISON, FUNCTION, "no such customer", 1)
    assert (told.request_id, told.stream_arn, told.span, told.sent_s) == ("r-2", STREAM, None, 7.0)
    assert told.event is not None and json.loads(told.event) == {"Records": [stored["record"]]}


def test_a_rules_letter_that_is_never_retried_has_no_condition():
    told = read_letter(PLACE, b"{}", {"RULE_ARN": "arn:r", "ERROR_CODE": "NO_PERMISSIONS", "RETRY_ATTEMPTS": "0"})
    assert (told.condition, told.attempts, told.target) == ("", 1, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"Records": [{"messageId": "x", "body": "hello"}]}',
        b'{"Type": "Notification", "TopicArn": "t", "Message": "hello"}',
        b'{"requestContext": {"functionArn": "f", "condition": "c"}}',
        b'{"DDBStreamBatchInfo": {"streamArn": "s", "shardId": "x"}}',
        b'{"requestContext": {"functionArn": "f", "condition": "c"}, "DDBStreamBatchInfo": {"streamArn": "s", '
        b'"shardId": "x", "startSequenceNumber": "-1", "endSequenceNumber": "2"}}',
        b'{"requestContext": {"functionArn": "f", "condition": "c"}, "DDBStreamBatchInfo": {"streamArn": "s", '
        b'"shardId": "x", "startSequenceNumber": "' + b"9" * 5000 + b'", "endSequenceNumber": "2"}}',
        b"[" * 5000,
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)
def test_what_is_none_of_these_is_unknown_and_no_crash(body: bytes):
    told = read_letter(PLACE, body, sent_s=5.0)
    assert told.kind is LetterKind.UNKNOWN and told.why and told.sent_s == 5.0
    assert "hello" not in told.why, "a message that is not ours is nobody's to show"
