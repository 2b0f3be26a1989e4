"""Documents and destinations of a pipe's dead letters, as recorded (X90 to X92).

A vector's kind is told by its members.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.pipe.deadletter import document
from afterbay.core.pipe.errors import PipeError
from unit.core.pipe.making import HOME, SOURCES, created, pipe, request
from vectors.loading import Reader, Vector, vectors

TIMES = {"dynamodb": "ApproximateCreationDateTime", "kinesis": "ApproximateArrivalTimestamp"}
PIPE = f"arn:aws:pipes:{HOME}:pipe/orders-shipped"
NOW = datetime.fromisoformat("2026-01-02T03:10:00.123Z")


def letter(**changed: object) -> Letter:
    values: dict = {
        "mapping": "m",
        "shard": "shardId-1",
        "request_id": "r",
        "destination": f"arn:aws:sqs:{HOME}:letters",
        "function_arn": PIPE,
        "stream_arn": SOURCES["dynamodb"],
        "condition": Condition.RETRY_ATTEMPTS_EXHAUSTED,
        "invoke_count": 1,
        "first": 1,
        "last": 1,
        "first_created_s": 1.0,
        "last_created_s": 1.0,
        "count": 1,
    }
    return Letter(**{**values, **changed})


def accepted(source: str, arn: str) -> str:
    """The destination of a pipe that is created with it."""
    mapping = pipe(source, reading={"DeadLetterConfig": {"Arn": arn}}).source_settings()
    assert mapping.on_failure is not None
    return mapping.on_failure


def whole_document(given: Reader, wanted: Reader) -> None:
    source = "kinesis" if ":kinesis:" in given["stream_arn"] else "dynamodb"
    records, time = given["records"], TIMES[source]
    sent = letter(
        function_arn=given["pipe_arn"],
        stream_arn=given["stream_arn"],
        destination=accepted(source, given["dlq"]),
        condition=Condition(given["condition"]),
        shard=given["shard_id"],
        first=int(records[0]["SequenceNumber"]),
        last=int(records[-1]["SequenceNumber"]),
        first_created_s=records[0][time],
        last_created_s=records[-1][time],
        count=len(records),
    )
    assert document(sent, datetime.fromisoformat(given["now"])) == wanted["message_body"]
    assert wanted["message_attributes"] == {}


def message_of_a_topic(given: Reader, wanted: Reader) -> None:
    """The document says nothing of where it is sent, so that a topic's message is the queue's body."""
    told = {
        name: document(letter(destination=arn), NOW)
        for name, arn in (("sns", accepted("dynamodb", given["dlq"])), ("sqs", letter().destination))
    }
    assert told["sns"] == told["sqs"] and wanted["sns_message_is_json_text_of"] == "document"
    wanted_document = given["document"]
    assert {name: told["sns"][name] for name in wanted_document} == wanted_document
    assert json.loads(json.dumps(told["sns"])) == told["sns"]


def members(given: Reader, wanted: Reader) -> None:
    assert given["kind"] == "pipe"
    found = document(letter(event=b"{}"), NOW)
    assert list(found) == wanted["keys"]
    assert not set(found) & set(wanted["absent_keys"])


def refusal(given: Reader, wanted: Reader) -> None:
    with pytest.raises(PipeError) as caught:
        created(request(reading={"DeadLetterConfig": {"Arn": given["dlq"]}}))
    assert caught.value.code == wanted["error"]


KINDS: dict[frozenset[str], Callable[[Reader, Reader], None]] = {
    frozenset({"pipe_arn", "stream_arn", "dlq", "condition", "now", "shard_id", "records"}): whole_document,
    frozenset({"dlq", "document"}): message_of_a_topic,
    frozenset({"kind"}): members,
    frozenset({"dlq"}): refusal,
}


@pytest.mark.parametrize("vector", vectors("pipes/dlq-documents.json"))
def test_a_letter_is_as_recorded(vector: Vector) -> None:
    with vector.opened() as (given, wanted):
        KINDS[given.names](given, wanted)
