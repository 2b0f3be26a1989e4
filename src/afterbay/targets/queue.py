"""A dead letter as a message in an SQS queue (R110)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from afterbay.aws.client import Aws
from afterbay.core.change.arn import Arn
from afterbay.core.mapping.deadletter import Letter, document
from afterbay.errors import NotFoundError

__all__ = ["QueueTarget"]


class QueueTarget:
    """One standard queue. Its address is asked for once, and again after the queue was not there."""

    def __init__(self, aws: Aws, queue: Arn) -> None:
        self._aws = aws
        self._queue = queue
        self._url: str | None = None

    async def send(self, letter: Letter, *, now: datetime) -> None:
        url = await self._address()
        body = msgspec.json.encode(document(letter, now)).decode()
        try:
            await self._aws.call("sqs", "send_message", QueueUrl=url, MessageBody=body)
        except NotFoundError:
            self._url = None  # made anew, it may have another address
            raise

    async def _address(self) -> str:
        if self._url is None:
            answer = await self._aws.call(
                "sqs", "get_queue_url", QueueName=self._queue.resource, QueueOwnerAWSAccountId=self._queue.account
            )
            self._url = str(answer["QueueUrl"])
        return self._url
