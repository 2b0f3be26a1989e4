"""An SQS queue through a caller made of lists: what it is asked, and what becomes of the answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from afterbay.core.change.message import Message
from afterbay.engine.clock import Clock
from afterbay.errors import NotFoundError, ServiceError, UnavailableError
from afterbay.sources.news import News
from afterbay.sources.sqs import LONG_POLL_MAX_S, SqsSource

ARN = "arn:aws:sqs:eu-west-1:111122223333:orders"
URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/orders"


class Service:
    """Answers from lists, the next one first, the last one again and again."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = {"get_queue_url": [{"QueueUrl": URL}], **answers}
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.heard = asyncio.Event()

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        assert service == "sqs"
        self.asked.append((operation, parameters))
        self.heard.set()
        await asyncio.sleep(0)
        left = self.answers[operation]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.asked)


def sent(message_id: str = "m1", **more: object) -> dict[str, object]:
    return {"MessageId": message_id, "ReceiptHandle": "r-" + message_id, "Body": "hello", "MD5OfBody": "5d41", **more}


def messages(count: int) -> list[Message]:
    return [Message(b"{}", f"m{n}", f"r{n}", None, 0.0) for n in range(count)]


def test_a_receive_asks_for_everything_and_polls_long() -> None:
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    told = sent(Attributes={"SentTimestamp": "1500"}, MessageAttributes=attributes, MD5OfMessageAttributes="md5")
    service = Service(receive_message=[{"Messages": [told]}])
    (got,) = asyncio.run(SqsSource(service, Clock(), ARN).receive(limit=7, wait_s=20))
    assert service.asked == [
        ("get_queue_url", {"QueueName": "orders", "QueueOwnerAWSAccountId": "111122223333"}),
        (
            "receive_message",
            {
                "QueueUrl": URL,
                "MaxNumberOfMessages": 7,
                "WaitTimeSeconds": LONG_POLL_MAX_S,
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            },
        ),
    ]
    assert (got.message_id, got.receipt, got.sent_s) == ("m1", "r-m1", 1.5)
    record = json.loads(got.body)
    assert (record["eventSourceARN"], record["messageAttributes"]["kind"]["stringValue"]) == (ARN, "x")


def test_nothing_is_no_message() -> None:
    assert asyncio.run(SqsSource(Service(receive_message=[{}]), Clock(), ARN).receive(limit=1, wait_s=0)) == ()


def test_an_answer_that_is_none_is_a_failure_of_the_service() -> None:
    source = SqsSource(Service(receive_message=[{"Messages": [{"Body": 7}]}]), Clock(), ARN)
    with pytest.raises(UnavailableError, match="Messages"):
        asyncio.run(source.receive(limit=1, wait_s=0))


def test_where_writers_tell_a_receive_waits_for_them() -> None:
    async def scene() -> tuple[Message, ...]:
        clock = Clock()
        news = News(clock)
        service = Service(receive_message=[{}, {"Messages": [sent()]}])
        waiting = asyncio.create_task(SqsSource(service, clock, ARN, news=news).receive(limit=1, wait_s=3600))
        while service.count("receive_message") < 1:
            await asyncio.sleep(0)
        news.tell()
        got = await asyncio.wait_for(waiting, 5)
        assert [told["WaitTimeSeconds"] for name, told in service.asked if name == "receive_message"] == [0, 0]
        return got

    assert len(asyncio.run(scene())) == 1


def test_what_becomes_visible_by_time_is_found_by_the_clock_that_is_handed_in() -> None:
    async def scene() -> None:
        clock = Clock()
        service = Service(receive_message=[{}, {}, {"Messages": [sent()]}])
        source = SqsSource(service, clock, ARN, news=News(clock))
        waiting = asyncio.create_task(source.receive(limit=1, wait_s=3600))
        while not waiting.done():
            await clock.advance(1)
        assert len(waiting.result()) == 1 and service.count("receive_message") == 3

    asyncio.run(asyncio.wait_for(scene(), 5))


def test_a_wait_is_over_when_its_time_is_and_when_it_is_asked_to_stop() -> None:
    async def scene() -> None:
        clock = Clock()
        service = Service(receive_message=[{}])
        source = SqsSource(service, clock, ARN, news=News(clock))
        waiting = asyncio.create_task(source.receive(limit=1, wait_s=2))
        for _ in range(3):
            await clock.advance(1)
        assert await asyncio.wait_for(waiting, 5) == ()
        waiting = asyncio.create_task(source.receive(limit=1, wait_s=3600))
        service.heard.clear()
        await service.heard.wait()
        source.stop_waiting()
        assert await asyncio.wait_for(waiting, 5) == ()

    asyncio.run(scene())


def test_deletions_go_ten_at_a_time_and_failures_are_named() -> None:
    failed = {"Failed": [{"Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": True, "Message": "no"}]}
    service = Service(delete_message_batch=[{}, failed])
    source = SqsSource(service, Clock(), ARN)
    assert asyncio.run(source.delete(messages(12))) == (11, "message m11: ReceiptHandleIsInvalid: no")
    asked = [told["Entries"] for name, told in service.asked if name == "delete_message_batch"]
    assert [len(entries) for entries in asked] == [10, 2]
    assert asked[1] == [{"Id": "0", "ReceiptHandle": "r10"}, {"Id": "1", "ReceiptHandle": "r11"}]


def test_what_is_given_back_is_visible_at_once() -> None:
    service = Service(change_message_visibility_batch=[{}])
    asyncio.run(SqsSource(service, Clock(), ARN).give_back(messages(1)))
    assert service.asked[-1][1]["Entries"] == [{"Id": "0", "ReceiptHandle": "r0", "VisibilityTimeout": 0}]


def test_a_visibility_timeout_is_the_queues() -> None:
    service = Service(get_queue_attributes=[{"Attributes": {"VisibilityTimeout": "45"}}])
    assert asyncio.run(SqsSource(service, Clock(), ARN).visibility_s()) == 45.0


def test_the_address_is_asked_for_again_once_the_queue_was_gone() -> None:
    gone = NotFoundError("gone", code="QueueDoesNotExist")
    service = Service(receive_message=[gone, {}])
    source = SqsSource(service, Clock(), ARN)

    async def scene() -> None:
        with pytest.raises(ServiceError):
            await source.receive(limit=1, wait_s=0)
        await source.receive(limit=1, wait_s=0)
        await source.receive(limit=1, wait_s=0)

    asyncio.run(scene())
    assert service.count("get_queue_url") == 2
