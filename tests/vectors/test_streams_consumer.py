"""What a consumer of Kinesis Data Streams for DynamoDB reads and applies: ``streams/kinesis-for-dynamodb.json`` (S86 to
S88, S93, S94)."""

from __future__ import annotations

import json
import re

import pytest

from afterbay.core.change.kinesis_change import KinesisChange, change_in
from afterbay.core.change.view import ChangeKind
from afterbay.core.shard.resequence import Arrival, Fate, ItemOrder
from vectors.loading import vectors

REORDER_WINDOW_S = 1.0

ALL = vectors("streams/kinesis-for-dynamodb.json")
REAL = [one for one in ALL if one.values[0].name.startswith("real-")]
OURS = [one for one in ALL if re.fullmatch(r"rule S9\d \(.*\)", one.values[0].source)]


def image(value: object) -> object:
    return None if value is None else json.dumps(value, sort_keys=True)


def arrival(told: dict) -> Arrival:
    assert set(told) == {"eventID", "eventName", "ts", "old", "new"}
    return Arrival(told["eventID"], ChangeKind(told["eventName"]), told["ts"], image(told["old"]), image(told["new"]))


def test_there_are_vectors_of_a_consumer():
    assert len(OURS) == 5


def test_there_are_real_records():
    assert len(REAL) == 3


@pytest.mark.parametrize("vector", REAL)
def test_a_real_record_is_read_as_told(vector):
    with vector.opened() as (given, wanted):
        data = given["Data"]
        change = change_in(json.dumps(data).encode())
        assert isinstance(change, KinesisChange)
        assert (change.precision, change.created_us) == (wanted["precision"], wanted["created_us"])
        if "dedupe_id" in wanted.names:
            assert change.event_id == wanted["dedupe_id"]
        about = data["dynamodb"]
        assert (change.kind, change.table) == (data["eventName"], data["tableName"])
        assert (change.keys_typed, change.new_typed) == (about["Keys"], about["NewImage"])
        assert change.old_typed == about.get("OldImage")


@pytest.mark.parametrize("vector", OURS)
def test_arrivals_of_an_item_settle_as_told(vector):
    with vector.opened() as (given, wanted):
        assert given["item"] == "A"
        item = ItemOrder()
        if "state_before" in given.names:
            item = ItemOrder(time_us=given["ts_before"], image=image(given["state_before"]))
        settled = []
        for told in given["arrivals"]:
            settled += item.take(arrival(told), 0.0, reorder_window_s=REORDER_WINDOW_S)
        settled += item.woke(REORDER_WINDOW_S)
        assert len(settled) == len(given["arrivals"]), "each is settled once"
        assert item.image == image(wanted["state"])
        if "applied" in wanted.names:
            assert [one.arrival.event_id for one in settled if one.fate.applies] == wanted["applied"]
        if "chain" in wanted.names:
            assert [one.event_id for one in item.chain] == wanted["chain"]
        if "tombstone_ts" in wanted.names:
            assert (item.time_us, item.image) == (wanted["tombstone_ts"], None)
        if "dropped" in wanted.names:
            dropped = {f"{one.arrival.event_id} (2nd)": one.fate.value for one in settled if not one.fate.applies}
            assert dropped == wanted["dropped"]
        assert not any(one.fate is Fate.UNORDERED for one in settled)
