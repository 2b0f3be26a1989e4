"""Records of real writes, as recorded on AWS (``streams/get-records.json``, S59 to S69); also their Lambda form."""

import json
import re

import pytest

from afterbay.core.change.page import split_page
from afterbay.core.change.wire import payload
from integration.running import REGION, Running
from integration.writes import Writer
from vectors.loading import Reader, vectors

VOLATILE = {"ApproximateCreationDateTime", "SequenceNumber"}


def raw_records(address: Running, stream: str) -> list[dict]:
    """Records as they are on the wire, without boto3's decoding."""
    (shard,) = address.shards(stream)
    page = address.on_loop(address.address.streams.get_records(address.iterator(stream, shard["ShardId"])))
    return [json.loads(one) for one in page.records]


def per_key(records: list[dict]) -> dict[str, list[dict]]:
    """Order between items carries no meaning (S76)."""
    found: dict[str, list[dict]] = {}
    for record in records:
        found.setdefault(json.dumps(record["dynamodb"]["Keys"], sort_keys=True), []).append(record)
    return found


def check_form(record: dict) -> None:
    """What holds for every record: S59, S63, S46."""
    assert re.fullmatch("[0-9a-f]{32}", record["eventID"])
    assert (record["eventSource"], record["eventVersion"], record["awsRegion"]) == ("aws:dynamodb", "1.1", REGION)
    assert re.fullmatch("[1-9][0-9]{20,39}", record["dynamodb"]["SequenceNumber"])
    created = record["dynamodb"]["ApproximateCreationDateTime"]
    assert created == int(created)


def comparable(record: dict, wanted: dict) -> tuple[dict, dict]:
    """Both without what is drawn anew each time, and without a size that the expectation leaves out."""
    own = {k: v for k, v in record["dynamodb"].items() if k not in VOLATILE}
    expected = {k: v for k, v in wanted["dynamodb"].items() if k not in VOLATILE}
    for name in ("SizeBytes",):
        if name not in expected:
            own.pop(name)
    own["eventName"], expected["eventName"] = record["eventName"], wanted["eventName"]
    return own, expected


def check_records(records: list[dict], wanted: list[dict]) -> None:
    assert len(records) == len(wanted)
    got, expected = per_key(records), per_key(wanted)
    assert got.keys() == expected.keys()
    for key in expected:
        for record, one in zip(got[key], expected[key], strict=True):
            check_form(record)
            own, other = comparable(record, one)
            assert own == other
            assert set(one) - {"dynamodb"} <= set(record)


def described(events: list, records: list[dict], key: dict[str, str]) -> None:
    """Events told as [name, old, new] of the attributes beside the key, or as [name, text on the old image]."""
    assert len(events) == len(records)
    for told, record in zip(events, records, strict=True):
        images = [record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage")]
        assert record["eventName"] == told[0]
        if len(told) == 3:
            beside = [
                None if image is None else {k: int(v["N"]) for k, v in image.items() if k not in key.values()}
                for image in images
            ]
            assert beside == told[1:]
        else:
            text, keys_alone = told[1], record["dynamodb"]["Keys"]
            assert (
                images[0]
                == {"OldImage absent": None, "OldImage present with just the key attributes": keys_alone}[text]
            )


def check_lambda_form(address: Running, stream: str, wanted: list[dict]) -> None:
    (shard,) = address.shards(stream)
    page = address.on_loop(address.address.streams.get_records(address.iterator(stream, shard["ShardId"])))
    split, _ = split_page(b'{"Records":[' + b",".join(page.records) + b"]}", stream)
    event = json.loads(payload(split))
    assert len(event["Records"]) == len(wanted)
    for record, expected in zip(event["Records"], wanted, strict=True):
        own, other = comparable(record, expected)
        assert own == other and set(record) == set(expected)
        assert record["eventSourceARN"] == stream


def check_assertions(texts: list[str], records: list[dict], shard: dict) -> None:
    checks = {
        "ApproximateCreationDateTime has zero microseconds": lambda: all(
            float(one["dynamodb"]["ApproximateCreationDateTime"]).is_integer() for one in records
        ),
        "int(first SequenceNumber) > int(shard StartingSequenceNumber), strictly": lambda: (
            int(records[0]["dynamodb"]["SequenceNumber"]) > int(shard["SequenceNumberRange"]["StartingSequenceNumber"])
        ),
    }
    assert all(checks[text]() for text in texts)


def run_writes(address: Running, given: Reader) -> tuple[str, list[dict], dict[str, str]]:
    """Make the table, carry out the operations; the stream, its records, the key."""
    key = given["key"] if "key" in given.names else {"HASH": "p"}
    table = address.table(view=given["view"], key=key)
    writer = Writer(address, table, key, given["item_key"] if "item_key" in given.names else None)
    for operation in given["ops"]:
        writer.carry_out(operation)
    stream = address.stream(table)
    return stream, raw_records(address, stream), key


def as_insert_then_modify(address: Running, wanted: list[dict], view: str, key: dict[str, str]) -> str:
    """A vector that tells only the events: the writes are their new images."""
    table = address.table(view=view, key=key)
    for one in wanted:
        address.client("dynamodb").put_item(TableName=table, Item=one["dynamodb"]["NewImage"])
    return address.stream(table)


def read_of_empty_shard(address: Running, given: Reader, wanted: Reader) -> None:
    assert (given["op"], given["iterator"]) == ("GetRecords", "LATEST on a shard with nothing new")
    assert wanted["Records_present"] is True
    assert wanted["NextShardIterator"] == "present when the shard is open, absent when it is closed"
    stream = address.stream(address.table())
    (shard,) = address.shards(stream)
    page = address.read(address.iterator(stream, shard["ShardId"], "LATEST"))
    assert page["Records"] == wanted["Records"] and "NextShardIterator" in page
    latest = address.iterator(stream, shard["ShardId"], "LATEST")
    assert address.call("streams/roll", "POST", {"StreamArn": stream, "ShardId": shard["ShardId"]})[0] == 200
    page = address.read(latest)
    assert page["Records"] == [] and "NextShardIterator" not in page


@pytest.mark.parametrize("vector", vectors("streams/get-records.json"))
def test_records_are_what_was_recorded(address, vector):
    with vector.opened() as (given, wanted):
        if "iterator" in given.names:
            read_of_empty_shard(address, given, wanted)
            return
        if "note" in given.names:
            assert given["note"] == "as delivered to the function"
            expected = wanted["LambdaEventRecords"]
            stream = as_insert_then_modify(address, expected, given["view"], given["key"])
            check_lambda_form(address, stream, expected)
            return
        stream, records, key = run_writes(address, given)
        assert records
        check_expectations(address, wanted, stream, records, key)


def check_expectations(address, wanted, stream, records, key):
    """Each member of ``expect`` by its name; a name that is not known fails."""
    hidden = ("absent_in_every_record", "absent")
    for name in wanted.names:
        value = wanted[name]
        match name:
            case "Records":
                check_records(records, value)
            case "LambdaEvent":
                check_lambda_form(address, stream, value["Records"])
            case "events":
                described(value, records, key)
            case "assertions":
                check_assertions(value, records, address.shards(stream)[0])
            case "absent_in_every_record" | "members_not_listed_are_absent" | "absent":
                checked = records if name != "absent" else records[-1:]
                if name in hidden:
                    assert not any(set(value) & set(one["dynamodb"]) for one in checked)
                else:
                    assert set(value) == {"NewImage", "OldImage"}  # check_records compares images exactly
            case "eventName":
                assert records[-1]["eventName"] == value
            case "present":
                assert set(value) <= set(records[-1]["dynamodb"])
            case "NewImages_on_the_wire":
                assert [one["dynamodb"]["NewImage"] for one in records] == value
            case "python_client_value_of_B":
                assert value == "bytes of length 1, value 0x90"
                assert address.records(stream)[0]["dynamodb"]["NewImage"]["data"]["B"] == b"\x90"
            case "same_iterator_reused":
                assert value.startswith("re-reading with the same iterator returns record 1 again, then record 2")
                iterator = address.iterator(stream, address.shards(stream)[0]["ShardId"])
                first, again = address.read(iterator, Limit=1), address.read(iterator)
                assert again["Records"][0] == first["Records"][0] and len(again["Records"]) == 2
            case "emit_nothing":
                assert value == ["PutItem same", "DeleteItem missing"]  # the count of Records tells
            case "note":
                assert value
            case _:
                raise AssertionError(f"no check for {name}")
