"""What one change of a table looks like in a Kinesis stream (S86 to S89): another form than ``record.py``'s.

Pure: time and event id are arguments.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b

import msgspec

from afterbay.core.change.kinesis_change import Precision
from afterbay.core.change.size import record_size
from afterbay.core.change.value import TypedItem, canonical
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.emulator.record import EVENT_SOURCE, Change

__all__ = ["encode_kinesis_record", "partition_key"]

RECORD_FORMAT = "application/json"
EXPIRY_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""Who removes an expired item. Small letters, as in Lambda's events (U)."""


def partition_key(keys: TypedItem) -> str:
    """32 hex digits (S89), the same for equal keys, so that an item's changes share a shard."""
    return blake2b(canonical(keys), digest_size=16).hexdigest()


def encode_kinesis_record(
    change: Change,
    kind: ChangeKind,
    *,
    keys: TypedItem,
    table: str,
    region: str,
    created: datetime,
    precision: Precision | None,
    event_id: str,
) -> bytes:
    """The record's ``Data``, JSON: both images wherever there are any, no sequence number, no view type (S86, S87).

    ``precision`` None is a destination for which none was configured: milliseconds, and no member that says so (S88).
    """
    images = ViewType.NEW_AND_OLD_IMAGES.images(kind, old=change.old, new=change.new)
    unit = precision or Precision.MILLISECOND
    about: dict[str, object] = {
        "ApproximateCreationDateTime": unit.since_epoch(created),
        "Keys": keys,
        **images,
        "SizeBytes": record_size(keys, new=images.get("NewImage"), old=images.get("OldImage")),
    }
    if precision is not None:
        about["ApproximateCreationDateTimePrecision"] = precision.value
    return msgspec.json.encode(
        {
            "awsRegion": region,
            "eventID": event_id,
            "eventName": kind.value,
            "userIdentity": EXPIRY_IDENTITY if change.expired else None,
            "recordFormat": RECORD_FORMAT,
            "tableName": table,
            "dynamodb": about,
            "eventSource": EVENT_SOURCE,
        }
    )
