"""``where=``: which items a sink holds, what leaves it, and which patterns are refused before anything is written."""

from __future__ import annotations

import json
import random
from urllib.parse import quote

import pytest

import afterbay
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.errors import SettingsError
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.where import read_where
from contract.histories import KEYS, History

SHIPPED = {"status": {"S": ["SHIPPED"]}}
KEY = {"pk": KEYS[2][0], "sk": KEYS[2][1]}


@pytest.fixture(autouse=True)
def empty():
    yield
    MemorySink.forget("w")


@pytest.fixture
def made():
    return History(random.Random(1))


def put(made, status, **more):
    return ChangeRecord(made.put(KEYS[2], status={"S": status}, **more))


def items(sink):
    return [one.item for one in sink.read_live()]


def kinds(sink, *changes):
    return [verdict.kind for verdict in sink.apply(changes)]


def test_only_matching_items_are_live_and_leaving_the_filter_removes(made):
    sink = afterbay.sink("memory:w", where=SHIPPED)
    paid, shipped, returned, again = (put(made, one) for one in ("PAID", "SHIPPED", "RETURNED", "SHIPPED"))
    assert kinds(sink, paid) == [Kind.APPLIED] and items(sink) == []
    assert kinds(sink, shipped) == [Kind.APPLIED] and items(sink) == [KEY | {"status": "SHIPPED"}]
    assert kinds(sink, returned) == [Kind.APPLIED] and items(sink) == []
    assert kinds(sink, shipped, returned) == [Kind.STALE, Kind.DUPLICATE] and items(sink) == []
    assert kinds(sink, again) == [Kind.APPLIED] and items(sink) == [KEY | {"status": "SHIPPED"}]


def test_an_item_that_never_matched_leaves_the_token_of_its_change(made):
    shipped, paid = put(made, "SHIPPED"), put(made, "PAID")
    sink = afterbay.sink("memory:w", where=SHIPPED)
    assert kinds(sink, paid, shipped) == [Kind.APPLIED, Kind.STALE]
    (row,) = MemorySink.named("w").rows().values()
    assert (row.token, row.item) == (paid.token, None)


def test_a_moved_epoch_stays_in_the_token_of_what_left(made):
    paid = ChangeRecord(made.put(KEYS[2], status={"S": "PAID"}), epoch="2027-01-05T10:11:12.345")
    afterbay.sink("memory:w", where=SHIPPED).apply([paid])
    (row,) = MemorySink.named("w").rows().values()
    assert row.token == paid.token and row.token.startswith("2027")


def test_a_backfilled_image_outside_the_filter_yields_to_every_change(made):
    shipped = put(made, "SHIPPED")
    image = ChangeRecord(made.put(KEYS[2], status={"S": "PAID"}) | {"afterbay": {"backfill": True}})
    sink = afterbay.sink("memory:w", where=SHIPPED)
    assert kinds(sink, image, shipped, image) == [Kind.APPLIED, Kind.APPLIED, Kind.STALE]
    assert items(sink) == [KEY | {"status": "SHIPPED"}]


@pytest.mark.parametrize(("ttl", "left"), [("skip", 1), ("mirror", 0)])
def test_an_expiry_is_not_judged(made, ttl, left):
    sink = afterbay.sink(f"memory:w?ttl={ttl}", where=SHIPPED)
    changes = [put(made, "SHIPPED"), ChangeRecord(made.expire(KEYS[2], mirrored=False))]
    assert kinds(sink, *changes)[1] is (Kind.SKIPPED if ttl == "skip" else Kind.APPLIED)
    assert len(items(sink)) == left


def test_an_empty_image_beside_a_removal_is_no_item_to_judge(made):
    """Some carriers write both images always; an expiry that is skipped would turn into a removal."""
    sink = afterbay.sink("memory:w", where=SHIPPED)
    shipped, expired = put(made, "SHIPPED"), made.expire(KEYS[2], mirrored=False)
    expired["dynamodb"]["NewImage"] = {}
    assert kinds(sink, shipped, ChangeRecord(expired)) == [Kind.APPLIED, Kind.SKIPPED] and len(items(sink)) == 1


def test_a_delete_of_an_item_outside_the_filter_is_a_delete(made):
    sink = afterbay.sink("memory:w", where=SHIPPED)
    shipped, _, gone = put(made, "SHIPPED"), put(made, "PAID"), ChangeRecord(made.delete(KEYS[2]))
    assert kinds(sink, shipped, gone) == [Kind.APPLIED, Kind.APPLIED] and items(sink) == []


def test_a_hidden_or_broken_image_is_poison_not_a_removal(made):
    sink = afterbay.sink("memory:w", where=SHIPPED)
    sink.apply([put(made, "SHIPPED")])
    hidden = made.put(KEYS[2], status={"S": "PAID"})
    hidden["dynamodb"]["StreamViewType"] = "KEYS_ONLY"
    del hidden["dynamodb"]["NewImage"], hidden["dynamodb"]["OldImage"]
    untyped = made.put(KEYS[2], status="PAID")
    told = sink.apply([ChangeRecord(hidden), ChangeRecord(untyped), put(made, "SHIPPED", n={"N": "1"})])
    assert [one.kind for one in told] == [Kind.POISON, Kind.POISON, Kind.APPLIED]
    assert "view type must be" in told[0].reason and "status" in told[1].reason
    assert items(sink) == [KEY | {"status": "SHIPPED", "n": 1}]


def test_the_filter_sees_attributes_that_the_sink_leaves_out(made):
    sink = afterbay.sink("memory:w?fields=n", where=SHIPPED)
    sink.apply([put(made, "SHIPPED", n={"N": "1"})])
    assert items(sink) == [KEY | {"n": 1}]


def test_an_address_says_it_percent_encoded_and_wins(made):
    text = json.dumps({"note": {"S": [{"prefix": "50 % & more?"}]}})
    sink = afterbay.sink(f"memory:w?where={quote(text)}&ttl=mirror", where=SHIPPED)
    sink.apply([put(made, "PAID", note={"S": "50 % & more? yes"})])
    assert len(items(sink)) == 1
    assert str(sink) == "memory:w"


@pytest.mark.parametrize("where", [SHIPPED, json.dumps(SHIPPED), afterbay.Pattern(SHIPPED)])
def test_code_takes_a_dict_a_text_or_a_pattern(where):
    assert read_where(where, "x").matches({"status": {"S": "SHIPPED"}})


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("{}", "Empty objects are not allowed"),
        ("status", "Not JSON"),
        ('{"status":{"S":"SHIPPED"}}', "status.S: "),
        ('{"status":["SHIPPED"]}', "status: .*type is missing"),
        ('{"$or":[{"status":{"S":["A"]}},{"kind":["B"]}]}', "kind: .*type is missing"),
        ('{"eventName":["INSERT"]}', "eventName: .*type is missing"),
        (
            '{"dynamodb":{"NewImage":{"status":{"S":["SHIPPED"]}}},"eventName":["MODIFY"]}',
            "of the item, not of the stream's record",
        ),
        ('{"dynamodb":{"OldImage":{"status":{"S":["SHIPPED"]}}}}', "of the item, not of the stream's record"),
        ('{"total":{"N":[{"numeric":[">",100]}]}}', "total.N: .*numbers as text"),
        ('{"total":{"N":[100, 101]}}', "total.N: .*numbers as text"),
    ],
)
def test_a_wrong_pattern_is_refused_with_its_reason_and_its_place(where, words):
    with pytest.raises(SettingsError, match=f"^memory:w: where=: .*{words}"):
        afterbay.sink(f"memory:w?where={quote(where)}")
    with pytest.raises(SettingsError, match=f"^where: .*{words}"):
        afterbay.sink("memory:w", where=where)


@pytest.mark.parametrize(
    "where",
    [
        {"a.b": {"S": ["x"]}},
        {"doc": {"M": {"S": {"N": ["1"]}}}},
        {"list": {"L": {"M": {"x": {"S": ["y"]}}}}},
        {"total": {"N": [100, "100"]}},
        {"dynamodb": {"S": ["x"]}},
        {"hidden": {"BOOL": [{"exists": False}]}},
    ],
)
def test_what_an_item_can_match_is_taken(where):
    assert read_where(where, "x").source == where


@pytest.mark.parametrize("as_text", [False, True])
def test_a_mappings_filter_of_the_item_alone_may_stand_here_as_it_is(as_text):
    pasted = {"dynamodb": {"NewImage": SHIPPED}}
    pattern = read_where(json.dumps(pasted) if as_text else pasted, "x")
    assert pattern.matches({"status": {"S": "SHIPPED"}}) and not pattern.matches({"status": {"S": "PAID"}})
    with pytest.raises(SettingsError, match="x: "):
        read_where({"dynamodb": {"NewImage": ["SHIPPED"]}}, "x")
