"""Expiry: who deleted is told (``vectors/streams/ttl.json``, S65 to S67), and when it happens (S66)."""

import json

import pytest

from afterbay.core.change.page import split_page
from afterbay.core.change.wire import payload
from integration.running import Running
from vectors.loading import Reader, vectors

EXPIRING = {"p": {"S": "P"}, "c": {"S": "C"}, "animal": {"S": "dog"}, "expiration": {"N": "1700000000"}}


def now_s(address: Running) -> int:
    return int(address.address._clock.now().timestamp())


def expiring_table(address: Running, item: dict, view: str) -> str:
    """A table with one item that expires in an hour."""
    table = address.table(view=view, key={"HASH": "p", "RANGE": "c"})
    address.client("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiration"}
    )
    soon = {"expiration": {"N": str(now_s(address) + 3600)}}
    address.client("dynamodb").put_item(TableName=table, Item={**item, **soon})
    return table


def last_raw(address: Running, table: str) -> bytes:
    stream = address.stream(table)
    (shard,) = address.shards(stream)
    page = address.on_loop(address.address.streams.get_records(address.iterator(stream, shard["ShardId"])))
    return page.records[-1]


def lambda_form(raw: bytes, stream: str) -> dict:
    split, _ = split_page(b'{"Records":[' + raw + b"]}", stream)
    return json.loads(payload(split))["Records"][0]


def expired(address: Running, item: dict = EXPIRING, view: str = "NEW_AND_OLD_IMAGES") -> tuple[dict, dict]:
    """The record of an expiry, as GetRecords answers it and as a function gets it."""
    table = expiring_table(address, item, view)
    assert address.call("clock", "POST", {"advance_s": 3601})[0] == 200
    raw = last_raw(address, table)
    return json.loads(raw), lambda_form(raw, address.stream(table))


def check_expiry(address: Running, given: Reader, wanted: Reader) -> None:
    """A TTL removal in one of its two forms, told by ``member_case``."""
    if "item" in given.names:
        assert given["event"] == "TTL deletes the item"
        of_api, _ = expired(address, given["item"], given["view"])
        assert wanted["member_case"] == "capital T and P in the Streams API"
        record = of_api
    else:
        assert given["same"] == "delivered to a Lambda function"
        assert wanted["member_case"] == "lower case in the Lambda event"
        _, record = expired(address)
    assert record["eventName"] == wanted["eventName"]
    assert record["userIdentity"] == wanted["userIdentity"]
    if "dynamodb" in wanted.names:
        expected = wanted["dynamodb"]
        image = dict(record["dynamodb"]["OldImage"])
        assert image.pop("expiration").keys() == expected["OldImage"].pop("expiration").keys()
        assert record["dynamodb"]["Keys"] == expected["Keys"] and image == expected["OldImage"]
        assert wanted["absent"] == ["dynamodb.NewImage"] and "NewImage" not in record["dynamodb"]


def check_delete(address: Running, given: Reader, wanted: Reader) -> None:
    assert given["event"] == "DeleteItem by an IAM caller"
    table = expiring_table(address, EXPIRING, "NEW_AND_OLD_IMAGES")
    address.client("dynamodb").delete_item(TableName=table, Key={name: EXPIRING[name] for name in ("p", "c")})
    record = json.loads(last_raw(address, table))
    assert record["eventName"] == wanted["eventName"]
    assert not set(wanted["absent"]) & set(record)


def check_replica(address: Running, given: Reader, wanted: Reader) -> None:
    assert given["event"] == "TTL delete in region 1 replicated to region 2"
    table = expiring_table(address, EXPIRING, "NEW_AND_OLD_IMAGES")
    replica = [{"Create": {"RegionName": "us-west-2"}}]
    address.client("dynamodb").update_table(TableName=table, ReplicaUpdates=replica)
    address.call("clock", "POST", {"advance_s": 3601})
    here = json.loads(last_raw(address, table))
    assert wanted["region-1"] == "userIdentity present" and here["userIdentity"]["Type"] == "Service"
    streams = address.client("dynamodbstreams", "us-west-2")
    (told,) = streams.list_streams(TableName=table)["Streams"]
    (shard,) = streams.describe_stream(StreamArn=told["StreamArn"])["StreamDescription"]["Shards"]
    start = streams.get_shard_iterator(
        StreamArn=told["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (there,) = streams.get_records(ShardIterator=start)["Records"]
    assert wanted["region-2"] == "REMOVE without the TTL userIdentity"
    assert there["eventName"] == "REMOVE" and "userIdentity" not in there
    assert there["dynamodb"]["OldImage"] == here["dynamodb"]["OldImage"]


@pytest.mark.parametrize("vector", vectors("streams/ttl.json"))
def test_a_removal_says_who_did_it(address, vector):
    with vector.opened() as (given, wanted):
        if "region-1" in wanted.names:
            check_replica(address, given, wanted)
        elif "absent" in wanted.names and "userIdentity" in wanted["absent"]:
            check_delete(address, given, wanted)
        else:
            check_expiry(address, given, wanted)


def test_an_item_stays_until_its_time_and_goes_by_itself(address):
    table = expiring_table(address, EXPIRING, "KEYS_ONLY")
    address.call("clock", "POST", {"advance_s": 3000})
    assert [one["eventName"] for one in address.records(address.stream(table))] == ["INSERT"]
    address.call("clock", "POST", {"advance_s": 601})
    assert [one["eventName"] for one in address.records(address.stream(table))] == ["INSERT", "REMOVE"]
    assert address.client("dynamodb").scan(TableName=table)["Count"] == 0


def test_an_item_whose_expiry_was_moved_stays(address):
    table = expiring_table(address, EXPIRING, "KEYS_ONLY")
    later = {**EXPIRING, "expiration": {"N": str(now_s(address) + 10**6)}}
    address.client("dynamodb").put_item(TableName=table, Item=later)
    address.call("clock", "POST", {"advance_s": 4000})
    assert address.client("dynamodb").scan(TableName=table)["Count"] == 1


@pytest.mark.parametrize(
    "expiration", [{"S": "1700000000"}, {"N": "1000000000"}], ids=["a text", "over five years ago"]
)
def test_what_is_no_expiry_removes_nothing(address, expiration):
    table = expiring_table(address, EXPIRING, "KEYS_ONLY")
    address.client("dynamodb").put_item(TableName=table, Item={**EXPIRING, "expiration": expiration})
    address.call("clock", "POST", {"advance_s": 4000})
    assert address.client("dynamodb").scan(TableName=table)["Count"] == 1


def test_items_that_expired_before_the_setting_go_when_it_is_made(address):
    table = address.table(key={"HASH": "p", "RANGE": "c"})
    past = {**EXPIRING, "expiration": {"N": str(now_s(address) - 100)}}
    address.client("dynamodb").put_item(TableName=table, Item=past)
    address.client("dynamodb").update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiration"}
    )
    address.call("clock", "POST", {"advance_s": 2})
    assert [one["eventName"] for one in address.records(address.stream(table))] == ["INSERT", "REMOVE"]
