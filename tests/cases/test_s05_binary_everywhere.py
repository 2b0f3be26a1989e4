"""Case s05, its core part: binary is encoded once, at every depth, whichever way the record came."""

import json
from pathlib import Path

import pytest

from afterbay.core.change.itemkey import item_key
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import document_id
from afterbay.core.change.value import decode_item, encode_item, json_bytes, same_item, sdk_item
from afterbay.core.change.wire import payload, raw_record

CASE = json.loads(Path(__file__).with_name("s05-binary-everywhere.json").read_text())
RECORD = {name: one for name, one in CASE["records"][0].items() if name != "label"}
ARN = RECORD["eventSourceARN"]
ORIGINAL = CASE["original_bytes_hex"]
API_RECORD = {name: one for name, one in RECORD.items() if name != "eventSourceARN"}


def through_an_sdk() -> dict:
    """The record as boto3 hands it over: raw bytes for binary."""
    change = dict(API_RECORD["dynamodb"])
    for image in ("Keys", "NewImage"):
        change[image] = sdk_item(decode_item(change[image]))
    return API_RECORD | {"dynamodb": change}


WAYS = {
    "event as dict": lambda: ChangeRecord(RECORD),
    "event as bytes": lambda: ChangeRecord(json.dumps(RECORD).encode()),
    "spliced from the endpoint's JSON": lambda: ChangeRecord(raw_record(json.dumps(API_RECORD).encode(), ARN).body),
    "through an SDK": lambda: ChangeRecord(through_an_sdk(), stream_arn=ARN),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def change(request):
    return request.param()


def test_the_functions_event_holds_the_base64_of_the_file():
    event = json.loads(payload([raw_record(json.dumps(API_RECORD).encode(), ARN)]))
    (record,) = event["Records"]
    assert record["dynamodb"]["NewImage"] == RECORD["dynamodb"]["NewImage"]
    assert record["dynamodb"]["Keys"] == RECORD["dynamodb"]["Keys"]
    assert json.loads(json.dumps(event)) == event


def test_the_typed_form_is_json_with_base64_text(change):
    assert json.loads(json.dumps(change.new_typed)) == change.new_typed
    assert same_item(change.new_typed, RECORD["dynamodb"]["NewImage"])
    assert change.keys_typed == RECORD["dynamodb"]["Keys"]


def test_every_depth_gives_the_original_bytes(change):
    new = change.new
    assert change.keys["pk"] == new["pk"] == bytes.fromhex(ORIGINAL["pk"])
    assert new["raw"] == bytes.fromhex(ORIGINAL["raw"])
    assert new["set"] == {bytes.fromhex(one) for one in ORIGINAL["set"]}
    assert new["doc"]["inner"] == bytes.fromhex(ORIGINAL["doc.inner"])
    assert new["doc"]["list"][0] == bytes.fromhex(ORIGINAL["doc.list[0]"])


def test_text_that_looks_like_base64_stays_text(change):
    assert change.new["doc"]["list"][1] == "AQID"


def test_json_sinks_hold_base64_once(change):
    stored = json.loads(json_bytes(change.new))
    assert stored["raw"] == "++++"
    assert stored["set"] == ["AP8Q", "AQID"]
    assert stored["doc"] == {"inner": "AQID", "list": ["AP8Q", "AQID"]}


def test_the_document_id_is_the_same_for_a_record_and_a_backfilled_item(change):
    scanned = sdk_item({"pk": bytes.fromhex(ORIGINAL["pk"])})
    assert document_id(change.keys_typed) == document_id(scanned) == document_id(encode_item(change.keys))
    assert item_key(json.dumps(RECORD["dynamodb"]["Keys"]).encode()) == b'{"pk":{"B":"AP8QYWZ0ZXJiYXk="}}'
