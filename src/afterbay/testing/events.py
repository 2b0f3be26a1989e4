"""Records and events of a mapping made from plain Python items, as a stream would have them."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, cast

import msgspec

from afterbay.core.change.arn import parse_stream_arn
from afterbay.core.change.sequence import DIGITS_MAX, DIGITS_MIN, SequenceNumber
from afterbay.core.change.value import TypedItem, encode_item
from afterbay.core.change.view import ViewType
from afterbay.core.change.wire import JsonValue, lambda_record
from afterbay.core.shard.position import Position
from afterbay.emulator.record import Change, encode_record, kind_of
from afterbay.errors import SettingsError
from afterbay.sinks.entry import refuse_no_key

__all__ = ["FIRST_NUMBER", "STREAM_ARN", "Record", "StreamEvent", "change", "stream_event"]

STREAM_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
FIRST_NUMBER = 100_000_000_000_000_000_000_001
CREATED_S = 1_767_225_600
"""2026-01-01T00:00:00Z, when the default stream was made."""

KEYS_MAX = 2
_KEYS_AS_IN = 'name the key attributes, as in keys=("pk", "sk")'

Record: TypeAlias = dict[str, JsonValue]
"""A stream record in the form that Lambda hands to a function."""

StreamEvent: TypeAlias = dict[str, list[Record]]


def change(
    *,
    old: Mapping[str, object] | None = None,
    new: Mapping[str, object] | None = None,
    keys: str | Sequence[str] = "pk",
    number: int = FIRST_NUMBER,
    created: datetime | float = CREATED_S,
    expired: bool = False,
    view: str = ViewType.NEW_AND_OLD_IMAGES,
    stream_arn: str = STREAM_ARN,
) -> Record:
    """The record of one change: an INSERT of ``new``, a MODIFY from ``old`` to ``new``, or a REMOVE of ``old``.

    Items are plain Python (numbers as ``int`` or ``Decimal``, binary as ``bytes``, sets as sets). ``keys`` names the
    key attributes. ``expired``: TTL removed it. ``number`` is its SequenceNumber; ``stream_event`` makes them rise.
    Raises ``SettingsError`` for what no table would write, ``RecordError`` for a value that has no type.
    """
    stream = parse_stream_arn(stream_arn)
    images = Change(_typed(old, "old"), _typed(new, "new"), expired)
    kind = kind_of(images)
    if kind is None:
        raise SettingsError(
            "no record is written for a change that changes nothing" if new is not None else "no item was given",
            where="change()",
            hint="give new=, old=, or two items that differ",
        )
    if expired and new is not None:
        raise SettingsError("an expiry removes an item", where="change(expired=True)", hint="give old= alone")
    raw = encode_record(
        images,
        kind,
        keys=_keys(images, _names(keys)),
        view=_view(view),
        number=Position(_number(number)),
        created_s=_created_s(created),
        region=stream.region,
        event_id=_event_id(number),
    )
    return cast("Record", msgspec.json.decode(lambda_record(raw, stream_arn)))


def stream_event(*records: Record) -> StreamEvent:
    """The event of a mapping with these records, in this order. Their sequence numbers rise: one that does not follows
    the number before it. The records given stay as they are. Raises ``SettingsError`` for what is no record,
    ``RecordError`` for a number that is none."""
    last = 0
    made: list[Record] = []
    for one in records:
        record = copy.deepcopy(one)
        inner = record.get("dynamodb") if isinstance(record, dict) else None  # pyright: ignore[reportUnnecessaryIsInstance] # a test's
        if not isinstance(inner, dict):
            raise SettingsError(
                f"{type(one).__name__} is no record", where="stream_event()", hint="change(new={...}) makes one"
            )
        number = SequenceNumber(str(inner.get("SequenceNumber"))).number
        if number <= last:
            number = last + 1
            inner["SequenceNumber"] = str(number)
            record["eventID"] = _event_id(number)
        last = number
        made.append(record)
    return {"Records": made}


def _typed(item: Mapping[str, object] | None, name: str) -> TypedItem | None:
    if item is None:
        return None
    if not isinstance(item, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # a test's
        raise SettingsError(
            f"an item is a dict, not {type(item).__name__}", where=f"change({name}=)", hint='as in {"pk": "o1"}'
        )
    return encode_item(item, name)


def _names(keys: str | Sequence[str]) -> tuple[str, ...]:
    names = (keys,) if isinstance(keys, str) else keys
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):  # pyright: ignore[reportUnnecessaryIsInstance] # a test's
        raise SettingsError(f"{keys!r} names no attributes", where="change(keys=)", hint=_KEYS_AS_IN)
    if len(set(names)) != len(names) or len(names) > KEYS_MAX:
        raise SettingsError("a table's key has one attribute or two", where="change(keys=)", hint=_KEYS_AS_IN)
    return tuple(names)


def _keys(images: Change, names: Sequence[str]) -> TypedItem:
    """The key, which every image has and no change moves."""
    there = [image for image in (images.old, images.new) if image is not None]
    missing = [name for image in there for name in names if name not in image]
    if missing or not names:
        raise SettingsError(
            f"an item has no key attribute {missing[0]!r}" if missing else "a table has a key",
            where="change()",
            hint=_KEYS_AS_IN,
        )
    found = [{name: image[name] for name in names} for image in there]
    if found[0] != found[-1]:
        raise SettingsError(
            "old and new have different keys: they are two items", where="change()", hint="make two changes of it"
        )
    refuse_no_key(found[0])
    return found[0]


def _view(view: str) -> ViewType:
    if view not in tuple(ViewType):
        raise SettingsError(f"{view!r} is no view type", where="change(view=)", hint=", ".join(ViewType))
    return ViewType(view)


def _created_s(created: datetime | float) -> int:
    if isinstance(created, datetime):
        return int(created.timestamp())
    if not isinstance(created, int | float) or not math.isfinite(created):  # pyright: ignore[reportUnnecessaryIsInstance] # a test's
        raise SettingsError(
            f"{created!r} is no time", where="change(created=)", hint="a datetime, or seconds since 1970"
        )
    return int(created)


def _number(number: int) -> int:
    whole = isinstance(number, int)  # pyright: ignore[reportUnnecessaryIsInstance] # a test's
    if not whole or not 10 ** (DIGITS_MIN - 1) <= number < 10**DIGITS_MAX:
        raise SettingsError(
            f"a sequence number has {DIGITS_MIN} to {DIGITS_MAX} digits (S46)",
            where="change(number=)",
            hint="as in FIRST_NUMBER + 1",
        )
    return number


def _event_id(number: int) -> str:
    return f"{number:032x}"[-32:]
