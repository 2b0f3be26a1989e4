"""Calls of one SQS queue, which is known by its ARN and called by its URL."""

from __future__ import annotations

from afterbay.aws.client import Caller
from afterbay.core.change.arn import parse_arn
from afterbay.errors import NotFoundError, UnavailableError

__all__ = ["QueueCalls"]


class QueueCalls:
    """The queue's URL is asked for once, and again after the queue was not there: made anew, it may have another."""

    def __init__(self, caller: Caller, queue_arn: str) -> None:
        self._caller = caller
        self._queue = parse_arn(queue_arn)
        self._url: str | None = None

    async def call(self, operation: str, **parameters: object) -> dict[str, object]:
        """``operation`` with the queue's ``QueueUrl``. Raises ``ServiceError``."""
        try:
            return await self._caller.call("sqs", operation, QueueUrl=await self._address(), **parameters)
        except NotFoundError:
            self._url = None
            raise

    async def _address(self) -> str:
        if self._url is None:
            queue = self._queue
            answer = await self._caller.call(
                "sqs", "get_queue_url", QueueName=queue.resource, QueueOwnerAWSAccountId=queue.account
            )
            url = answer.get("QueueUrl")
            if not isinstance(url, str):
                raise UnavailableError(f"SQS answered without QueueUrl for {queue}", code="UnreadableAnswer")
            self._url = url
        return self._url
