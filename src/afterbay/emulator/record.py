"""What one change looks like in a GetRecords answer (S59 to S69).

Decides whether a change makes a record (S71) and writes it once, as compact JSON. Where it goes is the stream's.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from afterbay.core.change.size import record_size
from afterbay.core.change.value import TypedItem, same_item
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.core.shard.position import Position

__all__ = ["Change", "encode_record", "kind_of"]

EVENT_SOURCE = "aws:dynamodb"
EVENT_VERSION = "1.1"
EXPIRY_IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
"""Who removes an expired item; capitals in this API only (S65)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write of one item: complete typed images, None where there is no item. ``expired``: TTL did it."""

    old: TypedItem | None
    new: TypedItem | None
    expired: bool = False


def kind_of(change: Change) -> ChangeKind | None:
    """Which event a change is, or None for a write that changed nothing.

    Rules: S62 by whether there was an item before, S71 and S101 equality by value.
    """
    if change.old is None:
        return None if change.new is None else ChangeKind.INSERT
    if change.new is None:
        return ChangeKind.REMOVE
    return None if same_item(change.old, change.new) else ChangeKind.MODIFY


def encode_record(
    change: Change,
    kind: ChangeKind,
    *,
    keys: TypedItem,
    view: ViewType,
    number: Position,
    created_s: int,
    region: str,
    event_id: str,
) -> bytes:
    """The record as JSON bytes. An image that the view type hides is an absent member (S60)."""
    images = view.images(kind, old=change.old, new=change.new)
    body: dict[str, object] = {
        "awsRegion": region,
        "dynamodb": {
            "ApproximateCreationDateTime": created_s,
            "Keys": keys,
            **images,
            "SequenceNumber": str(number),
            "SizeBytes": record_size(keys, new=images.get("NewImage"), old=images.get("OldImage")),
            "StreamViewType": view.value,
        },
        "eventID": event_id,
        "eventName": kind.value,
        "eventSource": EVENT_SOURCE,
        "eventVersion": EVENT_VERSION,
    }
    if change.expired:
        body["userIdentity"] = EXPIRY_IDENTITY
    return _ENCODER.encode(body)


_ENCODER = msgspec.json.Encoder()
