"""What the data of a Kinesis record say where they are a table's change, and which data are one at all."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from afterbay.core.change.kinesis_change import KinesisChange, Precision, change_in
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.view import ChangeKind
from afterbay.errors import RecordError

KEY = {"pk": {"S": "o1"}}
MS, US = 1789649451123, 1789649451123456
EXPIRY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"


def data(kind: str = "INSERT", *, time: object = MS, precision: str | None = None, about=None, **more) -> bytes:
    images = {"INSERT": ["NewImage"], "MODIFY": ["OldImage", "NewImage"], "REMOVE": ["OldImage"]}.get(kind, [])
    inner = {"ApproximateCreationDateTime": time, "Keys": KEY, **dict.fromkeys(images, KEY), "SizeBytes": 9}
    if precision is not None:
        inner["ApproximateCreationDateTimePrecision"] = precision
    inner |= about or {}
    whole = {
        "awsRegion": "eu-west-1",
        "eventID": "7df367f7-826b-438c-9fd6-712c32f45a5e",
        "eventName": kind,
        "userIdentity": None,
        "recordFormat": "application/json",
        "tableName": "orders",
        "dynamodb": {name: one for name, one in inner.items() if one is not None},
        "eventSource": "aws:dynamodb",
        **more,
    }
    return json.dumps(whole).encode()


def test_a_change_says_what_happened_to_which_item():
    old, new = {**KEY, "n": {"N": "1"}}, {**KEY, "n": {"N": "1.5"}, "b": {"B": "AQI="}}
    change = KinesisChange(data("MODIFY", about={"OldImage": old, "NewImage": new}))
    assert (change.kind, change.table, change.is_expiry) == (ChangeKind.MODIFY, "orders", False)
    assert change.keys == {"pk": "o1"} and change.old == {"pk": "o1", "n": 1}
    assert change.new == {"pk": "o1", "n": Decimal("1.5"), "b": b"\x01\x02"}
    assert (change.old_typed, change.new_typed, change.keys_typed) == (old, new, KEY)
    assert change.diff().modified == ("n",) and change.diff().added == ("b",)
    assert change.token is None, "no token of a table's stream is made of it (S92)"
    assert "o1" not in repr(change)


@pytest.mark.parametrize(
    ("time", "precision", "told", "created_us"),
    [
        (MS, None, "MILLISECOND", MS * 1000),
        (US, None, "MICROSECOND", US),
        (MS, "MILLISECOND", "MILLISECOND", MS * 1000),
        (US, "MICROSECOND", "MICROSECOND", US),
        (5, "MICROSECOND", "MICROSECOND", 5),
        (0, "MILLISECOND", "MILLISECOND", 0),
    ],
)
def test_the_unit_of_the_time_is_what_the_record_says_else_its_magnitude(time, precision, told, created_us):
    change = KinesisChange(data(time=time, precision=precision))
    assert (change.precision, change.created_us) == (Precision(told), created_us)


@pytest.mark.parametrize(
    ("time", "precision"),
    [(1789649451, None), (0, None), (-1, "MICROSECOND"), (10**17, None), (US, "MILLISECOND"), (1.5, None), ("1", None)],
)
def test_a_time_that_nobody_meant_is_refused(time, precision):
    with pytest.raises(RecordError, match="ApproximateCreationDateTime"):
        KinesisChange(data(time=time, precision=precision))


def test_a_precision_counts_whole_units_rounded_down():
    moment = datetime(2026, 9, 17, 12, 50, 51, 123_999, UTC)
    assert Precision.MILLISECOND.since_epoch(moment) == MS
    assert Precision.MICROSECOND.since_epoch(moment) == MS * 1000 + 999


def test_a_removal_by_time_to_live_is_told_and_only_that():
    assert KinesisChange(data("REMOVE", userIdentity=EXPIRY)).is_expiry
    assert not KinesisChange(data("REMOVE")).is_expiry
    assert not KinesisChange(data("MODIFY", userIdentity=EXPIRY)).is_expiry


BROKEN = {
    "a kind that is none": (data("TOUCH"), "eventName"),
    "no key": (data(about={"Keys": None}), "Keys"),
    "a key without attributes": (data(about={"Keys": {}}), "dynamodb.Keys"),
    "no new image": (data("MODIFY", about={"NewImage": None}), r"dynamodb\.NewImage.*S87"),
    "no old image": (data("REMOVE", about={"OldImage": None}), r"dynamodb\.OldImage.*S87"),
    "a precision that is none": (data(precision="NANOSECOND"), "Precision"),
    "an identity that is a text": (data(userIdentity="me"), "userIdentity"),
    "no event id": (data(eventID=None), "eventID"),
    "a table without a name": (data(tableName=None), "tableName"),
}


@pytest.mark.parametrize(("given", "named"), BROKEN.values(), ids=BROKEN)
def test_a_change_that_is_not_whole_is_refused_by_its_member(given, named):
    with pytest.raises(RecordError, match=named):
        change_in(given)


def test_a_value_is_judged_when_it_is_asked_for():
    change = KinesisChange(data(about={"NewImage": {"a": {"X": "y"}}}))
    with pytest.raises(RecordError, match=r"dynamodb\.NewImage\.a"):
        _ = change.new


def test_a_whole_record_of_a_tables_stream_is_its_own_kind_of_change():
    inner = {"ApproximateCreationDateTime": 1.0, "Keys": KEY, "SequenceNumber": "3" + "0" * 20}
    whole = {"eventName": "INSERT", "eventSource": "aws:dynamodb", "eventSourceARN": STREAM, "dynamodb": inner}
    change = change_in(json.dumps(whole).encode())
    assert isinstance(change, ChangeRecord) and (change.table, change.keys) == ("orders", {"pk": "o1"})
    assert isinstance(change_in(data()), KinesisChange)


OTHER = {
    "nothing": b"",
    "no text": b"\xff\xfe",
    "a text": b"hello",
    "no object": b"[1]",
    "an object of somebody's own": b'{"tableName": "orders"}',
    "something else from DynamoDB": b'{"eventSource": "aws:dynamodb", "tableName": "orders"}',
    "a change of another source": data(eventSource="shop.orders"),
    "a source that is no text": data(eventSource=1),
    "brackets without end": b"[" * 100_000,
    "a change and more": data() + b"{}",
}


@pytest.mark.parametrize("given", OTHER.values(), ids=OTHER)
def test_data_of_any_other_kind_are_no_change(given):
    assert change_in(given) is None
