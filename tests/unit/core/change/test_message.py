"""A queue's message in Lambda's form, member for member as it was recorded on AWS (Q20)."""

from __future__ import annotations

import json

from afterbay.core.change.message import MessageAttribute, queue_message

ARN = "arn:aws:sqs:eu-west-1:000000000000:orders.fifo"
OWN = {
    "ApproximateFirstReceiveTimestamp": "1545082650649",
    "ApproximateReceiveCount": "1",
    "MessageDeduplicationId": "dedup-1",
    "MessageGroupId": "1",
    "SenderId": "AIDA",
    "SentTimestamp": "1545082650636",
    "SequenceNumber": "18849496460467696128",
}


def made(**changes: object):
    given: dict[str, object] = {
        "queue_arn": ARN,
        "message_id": "059f36b4",
        "receipt": "AQEB",
        "body": '{"message": 1}',
        "md5_of_body": "e4e6",
        "attributes": OWN,
        "message_attributes": {},
        "md5_of_message_attributes": None,
    }
    return queue_message(**{**given, **changes})  # type: ignore[arg-type]


def test_a_message_has_the_members_that_were_recorded() -> None:
    message = made()
    assert json.loads(message.body) == {
        "attributes": OWN,
        "awsRegion": "eu-west-1",
        "body": '{"message": 1}',
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "md5OfBody": "e4e6",
        "messageAttributes": {},
        "messageId": "059f36b4",
        "receiptHandle": "AQEB",
    }
    assert (message.group, message.sent_s) == ("1", 1545082650.636)


def test_what_the_sender_put_beside_the_body_is_told_by_type() -> None:
    given = {
        "n": MessageAttribute("Number.int", string_value="7"),
        "raw": MessageAttribute("Binary", binary_value=b"\xff"),
        "empty": MessageAttribute("String", string_value=""),
    }
    record = json.loads(made(message_attributes=given, md5_of_message_attributes="md5").body)
    lists = {"stringListValues": [], "binaryListValues": []}
    assert record["messageAttributes"] == {
        "n": {"stringValue": "7", **lists, "dataType": "Number.int"},
        "raw": {"binaryValue": "/w==", **lists, "dataType": "Binary"},
        "empty": {"stringValue": "", **lists, "dataType": "String"},
    }
    assert record["md5OfMessageAttributes"] == "md5"


def test_a_message_of_a_standard_queue_has_no_group_and_may_lack_its_time() -> None:
    message = made(attributes={"SentTimestamp": "soon"})
    assert (message.group, message.sent_s) == (None, 0.0)
    assert "AQEB" not in repr(message) and "message" not in repr(message), "it is the customer's"
