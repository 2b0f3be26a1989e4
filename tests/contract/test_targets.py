"""Every target hands a dead letter over as AWS does (R110, R114, R115), and refuses what AWS refuses (R14, R119)."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from afterbay.aws.client import Aws, AwsSettings
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import NotFoundError, SettingsError
from afterbay.targets.bucket import BucketTarget
from afterbay.targets.choose import choose_target
from afterbay.targets.queue import QueueTarget
from afterbay.targets.topic import TopicTarget

NOW = datetime(2026, 9, 17, 12, 30, 51, 123_000, UTC)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:letters"
TOPIC = "arn:aws:sns:us-east-1:000000000000:letters"
BUCKET = "arn:aws:s3:::letters"


class RecordedAws(Aws):
    """Answers in place of the service, and keeps what was asked."""

    def __init__(self) -> None:
        super().__init__(AwsSettings())
        self.calls: list[tuple[str, str, dict[str, object]]] = []
        self.queue_is_gone = False

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        self.calls.append((service, operation, parameters))
        if operation == "send_message" and self.queue_is_gone:
            raise NotFoundError("no such queue", code="AWS.SimpleQueueService.NonExistentQueue")
        return {"QueueUrl": "http://queue"} if operation == "get_queue_url" else {}


def a_letter(event: bytes = b"") -> Letter:
    return Letter(
        mapping="uuid-1",
        shard=ShardId("shard-1"),
        request_id="r1",
        destination=QUEUE,
        function_arn="arn:aws:lambda:us-east-1:000000000000:function:f",
        stream_arn="arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000",
        condition=Condition.RECORD_AGE_EXCEEDED,
        invoke_count=1,
        first=Position(10**24),
        last=Position(10**24),
        first_created_s=1789649451.0,
        last_created_s=1789649451.0,
        count=1,
        event=event,
    )


def send(destination: str, letter: Letter, aws: RecordedAws) -> None:
    asyncio.run(choose_target(destination, aws).send(replace(letter, destination=destination), now=NOW))
    aws.close()


def test_a_queue_gets_the_document_as_the_message() -> None:
    aws = RecordedAws()
    send(QUEUE, a_letter(), aws)
    (_, _, asked), (_, operation, sent) = aws.calls
    assert asked == {"QueueName": "letters", "QueueOwnerAWSAccountId": "000000000000"}
    assert (operation, set(sent), sent["QueueUrl"]) == ("send_message", {"QueueUrl", "MessageBody"}, "http://queue")
    told = json.loads(str(sent["MessageBody"]))
    assert told["timestamp"] == "2026-09-17T12:30:51.123Z"
    assert told["DDBStreamBatchInfo"]["startSequenceNumber"] == str(10**24)


def test_a_topic_gets_the_message_and_nothing_else() -> None:
    aws = RecordedAws()
    send(TOPIC, a_letter(), aws)
    ((service, operation, sent),) = aws.calls
    assert (service, operation, set(sent), sent["TopicArn"]) == ("sns", "publish", {"TopicArn", "Message"}, TOPIC)
    assert json.loads(str(sent["Message"]))["requestContext"]["condition"] == "RecordAgeExceeded"


def test_a_bucket_gets_the_records_as_text_under_a_dated_name() -> None:
    aws = RecordedAws()
    send(BUCKET, a_letter(b'{"Records":[{"eventID":"1"}]}'), aws)
    ((_, _, sent),) = aws.calls
    start = "aws/lambda/uuid-1/shard-1/2026/09/17/2026-09-17T12.30.51-"
    assert (sent["Bucket"], str(sent["Key"])[: len(start)]) == ("letters", start)
    assert len(str(sent["Key"])) == len(start) + 36, "a UUID at the end"
    assert sent["ContentType"] == "application/octet-stream"
    body = sent["Body"]
    assert isinstance(body, bytes)
    assert json.loads(json.loads(body)["payload"]) == {"Records": [{"eventID": "1"}]}


def test_a_queues_address_is_asked_for_once_and_again_after_it_was_gone() -> None:
    aws = RecordedAws()
    target = choose_target(QUEUE, aws)
    for _ in range(2):
        asyncio.run(target.send(a_letter(), now=NOW))
    assert [operation for _, operation, _ in aws.calls].count("get_queue_url") == 1
    aws.queue_is_gone = True
    with pytest.raises(NotFoundError):
        asyncio.run(target.send(a_letter(), now=NOW))
    aws.queue_is_gone = False
    asyncio.run(target.send(a_letter(), now=NOW))
    assert [operation for _, operation, _ in aws.calls].count("get_queue_url") == 2
    aws.close()


@pytest.mark.parametrize(("destination", "kind"), [(QUEUE, QueueTarget), (TOPIC, TopicTarget), (BUCKET, BucketTarget)])
def test_the_arn_names_the_target(destination: str, kind: type[object]) -> None:
    aws = RecordedAws()
    assert isinstance(choose_target(destination, aws), kind)
    aws.close()


@pytest.mark.parametrize(
    ("destination", "reason"),
    [
        (f"{QUEUE}.fifo", "FIFO"),
        (f"{TOPIC}.fifo", "FIFO"),
        ("kafka://topic", "Kafka"),
        ("letters", "no ARN"),
        ("arn:aws:lambda:us-east-1:000000000000:function:f", "'lambda' takes no dead letters"),
        (f"{BUCKET}/folder", "no object"),
    ],
)
def test_any_other_destination_is_refused_with_its_reason_and_what_would_work(destination: str, reason: str) -> None:
    aws = RecordedAws()
    with pytest.raises(SettingsError, match=reason) as refused:
        choose_target(destination, aws)
    assert destination in str(refused.value)
    assert "standard queue" in str(refused.value)
    aws.close()
