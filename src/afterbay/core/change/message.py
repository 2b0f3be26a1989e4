"""A message of an SQS queue in the form that Lambda hands to a function (Q20).

Decides the members and their order. Receiving and deleting are ``sources.sqs``'.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from afterbay.core.change.arn import parse_arn

__all__ = ["Message", "MessageAttribute", "queue_message"]


class MessageAttribute(msgspec.Struct, frozen=True):
    """What the sender put beside the body. Exactly one of the values is there."""

    data_type: str
    string_value: str | None = None
    binary_value: bytes | None = None


class Message(msgspec.Struct, frozen=True, eq=False):
    """One receipt of a message: received again, it is another one with the same ``message_id``.

    ``body`` is the record of the event, as JSON. ``group`` is a FIFO queue's message group. ``sent_s`` is in epoch
    seconds.
    """

    body: bytes
    message_id: str
    receipt: str
    group: str | None
    sent_s: float

    def __repr__(self) -> str:
        """Without the body: it is the customer's."""
        return f"Message({self.message_id!r})"


def queue_message(
    *,
    queue_arn: str,
    message_id: str,
    receipt: str,
    body: str,
    md5_of_body: str,
    attributes: Mapping[str, str],
    message_attributes: Mapping[str, MessageAttribute],
    md5_of_message_attributes: str | None,
) -> Message:
    """A message as it was received. ``attributes`` are the queue's own, all of them."""
    members: dict[str, object] = {
        "messageId": message_id,
        "receiptHandle": receipt,
        "body": body,
        "attributes": dict(attributes),
        "messageAttributes": {name: _attribute(one) for name, one in message_attributes.items()},
    }
    if md5_of_message_attributes is not None:
        members["md5OfMessageAttributes"] = md5_of_message_attributes
    members |= {
        "md5OfBody": md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": parse_arn(queue_arn).region,
    }
    sent_ms = attributes.get("SentTimestamp", "")
    return Message(
        body=msgspec.json.encode(members),
        message_id=message_id,
        receipt=receipt,
        group=attributes.get("MessageGroupId"),
        sent_s=int(sent_ms) / 1000 if sent_ms.isascii() and sent_ms.isdecimal() else 0.0,
    )


def _attribute(one: MessageAttribute) -> dict[str, object]:
    shown: dict[str, object] = {}
    if one.string_value is not None:
        shown["stringValue"] = one.string_value
    if one.binary_value is not None:
        shown["binaryValue"] = base64.b64encode(one.binary_value).decode("ascii")
    return {**shown, "stringListValues": [], "binaryListValues": [], "dataType": one.data_type}
