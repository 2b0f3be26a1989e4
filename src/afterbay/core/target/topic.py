"""Notifications of an SNS topic (X67)."""

from __future__ import annotations

from collections.abc import Sequence

from afterbay.core.change.arn import parse_arn
from afterbay.core.target.call import AwsCall

__all__ = ["ENTRIES_MAX", "publish", "publish_batch"]

ENTRIES_MAX = 10


def publish_batch(topic_arn: str, messages: Sequence[str]) -> AwsCall:
    """At most ``ENTRIES_MAX`` of them. The answer is read by ``entries.by_id``."""
    entries = [{"Id": str(place), "Message": message} for place, message in enumerate(messages)]
    parameters = {"TopicArn": topic_arn, "PublishBatchRequestEntries": entries}
    return AwsCall("sns", "publish_batch", parse_arn(topic_arn).region, parameters)


def publish(topic_arn: str, message: str) -> AwsCall:
    return AwsCall("sns", "publish", parse_arn(topic_arn).region, {"TopicArn": topic_arn, "Message": message})
