"""A record of a Kinesis stream in the form that Lambda hands to a function (R137).

Decides the members and their order. Reading the stream is ``sources.kinesis``'; the data stay opaque, an aggregate of
the Kinesis Producer Library too (R150).
"""

from __future__ import annotations

import base64
from datetime import datetime

import msgspec

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.errors import RecordError

__all__ = ["EVENT_NAME", "NUMBER_DIGITS_MAX", "kinesis_record"]

EVENT_NAME = "aws:kinesis:record"

NUMBER_DIGITS_MAX = 129
"""The model's bound; AWS writes 56 digits."""


def kinesis_record(
    *,
    stream_arn: str,
    shard: str,
    sequence_number: str,
    partition_key: str,
    data: bytes,
    arrived: datetime,
    role: str,
) -> RawRecord:
    """One record. ``arrived`` is told to the millisecond (R112); ``role`` is the one that the mapping reads with.

    Its key, which lanes go by, is the partition key (R62). Raises ``RecordError`` for a number that is none.
    """
    digits = sequence_number
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= NUMBER_DIGITS_MAX) or digits[:1] == "0":
        raise RecordError(f"a sequence number has up to {NUMBER_DIGITS_MAX} digits, without leading zero")
    arrived_s = round(arrived.timestamp(), 3)
    body = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": digits,
            "data": base64.b64encode(data).decode("ascii"),
            "approximateArrivalTimestamp": arrived_s,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{digits}",
        "eventName": EVENT_NAME,
        "invokeIdentityArn": role,
        "awsRegion": parse_arn(stream_arn).region,
        "eventSourceARN": stream_arn,
    }
    return RawRecord(msgspec.json.encode(body), int(digits), ItemKey(partition_key.encode()), arrived_s, EVENT_NAME)
