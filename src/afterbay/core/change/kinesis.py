"""A record of a Kinesis stream in the form that Lambda hands to a function (R137).

Decides the members and their order. Reading the stream is ``sources.kinesis``'; the data stay opaque, an aggregate of
the Kinesis Producer Library too (R150). Where they are a table's change, ``kinesis_change.py`` reads them.
"""

from __future__ import annotations

import base64
from datetime import datetime

import msgspec

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.wire import reason
from afterbay.errors import RecordError

__all__ = ["EVENT_NAME", "NUMBER_DIGITS_MAX", "KinesisEnvelope", "envelope_of", "kinesis_record", "raw_from_kinesis"]

EVENT_NAME = "aws:kinesis:record"

NUMBER_DIGITS_MAX = 129
"""The model's bound; AWS writes 56 digits."""


class KinesisEnvelope(msgspec.Struct, frozen=True, gc=False):
    """What Kinesis says of a record, and what the record carries. Members are named as on the wire.

    ``approximateArrivalTimestamp`` is in epoch seconds.
    """

    partitionKey: str
    sequenceNumber: str
    data: bytes
    approximateArrivalTimestamp: float


class _Record(msgspec.Struct, gc=False):
    kinesis: KinesisEnvelope
    eventName: str


_records = msgspec.json.Decoder(_Record)


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
    position = _position(sequence_number)
    arrived_s = round(arrived.timestamp(), 3)
    body = {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": sequence_number,
            "data": base64.b64encode(data).decode("ascii"),
            "approximateArrivalTimestamp": arrived_s,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard}:{sequence_number}",
        "eventName": EVENT_NAME,
        "invokeIdentityArn": role,
        "awsRegion": parse_arn(stream_arn).region,
        "eventSourceARN": stream_arn,
    }
    return RawRecord(msgspec.json.encode(body), position, _key(partition_key), arrived_s, EVENT_NAME)


def raw_from_kinesis(body: bytes) -> RawRecord:
    """A record that is in Lambda's form already (R137). Raises ``RecordError``."""
    told = _read(body)
    envelope = told.kinesis
    position = _position(envelope.sequenceNumber)
    key = _key(envelope.partitionKey)
    return RawRecord(body, position, key, envelope.approximateArrivalTimestamp, told.eventName)


def envelope_of(body: bytes) -> KinesisEnvelope:
    """The Kinesis record in ``body``, which is in Lambda's form. Raises ``RecordError``."""
    return _read(body).kinesis


def _read(body: bytes) -> _Record:
    try:
        return _records.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as broken:
        raise RecordError(f"no record of a Kinesis stream: {reason(broken)}") from broken


def _position(digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= NUMBER_DIGITS_MAX) or digits[:1] == "0":
        raise RecordError(f"a sequence number has up to {NUMBER_DIGITS_MAX} digits, without leading zero")
    return int(digits)


def _key(partition_key: str) -> ItemKey:
    return ItemKey(partition_key.encode())
