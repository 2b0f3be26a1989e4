"""The event that a function gets, as recorded (R132 to R137), built from what GetRecords would answer.

The vector's event, with its placeholders filled in, is turned back into GetRecords' form and must come out of
``split_page`` and ``payload`` as it was. A vector's kind is told by its members, never by its name. What a
window adds comes out of the mapping's machine.
"""

import json
import re
from datetime import UTC, datetime

import pytest

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.page import split_page
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import decode_item, encode_item, same_item, sdk_item
from afterbay.core.change.view import ChangeKind, ViewType
from afterbay.core.change.wire import payload
from afterbay.core.mapping.window import event_of
from unit.core.mapping.driving import ARN as DRIVEN_ARN
from unit.core.mapping.driving import T0, World, record, settings
from vectors.loading import vectors

KINESIS = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"
ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
FILLERS = {
    "arn:<partition>:dynamodb:<region>:<account>:table/<table>/stream/<stream-label>": ARN,
    "arn:<partition>:kinesis:<region>:<account>:stream/<stream>": KINESIS,
    "arn:<partition>:iam::<account>:role/<role>": "arn:aws:iam::000000000000:role/any",
    "shardId-000000000000:<seq:1>": f"shardId-000000000000:{10**20 + 499659}",
    "<region>": "eu-west-1",
    "<32 lowercase hex>": "066cc1cc2d7bc94840ca2d9b3fa98ffb",
    "<epoch-seconds-float>": 1789649451.0,
    "<seq>": "300000000000000499659",
}


def filled(value: object) -> object:
    """Placeholders replaced: equal ones by equal values. One that nobody knows is an error."""
    if isinstance(value, dict):
        return {name: filled(one) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one) for one in value]
    if not isinstance(value, str) or "<" not in value:
        return value
    if value in FILLERS:
        return FILLERS[value]
    numbered = re.fullmatch(r"<(event-id|seq):([0-9]+)>", value)
    assert numbered, f"no filler for {value}"
    number = int(numbered[2])
    return f"{number:032x}" if numbered[1] == "event-id" else str(10**20 * number + 499659)


def as_get_records(record: dict) -> dict:
    """The same record as the stream's own API answers it (S59, S63, S65)."""
    own = {name: one for name, one in record.items() if name != "eventSourceARN"}
    own["dynamodb"] = dict(record["dynamodb"])
    own["dynamodb"]["ApproximateCreationDateTime"] = int(record["dynamodb"]["ApproximateCreationDateTime"])
    if "userIdentity" in record:
        own["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    return own


def delivered(records: list[dict]) -> bytes:
    page = json.dumps({"Records": [as_get_records(one) for one in records]}).encode()
    split, following = split_page(page, ARN)
    assert following is None
    return payload(split)


def events(given, wanted):
    view = ViewType(given["StreamViewType"])
    written = {name: given[name] for name in given.names - {"StreamViewType", "BatchSize"}}
    assert written, "the vector says what was written"
    batches = wanted["events"] if "events" in wanted.names else [wanted["event"]]
    if "BatchSize" in given.names:
        assert all(len(one["Records"]) <= given["BatchSize"] for one in batches)
    absent = wanted["absent_on_every_record"] if "absent_on_every_record" in wanted.names else []
    for batch in batches:
        event = filled(batch)
        answer = delivered(event["Records"])
        assert json.loads(answer) == event
        assert len(re.findall(rb'"ApproximateCreationDateTime": ?[0-9]+\.0\b', answer)) == len(event["Records"])
        for one in json.loads(answer)["Records"]:
            assert not set(absent) & set(one)
            change = ChangeRecord(one)
            assert change.view is view
            assert (change.new is not None) == view.shows_new(change.kind)
            assert (change.old is not None) == view.shows_old(change.kind)


def view_matrix(given, wanted):
    """What a view shows, and nothing else, is in a record (S60, R134)."""
    assert given["image_keys_by_view_and_event"] is True
    assert wanted.names == set(ViewType)
    for view in ViewType:
        rows = wanted[view]
        assert rows.keys() == set(ChangeKind)
        for kind in ChangeKind:
            shown = view.images(kind, old={"pk": {"S": "a"}}, new={"pk": {"S": "a"}})
            assert ["Keys", *shown] == rows[kind]


def expiry(given, wanted):
    assert wanted["note"]
    view = ViewType(given["StreamViewType"])
    subset = wanted["record_subset"]
    key = {"pk": {"S": "a"}}
    change = {
        "ApproximateCreationDateTime": 1789649451.0,
        "Keys": key,
        **view.images(ChangeKind.REMOVE, old=key, new=None),
        "SequenceNumber": FILLERS["<seq>"],
        "SizeBytes": 6,
        "StreamViewType": view,
    }
    assert sorted(change) == wanted["dynamodb_keys"]
    (record,) = json.loads(delivered([{**subset, "dynamodb": change, "eventSourceARN": ARN}]))["Records"]
    assert {name: record[name] for name in subset} == subset
    assert sorted(record["dynamodb"]) == wanted["dynamodb_keys"]
    assert given["cause"] == "TTL expiry"
    assert ChangeRecord(record).is_expiry


def kinesis(given, wanted):
    put, record = given["put_record"], filled(wanted["record"])
    source, told = record["eventSourceARN"], record["kinesis"]
    got = kinesis_record(
        stream_arn=source,
        shard=record["eventID"].partition(":")[0],
        sequence_number=told["sequenceNumber"],
        partition_key=put["PartitionKey"],
        data=put["Data"].encode(),
        arrived=datetime.fromtimestamp(told["approximateArrivalTimestamp"], UTC),
        role=record["invokeIdentityArn"],
    )
    assert json.loads(got.body) == record
    assert (got.position, got.key) == (int(told["sequenceNumber"]), put["PartitionKey"].encode())


def window_envelope(given, wanted):
    """Records of one window through the machine; what the function is told at first (R121, R122)."""
    start = datetime.fromisoformat(wanted["window"]["start"])
    shard = wanted["shardId_example"]
    one = record(1, age_s=T0.timestamp() - start.timestamp() - 1)
    world = World(settings(tumbling_window_s=given["TumblingWindowInSeconds"]), {shard: [one]}).start().run()
    command = world.deliveries[0]
    told = json.loads(event_of(command.batch.records, command.window))
    assert sorted(told) == sorted(wanted["event_keys"])
    assert told["window"] == wanted["window"] and told["state"] == wanted["first_state"]
    assert (told["shardId"], told["eventSourceARN"], len(told["Records"])) == (shard, DRIVEN_ARN, 1)
    assert (told["isFinalInvokeForWindow"], told["isWindowTerminatedEarly"]) == (False, False)


KINDS = {
    frozenset({"StreamViewType", "put_item"}): events,
    frozenset({"StreamViewType", "put_items", "BatchSize"}): events,
    frozenset({"StreamViewType", "writes", "BatchSize"}): events,
    frozenset({"image_keys_by_view_and_event"}): view_matrix,
    frozenset({"cause", "StreamViewType"}): expiry,
    frozenset({"put_record"}): kinesis,
    frozenset({"TumblingWindowInSeconds"}): window_envelope,
}


@pytest.mark.parametrize("vector", vectors("esm/record_shapes.json"))
def test_a_function_gets_the_event_that_was_recorded(vector):
    with vector.opened() as (given, wanted):
        KINDS[given.names](given, wanted)


RECORDED = [one for one in vectors("esm/record_shapes.json") if {"event", "events"} & one.values[0].expect.keys()]


@pytest.mark.parametrize("vector", RECORDED)
def test_images_of_recorded_events_decode_and_encode_back(vector):
    batches = vector.expect.get("events") or [vector.expect["event"]]
    for change in (one["dynamodb"] for batch in batches for one in batch["Records"]):
        for image in {"Keys", "NewImage", "OldImage"} & change.keys():
            typed = change[image]
            assert same_item(encode_item(decode_item(typed)), typed)
            assert same_item(sdk_item(decode_item(typed)), typed)
