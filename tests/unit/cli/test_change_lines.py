"""A change in one line: what a person sees, what a program reads, and which changes are wanted."""

from __future__ import annotations

import json

import pytest

from afterbay.cli.change_lines import (
    VALUE_CHARS_MAX,
    Wanted,
    change_document,
    change_lines,
    unreadable_document,
    unreadable_line,
)
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.wire import raw_from_lambda
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.where import read_where

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
NUMBER = "300000000000000000001"
KEY = {"pk": {"S": "o1"}}
BIG = "123456789012345678901234567890.12345"


def body(kind: str, *, old=None, new=None, key=KEY, view: str = "NEW_AND_OLD_IMAGES", **more) -> bytes:
    inner = {"ApproximateCreationDateTime": 1789649451.0, "Keys": key, "SequenceNumber": NUMBER, "StreamViewType": view}
    inner |= {name: {**key, **image} for name, image in (("OldImage", old), ("NewImage", new)) if image is not None}
    return json.dumps({"eventName": kind, "dynamodb": inner, "eventSourceARN": ARN, **more}).encode()


def change(kind: str, **more) -> ChangeRecord:
    return ChangeRecord(body(kind, **more))


def line(kind: str, **more) -> str:
    (told,) = change_lines(change(kind, **more), images=False)
    return told


def s(text: str) -> dict:
    return {"S": text}


def test_a_change_is_time_kind_key_and_what_moved():
    told = line(
        "MODIFY", old={"status": s("PENDING"), "n": {"N": "1"}}, new={"status": s("SHIPPED"), "n": {"N": "1.0"}}
    )
    assert told == "2026-09-17T12:50:51Z MODIFY o1  status: PENDING → SHIPPED"


def test_fields_that_come_and_go_are_marked_and_the_key_is_none_of_them():
    assert line("MODIFY", old={"a": s("x")}, new={"b": s("y")}).endswith("o1  -a: x; +b: y")
    assert line("INSERT", new={"total": {"N": BIG}}).endswith(f"INSERT o1  +total: {BIG}")
    assert line("REMOVE", old={"a": s("x")}).endswith("REMOVE o1  -a: x")
    assert line("INSERT", new={}).endswith("INSERT o1")


def test_an_expiry_is_marked():
    expiry = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert "REMOVE (expired) o1" in line("REMOVE", old={}, userIdentity=expiry)


def test_a_view_that_hides_an_image_is_said():
    assert line("MODIFY", view="KEYS_ONLY").endswith("o1  (no differences: the stream shows KEYS_ONLY)")
    assert line("INSERT", view="NEW_IMAGE", new={"a": s("x")}).endswith("o1  +a: x")


def test_a_place_inside_a_field_is_named_by_its_path():
    old = {"lines": {"L": [{"M": {"sku": s("a")}}]}}
    new = {"lines": {"L": [{"M": {"sku": s("b")}}]}}
    assert line("MODIFY", old=old, new=new).endswith("lines[0].sku: a → b")


PLAIN = {
    "a text that reads like a number": (s("5"), '"5"'),
    "a number": ({"N": "5"}, "5"),
    "a text that would end the field": (s("a; b"), '"a; b"'),
    "a text of several lines": (s("a\nb"), '"a\\nb"'),
    "a text that talks to the terminal": (s("\x1b[2J"), '"\\u001b[2J"'),
    "an empty text": (s(""), '""'),
    "blanks at the end": (s("a "), '"a "'),
    "nothing": ({"NULL": True}, "null"),
    "bytes": ({"B": "AQI="}, '"AQI="'),
    "a set": ({"NS": ["3", "1"]}, "[1,3]"),
    "a long text": (s("x" * 200), "x" * (VALUE_CHARS_MAX - 1) + "…"),
}


@pytest.mark.parametrize(("value", "shown"), PLAIN.values(), ids=PLAIN)
def test_a_value_cannot_be_taken_for_another(value, shown):
    assert line("INSERT", new={"a": value}) == f"2026-09-17T12:50:51Z INSERT o1  +a: {shown}"


def test_a_key_that_is_not_one_text_is_json():
    two = {"pk": s("a"), "sk": {"N": "5"}}
    assert " INSERT {" in line("INSERT", key=two, new={}) and '"sk":5' in line("INSERT", key=two, new={})


def test_images_are_shown_whole_below():
    told = change_lines(change("MODIFY", old={"a": s("x" * 200)}, new={"a": s("y")}), images=True)
    assert told[1:] == [f'    old: {{"pk":"o1","a":"{"x" * 200}"}}', '    new: {"pk":"o1","a":"y"}']


def test_the_json_line_has_every_digit_and_only_the_sides_that_are_there():
    told = change_document(change("MODIFY", old={"a": s("x")}, new={"n": {"N": BIG}}), "shard-1", images=False)
    assert BIG.encode() in told
    document = json.loads(told, parse_float=str)
    assert document == {
        "time": "2026-09-17T12:50:51Z",
        "kind": "MODIFY",
        "expired": False,
        "key": {"pk": "o1"},
        "table": "orders",
        "shard": "shard-1",
        "sequence_number": NUMBER,
        "token": f"2026-01-01T00:00:00.000/{NUMBER:0>40}",
        "changed": [{"path": ["a"], "old": "x"}, {"path": ["n"], "new": BIG}],
    }


def test_the_json_line_has_images_where_they_are_asked_for_and_null_where_there_is_none():
    document = json.loads(change_document(change("INSERT", new={"a": s("x")}), "shard-1", images=True))
    assert document["old"] is None and document["new"] == {"pk": "o1", "a": "x"}
    hidden = json.loads(change_document(change("MODIFY", view="KEYS_ONLY"), "shard-1", images=True))
    assert (hidden["changed"], hidden["old"], hidden["new"]) == (None, None, None)


def test_a_record_that_cannot_be_decoded_is_an_error_to_show_and_never_half_a_line():
    broken = change("INSERT", new={"a": {"X": "y"}})
    with pytest.raises(RecordError, match=r"NewImage\.a"):
        change_lines(broken, images=False)
    with pytest.raises(RecordError):
        change_document(broken, "shard-1", images=False)


def test_what_cannot_be_decoded_is_shown_as_it_came():
    raw = b'{"a":"\xff\x1b"}\n'
    told = unreadable_line("shard-1", None, "no keys", raw)
    assert told == 'UNREADABLE without a number in shard-1: no keys: {"a":"\\xff\\x1b"}\\n'
    document = json.loads(unreadable_document("shard-1", NUMBER, "no keys", raw))
    assert document == {
        "shard": "shard-1",
        "sequence_number": NUMBER,
        "error": "no keys",
        "record": '{"a":"\\xff\\x1b"}\\n',
    }


# ---- which are wanted


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [(None, True), ("o1", True), ("o2", False), ('{"pk": {"S": "o1"}}', True), ('{"pk": {"N": "1"}}', False)],
)
def test_one_item_is_asked_for_by_its_lone_text_or_by_its_typed_key(asked, wanted):
    assert Wanted(asked, None).by_key(raw_from_lambda(body("INSERT", new={})).key) is wanted


def test_a_typed_key_is_compared_by_value():
    raw = raw_from_lambda(body("INSERT", key={"sk": {"N": "5"}, "pk": s("a")}, new={}))
    assert Wanted('{"pk": {"S": "a"}, "sk": {"N": "5.0"}}', None).by_key(raw.key)
    assert not Wanted("a", None).by_key(raw.key)


@pytest.mark.parametrize("key", ["{", '{"pk": "a"}', '{"pk": {"N": "x"}}'])
def test_a_typed_key_that_is_none_is_refused(key):
    with pytest.raises(SettingsError, match=r"--key: .* is no key"):
        Wanted(key, None)


def test_a_pattern_takes_what_comes_to_match_and_what_leaves():
    wanted = Wanted(None, read_where('{"status": {"S": ["SHIPPED"]}}', "--where"))
    pending, shipped = {"status": s("PENDING")}, {"status": s("SHIPPED")}
    assert wanted.by_item(change("MODIFY", old=pending, new=shipped))
    assert wanted.by_item(change("MODIFY", old=shipped, new=pending))
    assert wanted.by_item(change("REMOVE", old=shipped))
    assert not wanted.by_item(change("INSERT", new=pending))
