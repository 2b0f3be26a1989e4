"""A dead letter as a notification of an SNS topic (R110)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from afterbay.aws.client import Aws
from afterbay.core.change.arn import Arn
from afterbay.core.mapping.deadletter import Letter
from afterbay.targets.document import document

__all__ = ["TopicTarget"]


class TopicTarget:
    """One standard topic. ``Message`` only: no subject, no attributes (R110)."""

    def __init__(self, aws: Aws, topic: Arn) -> None:
        self._aws = aws
        self._topic = topic

    async def send(self, letter: Letter, *, now: datetime) -> None:
        message = msgspec.json.encode(document(letter, now)).decode()
        await self._aws.call("sns", "publish", TopicArn=str(self._topic), Message=message)
