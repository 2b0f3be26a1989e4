"""One suite over every queue that a mapping can read: the one in memory, and SQS as the local address has it."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator

import pytest
from botocore.credentials import Credentials

from afterbay.aws.client import Aws, AwsSettings
from afterbay.core.change.message import Message
from afterbay.engine.clock import Clock
from afterbay.ports import QueueSource
from afterbay.sources.memory_queue import MemoryQueue
from afterbay.sources.sqs import SqsSource
from integration.running import REGION, Running, running_address


@pytest.fixture(scope="module")
def address() -> Iterator[Running]:
    with running_address() as running:
        yield running


class Subject:
    """A queue that hides messages for 20 s, whoever keeps it, and its clock."""

    def __init__(self, source: QueueSource, send: Callable[..., None], advance: Callable[[float], Awaitable[None]]):
        self.source, self.send, self.advance = source, send, advance


Scene = Callable[[Subject], Awaitable[None]]


def in_memory(scene: Scene, *, fifo: bool, address: Running) -> None:
    async def play() -> None:
        clock = Clock()
        queue = MemoryQueue(clock, "arn:aws:sqs:eu-west-1:000000000000:q", hides_s=20)
        await scene(Subject(queue, queue.send, clock.advance))

    asyncio.run(play())


def on_the_address(scene: Scene, *, fifo: bool, address: Running) -> None:
    name = f"q-{uuid.uuid4().hex[:8]}" + (".fifo" if fifo else "")
    more = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
    url = address.client("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": "20", **more})["QueueUrl"]

    def send(*bodies: str, group: str | None = None) -> None:
        for body in bodies:
            own = {} if group is None else {"MessageGroupId": group}
            address.client("sqs").send_message(QueueUrl=url, MessageBody=body, **own)

    async def advance(seconds: float) -> None:
        assert address.call("clock", "POST", {"advance_s": seconds})[0] == 200

    async def play() -> None:
        settings = AwsSettings(endpoint_url=address.url, region=REGION, credentials=Credentials("x", "y"))
        aws = Aws(settings)
        try:
            await scene(Subject(SqsSource(aws, Clock(), f"arn:aws:sqs:{REGION}:000000000000:{name}"), send, advance))
        finally:
            aws.close()

    asyncio.run(play())


@pytest.fixture(params=[in_memory, on_the_address], ids=["memory", "sqs"])
def play(request: pytest.FixtureRequest, address: Running) -> Callable[..., None]:
    return lambda scene, fifo=False: request.param(scene, fifo=fifo, address=address)


def bodies(messages: tuple[Message, ...]) -> list[str]:

    return [json.loads(one.body)["body"] for one in messages]


def test_a_message_is_hidden_once_received_and_comes_again_with_its_count(play) -> None:
    async def scene(queue: Subject) -> None:
        queue.send("a")
        (first,) = await queue.source.receive(limit=10, wait_s=0)
        assert await queue.source.receive(limit=10, wait_s=0) == ()
        await queue.advance(21)
        (second,) = await queue.source.receive(limit=10, wait_s=0)
        assert first.message_id == second.message_id and first.receipt != second.receipt
        assert b'"ApproximateReceiveCount":"2"' in second.body and first.sent_s == second.sent_s > 0

    play(scene)


def test_who_receives_may_say_how_long_a_message_is_hidden(play) -> None:
    async def scene(queue: Subject) -> None:
        queue.send("a")
        assert bodies(await queue.source.receive(limit=10, wait_s=0, hides_s=300)) == ["a"]
        await queue.advance(290)
        assert await queue.source.receive(limit=10, wait_s=0) == ()
        await queue.advance(11)
        assert bodies(await queue.source.receive(limit=10, wait_s=0)) == ["a"]

    play(scene)


def test_what_is_deleted_never_comes_again(play) -> None:
    async def scene(queue: Subject) -> None:
        queue.send("a", "b")
        got = await queue.source.receive(limit=10, wait_s=0)
        assert await queue.source.delete(got[:1]) == (1, None)
        await queue.advance(21)
        assert [one.message_id for one in await queue.source.receive(limit=10, wait_s=0)] == [got[1].message_id]

    play(scene)


def test_what_is_given_back_is_there_at_once(play) -> None:
    async def scene(queue: Subject) -> None:
        queue.send("a")
        got = await queue.source.receive(limit=10, wait_s=0)
        await queue.source.give_back(got)
        await queue.advance(0.01)
        assert bodies(await queue.source.receive(limit=10, wait_s=0)) == ["a"]

    play(scene)


def test_a_limit_is_kept_and_the_hiding_time_is_told(play) -> None:
    async def scene(queue: Subject) -> None:
        queue.send("a", "b", "c")
        assert len(await queue.source.receive(limit=2, wait_s=0)) == 2
        assert await queue.source.visibility_s() == 20

    play(scene)


def test_a_receive_waits_for_what_is_sent_meanwhile(play) -> None:
    async def scene(queue: Subject) -> None:
        waiting = asyncio.create_task(queue.source.receive(limit=1, wait_s=20))
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: None)
        queue.send("a")
        assert bodies(await asyncio.wait_for(waiting, 15)) == ["a"]

    play(scene)


def test_a_group_is_held_back_while_one_of_its_messages_is_hidden(play) -> None:
    async def scene(queue: Subject) -> None:
        queue.send("a1", "a2", "a3", group="a")
        queue.send("b1", group="b")
        first = await queue.source.receive(limit=1, wait_s=0)
        assert bodies(first) == ["a1"]
        assert bodies(await queue.source.receive(limit=10, wait_s=0)) == ["b1"]
        await queue.source.delete(first)
        assert bodies(await queue.source.receive(limit=10, wait_s=0)) == ["a2", "a3"]

    play(scene, fifo=True)
