"""Records made from plain items are what a stream would have, and events are in order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

import afterbay
from afterbay.errors import RecordError, SettingsError
from afterbay.testing import FIRST_NUMBER, STREAM_ARN, Address, AddressError, change, stream_event

PENDING = {"pk": "o1", "status": "PENDING", "total": Decimal("12.50")}
SHIPPED = {**PENDING, "status": "SHIPPED"}


def decoded(record: dict) -> afterbay.ChangeRecord:
    return afterbay.ChangeRecord(record)


@pytest.mark.parametrize(
    ("made", "kind"),
    [({"new": PENDING}, "INSERT"), ({"old": PENDING, "new": SHIPPED}, "MODIFY"), ({"old": SHIPPED}, "REMOVE")],
)
def test_the_kind_follows_from_what_was_and_is(made, kind):
    one = decoded(change(**made))
    assert one.kind == kind and (one.old, one.new) == (made.get("old"), made.get("new"))
    assert one.keys == {"pk": "o1"} and one.stream_arn == STREAM_ARN


def test_a_record_has_every_member_that_lambda_gives():
    record = change(new={"pk": "o1", "n": 7}, created=datetime(2026, 1, 2, tzinfo=UTC))
    assert record == {
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767312000.0,
            "Keys": {"pk": {"S": "o1"}},
            "NewImage": {"pk": {"S": "o1"}, "n": {"N": "7"}},
            "SequenceNumber": str(FIRST_NUMBER),
            "SizeBytes": 11,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventID": record["eventID"],
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": STREAM_ARN,
        "eventVersion": "1.1",
    }
    assert len(record["eventID"]) == 32


def test_every_type_of_an_item_survives():
    item = {"pk": b"\x01", "s": frozenset({"a"}), "m": {"l": [None, True, Decimal("0.1")]}}
    assert decoded(change(new=item)).new == item


def test_a_view_hides_what_it_hides():
    one = decoded(change(old=PENDING, new=SHIPPED, view="KEYS_ONLY"))
    assert (one.old, one.new, one.keys) == (None, None, {"pk": "o1"})


def test_an_expiry_is_one():
    assert decoded(change(old=PENDING, expired=True)).is_expiry
    assert not decoded(change(old=PENDING)).is_expiry


def test_keys_and_stream_are_chosen():
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-02-01T00:00:00.000"
    one = decoded(change(new={"id": "a", "n": 1, "x": "y"}, keys=("id", "n"), stream_arn=arn))
    assert one.keys == {"id": "a", "n": 1} and one.table == "orders"


def test_the_numbers_of_an_event_rise_and_those_that_rise_stay():
    given = [change(new={"pk": "a"}), change(new={"pk": "b"}), change(new={"pk": "c"}, number=FIRST_NUMBER + 9)]
    event = stream_event(*given, change(new={"pk": "d"}))
    numbers = [int(one["dynamodb"]["SequenceNumber"]) - FIRST_NUMBER for one in event["Records"]]
    assert numbers == [0, 1, 9, 10]
    assert len({one["eventID"] for one in event["Records"]}) == 4
    assert given[1]["dynamodb"]["SequenceNumber"] == str(FIRST_NUMBER), "what was given is not touched"
    assert [one.keys["pk"] for one in afterbay.changes(event)] == ["a", "b", "c", "d"]


REFUSED = {
    "nothing": ({}, "no item was given"),
    "no change": ({"old": {"pk": "a", "n": 1}, "new": {"pk": "a", "n": Decimal("1.0")}}, "changes nothing"),
    "no key": ({"new": {"id": "a"}}, r"no key attribute 'pk' .*keys="),
    "two items": ({"old": {"pk": "a"}, "new": {"pk": "b"}}, "two items"),
    "no keys at all": ({"new": {"id": "a"}, "keys": ()}, "a table has a key"),
    "an expiry that leaves an item": ({"old": {"pk": "a"}, "new": {"pk": "a", "n": 1}, "expired": True}, "give old="),
    "a short number": ({"new": {"pk": "a"}, "number": 5}, "21 to 40 digits"),
    "no view": ({"new": {"pk": "a"}, "view": "ALL"}, "'ALL' is no view type"),
    "three keys": ({"new": {"a": "a", "b": 1, "c": 1}, "keys": ("a", "b", "c")}, "one attribute or two"),
    "a key twice": ({"new": {"pk": "a"}, "keys": ("pk", "pk")}, "one attribute or two"),
    "no names": ({"new": {"pk": "a"}, "keys": None}, "None names no attributes"),
    "a text for a number": ({"new": {"pk": "a"}, "number": "5"}, "21 to 40 digits"),
    "no time": ({"new": {"pk": "a"}, "created": "yesterday"}, "'yesterday' is no time"),
    "no item": ({"new": "a"}, r"change\(new=\): an item is a dict, not str"),
    "no stream": ({"new": {"pk": "a"}, "stream_arn": "orders"}, "is not an ARN"),
}


@pytest.mark.parametrize(("made", "told"), REFUSED.values(), ids=REFUSED)
def test_what_no_table_writes_is_refused(made, told):
    with pytest.raises(SettingsError, match=told):
        change(**made)


@pytest.mark.parametrize("key", ["", b"", True, None, ["a"]])
def test_a_key_is_what_a_table_could_have(key):
    """S99."""
    with pytest.raises(RecordError, match=r"Keys\.pk: a key attribute is"):
        change(new={"pk": key})


@pytest.mark.parametrize("record", [None, {}, {"Records": []}, "a"])
def test_what_is_no_record_makes_no_event(record):
    with pytest.raises(SettingsError, match="is no record"):
        stream_event(record)


def test_a_float_is_refused_since_it_is_not_exact():
    with pytest.raises(RecordError, match=r"new\.n: a float is not exact"):
        change(new={"pk": "a", "n": 0.1})


def test_an_address_that_is_gone_says_so(tmp_path):
    with pytest.raises(AddressError, match=r"clock: nothing answers at http://127\.0\.0\.1:1: .*\(has its with block"):
        Address("http://127.0.0.1:1", "us-east-1", tmp_path / "log").advance(1)
