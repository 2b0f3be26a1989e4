"""A change with another outcome: the same key, number and time, but another item, or none.

Decides how such a change is spelled. Which item it gets is the caller's: a filter's or a transform's.
"""

from __future__ import annotations

from collections.abc import Mapping

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.view import ChangeKind, ViewType

__all__ = ["rewritten"]


def rewritten(change: ChangeRecord, image: Mapping[str, object] | None) -> ChangeRecord:
    """The same change, by key, token and creation time, with ``image`` (typed JSON) as its new image; None removes.

    Such a removal is nobody's expiry, and no old image is kept: it would not be this item's. Raises ``RecordError``.
    """
    inner: dict[str, object] = {
        "ApproximateCreationDateTime": change.created_s,
        "Keys": change.keys_typed,
        "SequenceNumber": str(change.sequence_number),
        "StreamViewType": ViewType.NEW_IMAGE.value,
    }
    if image is not None:
        inner["NewImage"] = image
    record: dict[str, object] = {
        "eventID": change.event_id or "",
        "eventName": (ChangeKind.REMOVE if image is None else change.kind).value,
        "eventSource": "aws:dynamodb",
        "eventSourceARN": change.stream_arn,
        "dynamodb": inner,
    }
    if change.is_backfill:
        record["afterbay"] = {"backfill": True}
        return ChangeRecord(record)
    # A token's epoch is not always the stream's label (E2).
    return ChangeRecord(record, epoch=change.token.partition("/")[0])
