"""An SQS queue through the SDK, as a ``ports.QueueSource``.

Decides how the queue is asked. How many messages are wanted, and what becomes of them, is the mapping's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import TypeVar

import msgspec

from afterbay.aws.client import Caller
from afterbay.aws.queue import QueueCalls
from afterbay.core.change.message import Message, MessageAttribute, queue_message
from afterbay.errors import UnavailableError
from afterbay.sources.news import News
from afterbay.sources.streams_api import Clock

__all__ = ["LONG_POLL_MAX_S", "SqsSource"]

LONG_POLL_MAX_S = 5
"""A receive at the service cannot be called back: a mapping that stops waits for it this long. AWS allows 20 s."""

ASK_AGAIN_S = 1.0
"""Where writers tell of messages: one that becomes visible by time alone is found so much later at most."""

AT_ONCE_MAX = 10
"""Messages in one call that deletes or returns."""

_T = TypeVar("_T")


class _Attribute(msgspec.Struct):
    DataType: str
    StringValue: str | None = None
    BinaryValue: bytes | None = None


class _Message(msgspec.Struct):
    MessageId: str
    ReceiptHandle: str
    Body: str
    MD5OfBody: str = ""
    Attributes: dict[str, str] = {}
    MessageAttributes: dict[str, _Attribute] = {}
    MD5OfMessageAttributes: str | None = None


class _Failed(msgspec.Struct):
    Id: str
    Code: str
    Message: str = ""


class SqsSource:
    """One queue at one address. ``news``: writers there tell it (the local address); None: long polls at the service.

    Several receives may be under way.
    """

    def __init__(self, caller: Caller, clock: Clock, queue_arn: str, *, news: News | None = None) -> None:
        self._queue = QueueCalls(caller, queue_arn)
        self._clock = clock
        self._arn = queue_arn
        self._news = news
        self._stops = News(clock)

    async def visibility_s(self) -> float:
        answer = await self._queue.call("get_queue_attributes", AttributeNames=["VisibilityTimeout"])
        return float(_read(answer, "Attributes", dict[str, str]).get("VisibilityTimeout", "30"))

    async def receive(self, *, limit: int, wait_s: float, hides_s: int | None = None) -> tuple[Message, ...]:
        if self._news is None:
            return await self._receive(limit, min(int(wait_s), LONG_POLL_MAX_S), hides_s)
        until = self._clock.now() + timedelta(seconds=wait_s)
        stop = self._stops.mark
        while True:
            mark = self._news.mark
            messages = await self._receive(limit, 0, hides_s)
            left_s = (until - self._clock.now()).total_seconds()
            if messages or left_s <= 0 or self._stops.mark != stop:
                return messages
            await _first(self._news.wait(mark, min(left_s, ASK_AGAIN_S)), self._stops.wait(stop, left_s))
            if self._stops.mark != stop:
                return ()

    def stop_waiting(self) -> None:
        self._stops.tell()

    async def delete(self, messages: Sequence[Message]) -> tuple[int, str | None]:
        deleted, failure = 0, None
        for chunk in _chunks(messages):
            entries = [{"Id": str(n), "ReceiptHandle": one.receipt} for n, one in enumerate(chunk)]
            failed = _failed(await self._queue.call("delete_message_batch", Entries=entries))
            deleted += len(chunk) - len(failed)
            if failed:
                first = chunk[int(failed[0].Id)]
                failure = f"message {first.message_id}: {failed[0].Code}: {failed[0].Message}"
        return deleted, failure

    async def give_back(self, messages: Sequence[Message]) -> None:
        for chunk in _chunks(messages):
            entries = [
                {"Id": str(n), "ReceiptHandle": one.receipt, "VisibilityTimeout": 0} for n, one in enumerate(chunk)
            ]
            await self._queue.call("change_message_visibility_batch", Entries=entries)

    async def close(self) -> None:
        """There is nothing to let go; the caller belongs to whoever made it."""

    async def _receive(self, limit: int, wait_s: int, hides_s: int | None) -> tuple[Message, ...]:
        hidden = {} if hides_s is None else {"VisibilityTimeout": hides_s}
        answer = await self._queue.call(
            "receive_message",
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait_s,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
            **hidden,
        )
        return tuple(self._message(one) for one in _read(answer, "Messages", list[_Message], []))

    def _message(self, one: _Message) -> Message:
        return queue_message(
            queue_arn=self._arn,
            message_id=one.MessageId,
            receipt=one.ReceiptHandle,
            body=one.Body,
            md5_of_body=one.MD5OfBody,
            attributes=one.Attributes,
            message_attributes={
                name: MessageAttribute(value.DataType, value.StringValue, value.BinaryValue)
                for name, value in one.MessageAttributes.items()
            },
            md5_of_message_attributes=one.MD5OfMessageAttributes,
        )


async def _first(*waits: Coroutine[None, None, None]) -> None:
    """Return once one of ``waits`` is over."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _chunks(messages: Sequence[Message]) -> list[Sequence[Message]]:
    return [messages[start : start + AT_ONCE_MAX] for start in range(0, len(messages), AT_ONCE_MAX)]


def _failed(answer: dict[str, object]) -> list[_Failed]:
    return _read(answer, "Failed", list[_Failed], [])


def _read(answer: dict[str, object], member: str, kind: type[_T], absent: object = None) -> _T:
    """A member of an answer, narrowed. Raises ``UnavailableError`` for what the model does not say."""
    try:
        return msgspec.convert(answer.get(member, absent), kind)
    except msgspec.ValidationError as error:
        raise UnavailableError(f"SQS answered without {member}: {error}", code="UnreadableAnswer") from error
