"""A change of a table as Kinesis Data Streams for DynamoDB writes it: the data of a Kinesis record (S86 to S88).

Decides what such data say, and which data are a change at all. They name no place in a table's stream (S87, S92): a
``ChangeRecord`` has one, this has none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

import msgspec
from msgspec import UNSET, Raw, UnsetType

from afterbay.core.change.diff import Diff
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import Removal, removal
from afterbay.core.change.value import Item, decode_item
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.core.change.wire import CREATED_S_MAX, reason
from afterbay.errors import RecordError

__all__ = ["KinesisChange", "Precision", "change_in"]

_EPOCH = datetime.fromtimestamp(0, UTC)

TIME_MS_MAX = CREATED_S_MAX * 1000
"""Above every moment in milliseconds that is meant: a larger number counts microseconds (S88)."""


class Precision(StrEnum):
    """``ApproximateCreationDateTimePrecision``: in what unit a record tells its time."""

    MILLISECOND = "MILLISECOND"
    MICROSECOND = "MICROSECOND"

    @property
    def unit_us(self) -> int:
        return 1000 if self is Precision.MILLISECOND else 1

    def since_epoch(self, when: datetime) -> int:
        """Whole units of this precision, rounded down: 13 digits or 16 (S88)."""
        return (when - _EPOCH) // timedelta(microseconds=self.unit_us)


class _About(msgspec.Struct, gc=False):
    ApproximateCreationDateTime: int
    Keys: dict[str, object]
    NewImage: dict[str, object] | None = None
    OldImage: dict[str, object] | None = None
    ApproximateCreationDateTimePrecision: Precision | None = None


class _Data(msgspec.Struct, gc=False):
    eventID: str
    eventName: ChangeKind
    tableName: str
    dynamodb: _About
    userIdentity: dict[str, object] | None = None


class _Marks(msgspec.Struct, gc=False):
    """By what a change is known."""

    eventSource: str
    dynamodb: Raw
    tableName: Raw | UnsetType = UNSET


_data = msgspec.json.Decoder(_Data)
_marks = msgspec.json.Decoder(_Marks)


class KinesisChange:
    """What happened to which item, and what the item was and is. Images are decoded when they are asked for.

    Both images are there wherever the item was, and is (S87). The time is one of the writer's clock, and no order:
    records may come twice, and not in the order of the writes (S90). Raises ``RecordError`` with the path of the member
    at fault.
    """

    view = ViewType.NEW_AND_OLD_IMAGES
    """What such a stream shows; no record says it."""

    token = None
    """A token of a table's stream is never made of this (S92, S93)."""

    def __init__(self, data: bytes) -> None:
        try:
            told = _data.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as broken:
            raise RecordError(f"no change as DynamoDB writes it to Kinesis: {reason(broken)}") from broken
        self._about = about = told.dynamodb
        self.kind = told.eventName
        self.table = told.tableName
        self.event_id = told.eventID
        self.is_expiry = self.kind is ChangeKind.REMOVE and removal(told.userIdentity) is Removal.EXPIRED
        self.precision, self.created_us = _time(about)
        if not about.Keys:
            raise RecordError("a record's key has at least one attribute", path="dynamodb.Keys")
        for name, there, image in (
            ("OldImage", self.kind.has_old, about.OldImage),
            ("NewImage", self.kind.has_new, about.NewImage),
        ):
            if there and image is None:
                raise RecordError(f"missing, though a {self.kind} has it (S87)", path=f"dynamodb.{name}")

    def __repr__(self) -> str:
        """Without keys and images: they are the customer's data."""
        return f"KinesisChange({self.kind} in {self.table} at {self.created_us} us)"

    @property
    def keys_typed(self) -> dict[str, object]:
        """``Keys`` in DynamoDB's typed JSON."""
        return self._about.Keys

    @property
    def old_typed(self) -> dict[str, object] | None:
        """``OldImage`` in DynamoDB's typed JSON; None where there was no item."""
        return self._about.OldImage

    @property
    def new_typed(self) -> dict[str, object] | None:
        """``NewImage`` in DynamoDB's typed JSON; None where there is no item."""
        return self._about.NewImage

    @cached_property
    def keys(self) -> Item:
        """The item's primary key as Python values."""
        return decode_item(self.keys_typed, "dynamodb.Keys")

    @cached_property
    def old(self) -> Item | None:
        """The item before; None where there was none."""
        return None if self.old_typed is None else decode_item(self.old_typed, "dynamodb.OldImage")

    @cached_property
    def new(self) -> Item | None:
        """The item afterwards; None where there is none."""
        return None if self.new_typed is None else decode_item(self.new_typed, "dynamodb.NewImage")

    def diff(self) -> Diff:
        """Which fields moved, from what to what."""
        return Diff(self.old, self.new)


def change_in(data: bytes) -> KinesisChange | ChangeRecord | None:
    """The change that a Kinesis record's data are; None for data of any other kind.

    A ``ChangeRecord`` where they are a whole record of a table's stream, as a pipe sends it. Raises ``RecordError`` for
    data that say they are a change and cannot be read as one.
    """
    try:
        marks = _marks.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if marks.eventSource != "aws:dynamodb":
        return None
    return ChangeRecord(data) if marks.tableName is UNSET else KinesisChange(data)


def _time(about: _About) -> tuple[Precision, int]:
    """The precision and the time in microseconds: by what the record says, else by its magnitude (S88)."""
    path = "dynamodb.ApproximateCreationDateTime"
    told, precision = about.ApproximateCreationDateTime, about.ApproximateCreationDateTimePrecision
    if precision is None:
        if told < CREATED_S_MAX:
            raise RecordError("milliseconds or microseconds since the epoch are wanted (S88)", path=path)
        precision = Precision.MILLISECOND if told < TIME_MS_MAX else Precision.MICROSECOND
    created_us = told * precision.unit_us
    if not 0 <= created_us < CREATED_S_MAX * 1_000_000:
        raise RecordError("is no time that is meant (S88)", path=path)
    return precision, created_us
