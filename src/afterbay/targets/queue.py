"""A dead letter as a message in an SQS queue (R110)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from afterbay.aws.client import Aws
from afterbay.aws.queue import QueueCalls
from afterbay.core.change.arn import Arn
from afterbay.core.mapping.deadletter import Letter
from afterbay.targets.document import document

__all__ = ["QueueTarget"]


class QueueTarget:
    """One standard queue."""

    def __init__(self, aws: Aws, queue: Arn) -> None:
        self._queue = QueueCalls(aws, str(queue))

    async def send(self, letter: Letter, *, now: datetime) -> None:
        body = msgspec.json.encode(document(letter, now)).decode()
        await self._queue.call("send_message", MessageBody=body)
