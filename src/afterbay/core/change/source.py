"""Which kind of event source an ARN names.

Decides from the text alone, for every part that treats the kinds differently. Whether the source exists, and whether a
mapping may read it, is said elsewhere.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from afterbay.core.change.arn import parse_arn, parse_stream_arn
from afterbay.errors import SettingsError

__all__ = ["RETENTION_S", "TABLE_RETENTION_S", "SourceKind", "consumer_of", "is_fifo", "source_kind"]

_STREAM = re.compile(r"stream/[a-zA-Z0-9_.-]{1,128}")
_CONSUMER = re.compile(r"stream/[a-zA-Z0-9_.-]{1,128}/consumer/[^/]+")
_QUEUE = re.compile(r"[a-zA-Z0-9_-]{1,80}|[a-zA-Z0-9_-]{1,75}\.fifo")


class SourceKind(Enum):
    """The kinds that a mapping can read."""

    TABLE = "DynamoDB stream"
    KINESIS = "Kinesis stream"
    QUEUE = "SQS queue"


TABLE_RETENTION_S = 86_400.0
"""How long a table's stream keeps a record: nobody can lengthen it (S24)."""

RETENTION_S = {SourceKind.TABLE: TABLE_RETENTION_S}
"""How long a source keeps a record, where that is the same for all of its kind (R51)."""


@lru_cache(maxsize=1024)
def source_kind(arn: str) -> SourceKind:
    """The kind of source. Raises ``SettingsError`` for the ARN of anything else, a Kinesis consumer's too."""
    parts = parse_arn(arn)
    whole = bool(parts.region and parts.account)
    if parts.service == "kinesis" and whole and _STREAM.fullmatch(parts.resource):
        return SourceKind.KINESIS
    if parts.service == "sqs" and whole and _QUEUE.fullmatch(parts.resource):
        return SourceKind.QUEUE
    parse_stream_arn(arn)
    return SourceKind.TABLE


def consumer_of(arn: str) -> str | None:
    """The stream whose registered consumer (enhanced fan-out) the ARN names; None for any other ARN."""
    try:
        parts = parse_arn(arn)
    except SettingsError:
        return None
    if parts.service != "kinesis" or not _CONSUMER.fullmatch(parts.resource):
        return None
    return arn.partition("/consumer/")[0]


def is_fifo(queue_arn: str) -> bool:
    """True for a queue that keeps the order of its groups; its name says so."""
    return queue_arn.endswith(".fifo")
