"""An item read from its table, spelled as a stream record: what a first load hands on (E13).

Decides what such a record says of itself. Reading the table, and which images are handed on, is ``backfill``'s.
"""

from __future__ import annotations

from afterbay.core.change.value import TypedItem, wire_item
from afterbay.core.change.view import ChangeKind, ViewType

__all__ = ["image_record"]


def image_record(stream_arn: str, image: TypedItem, keys: TypedItem, *, number: int, read_s: int) -> dict[str, object]:
    """The record of one item in Lambda's form, an INSERT with ``"afterbay": {"backfill": true}``.

    ``number`` is the SequenceNumber, with which a function names the record in its answer and which means nothing else:
    the token is the lowest one. ``read_s`` is when the item was read, in epoch seconds.
    """
    inner: dict[str, object] = {
        "ApproximateCreationDateTime": read_s,
        "Keys": wire_item(keys),
        "NewImage": wire_item(image),
        "SequenceNumber": str(number),
        "StreamViewType": ViewType.NEW_AND_OLD_IMAGES.value,
    }
    region = stream_arn.split(":")[3]
    return {
        "eventID": f"{number:032x}"[-32:],
        "eventName": ChangeKind.INSERT.value,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "dynamodb": inner,
        "eventSourceARN": stream_arn,
        "afterbay": {"backfill": True},
    }
