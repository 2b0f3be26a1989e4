"""Messages to an SQS queue (X67, B65)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterbay.core.change.arn import parse_arn
from afterbay.core.target.call import AwsCall

__all__ = ["ENTRIES_MAX", "QueueMessage", "send_message", "send_messages"]

ENTRIES_MAX = 10


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """``group`` and ``deduplication`` are a FIFO queue's; None: not given."""

    body: str
    group: str | None = None
    deduplication: str | None = None

    def members(self) -> dict[str, object]:
        told: dict[str, object] = {"MessageBody": self.body}
        if self.group is not None:
            told["MessageGroupId"] = self.group
        if self.deduplication is not None:
            told["MessageDeduplicationId"] = self.deduplication
        return told


def send_messages(queue_arn: str, messages: Sequence[QueueMessage]) -> AwsCall:
    """At most ``ENTRIES_MAX`` of them. The answer is read by ``entries.by_id``."""
    entries = [{"Id": str(place), **message.members()} for place, message in enumerate(messages)]
    return _call("send_message_batch", queue_arn, {"Entries": entries})


def send_message(queue_arn: str, message: QueueMessage, attributes: dict[str, str] | None = None) -> AwsCall:
    """One of them; ``attributes`` are text (B60)."""
    told = message.members()
    if attributes:
        typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        told["MessageAttributes"] = typed
    return _call("send_message", queue_arn, told)


def _call(operation: str, queue_arn: str, parameters: dict[str, object]) -> AwsCall:
    return AwsCall("sqs", operation, parse_arn(queue_arn).region, parameters, queue=queue_arn)
