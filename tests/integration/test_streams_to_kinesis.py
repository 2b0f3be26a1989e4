"""Tables that write their changes to Kinesis streams (S85 to S92), as recorded on AWS.

The vectors of ``kinesis-for-dynamodb.json`` that tell what the address shows, and the ``kds-`` ones of ``errors.json``.
Those about a consumer (S93, S94) are about what is done with such records: ``vectors/test_streams_consumer.py``.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from integration.running import REGION, Running
from integration.state_address import killed
from vectors.loading import Reader, Vector, vectors

UNKNOWN = f"arn:aws:kinesis:{REGION}:000000000000:stream/bad-stream"
OF_A_CONSUMER = {
    "consumer-duplicate-is-dropped",
    "consumer-late-arrival-is-dropped-under-last-writer-wins",
    "consumer-delete-keeps-a-tombstone",
    "consumer-equal-timestamps-chain-by-images",
    "consumer-equal-timestamp-same-image-is-duplicate",
}


def kinesis_stream(kinesis, shards: int = 1) -> str:
    """A new stream's ARN."""
    name = "k-" + uuid.uuid4().hex[:10]
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]


def read_all(kinesis, arn: str) -> list[dict]:
    """Every record of a stream, shard by shard."""
    found = []
    for shard in kinesis.list_shards(StreamARN=arn)["Shards"]:
        start = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        one = kinesis.get_shard_iterator(StreamARN=arn, **start)["ShardIterator"]
        found += kinesis.get_records(ShardIterator=one)["Records"]
    return found


class Copied:
    """A table without a stream of its own, and the Kinesis stream that it writes to."""

    def __init__(self, address: Running, precision: str | None = None, *, shards: int = 1, **table) -> None:
        self.address = address
        self.dynamodb = address.client("dynamodb")
        self.kinesis = address.client("kinesis")
        self.name = address.table(view=None, **table)
        self.arn = kinesis_stream(self.kinesis, shards)
        self.at = {"TableName": self.name, "StreamArn": self.arn}
        asked = {"ApproximateCreationDateTimePrecision": precision} if precision else {}
        more = {"EnableKinesisStreamingConfiguration": asked} if precision else {}
        self.enabled = self.dynamodb.enable_kinesis_streaming_destination(**self.at, **more)

    def put(self, **item) -> None:
        self.dynamodb.put_item(TableName=self.name, Item=item)

    def update(self, precision: str | None) -> dict:
        asked = {} if precision is None else {"ApproximateCreationDateTimePrecision": precision}
        more = {} if precision is None else {"UpdateKinesisStreamingConfiguration": asked}
        return self.dynamodb.update_kinesis_streaming_destination(**self.at, **more)

    def destinations(self) -> list[dict]:
        answer = self.dynamodb.describe_kinesis_streaming_destination(TableName=self.name)
        return answer["KinesisDataStreamDestinations"]

    def records(self) -> list[dict]:
        return read_all(self.kinesis, self.arn)

    def changes(self) -> list[dict]:
        return [json.loads(one["Data"]) for one in self.records()]


def answered(answer: dict) -> dict:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def filled(value: object, made: dict[str, str]):
    """A vector's value with what the test made in the place of its placeholders."""
    text = json.dumps(value)
    for name, one in made.items():
        text = text.replace(f"<{name}>", one)
    return json.loads(text)


def made_by(one: Copied, **more: str) -> dict[str, str]:
    names = {"table:1": one.name, "stream-arn:1": one.arn, "region": REGION, "account": "000000000000"}
    return {**names, **more}


def microseconds(change: dict) -> tuple[str, int]:
    """The unit of a record's time and the time, as a reader finds them (S88)."""
    about = change["dynamodb"]
    created = about["ApproximateCreationDateTime"]
    assert type(created) is int, "a whole number"
    digits = len(str(created))
    unit = about.get("ApproximateCreationDateTimePrecision") or {13: "MILLISECOND", 16: "MICROSECOND"}[digits]
    return unit, created * 1000 if unit == "MILLISECOND" else created


def check_insert_by_transaction(address: Running, given: Reader, wanted: Reader) -> None:
    assert given["op"] == "TransactWriteItems Put"
    assert given["destination"] == "no precision configured"
    one = Copied(address, key={"HASH": "id"})
    put = {"Put": {"TableName": one.name, "Item": given["Item"]}}
    one.dynamodb.transact_write_items(TransactItems=[put])
    (record,) = one.records()
    expected = wanted["KinesisRecord"]
    assert set(record) - {"EncryptionType"} == set(expected)
    assert record["SequenceNumber"].isdecimal()
    assert wanted["PartitionKey"] == "32 hexadecimal characters"
    assert re.fullmatch("[0-9a-f]{32}", record["PartitionKey"])
    data = json.loads(record["Data"])
    for path in wanted["Data_absent"]:
        home, _, member = path.rpartition(".")
        assert member not in (data[home] if home else data), path
    assert wanted["userIdentity"] == "present and null"
    created, event = data["dynamodb"]["ApproximateCreationDateTime"], data["eventID"]
    assert uuid.UUID(event).version == 4
    shown = filled(expected["Data"], made_by(one, **{"event-id:1": event}))
    shown["dynamodb"]["ApproximateCreationDateTime"] = created
    assert data == shown
    assert len(str(created)) == 13


def check_real(address: Running, given: Reader, wanted: Reader) -> None:
    """Make the change of a public log here: the record is the same but for when, where and which."""
    real = given["Data"]
    about = real["dynamodb"]
    names = list(about["Keys"])
    key = {"HASH": names[0], "RANGE": names[1]}
    one = Copied(address, about.get("ApproximateCreationDateTimePrecision"), key=key)
    if "OldImage" in about:
        one.put(**about["OldImage"])
    one.put(**about["NewImage"])
    change = one.changes()[-1]
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", change["eventID"])
    assert set(change) == set(real)
    assert set(change["dynamodb"]) == set(about)
    for member in ("eventName", "userIdentity", "recordFormat", "eventSource"):
        assert change[member] == real[member]
    for member in set(about) - {"ApproximateCreationDateTime"}:
        assert change["dynamodb"][member] == about[member], member
    unit, created_us = microseconds(change)
    assert microseconds(real) == (wanted["precision"], wanted["created_us"])
    assert unit == wanted["precision"]
    assert abs(created_us - time.time() * 1e6) < 300e6, "in the unit that it says"
    if "dedupe_id" in wanted.names:
        assert real["eventID"] == wanted["dedupe_id"], "what a reader would compare"


def check_response(address: Running, given: Reader, wanted: Reader) -> None:
    one = Copied(address)
    asked = given["params"] if "params" in given.names else {}
    match given["op"]:
        case "EnableKinesisStreamingDestination":
            assert asked == {"TableName": "<table:1>", "StreamArn": "<stream-arn:1>"}
            answer = one.enabled
        case "DescribeKinesisStreamingDestination":
            assert asked == {"TableName": "<table:1>"}
            answer = one.dynamodb.describe_kinesis_streaming_destination(TableName=one.name)
        case "UpdateKinesisStreamingDestination":
            assert given["state"] == "enabled without configuration"
            assert wanted["implies"] == "a destination enabled without configuration was not already MICROSECOND"
            answer = one.dynamodb.update_kinesis_streaming_destination(**one.at, **asked)
        case _:
            assert given["op"] == "DisableKinesisStreamingDestination"
            answer = one.dynamodb.disable_kinesis_streaming_destination(**one.at)
            assert [entry["DestinationStatus"] for entry in one.destinations()] == ["DISABLED"]
    shown = {name: wanted[name] for name in wanted.names if name != "implies"}
    assert answered(answer) == filled(shown, made_by(one))


def of_the_address(vector: Vector) -> bool:
    return vector.name not in OF_A_CONSUMER


ALL = vectors("streams/kinesis-for-dynamodb.json")


@pytest.mark.parametrize("vector", [one for one in ALL if of_the_address(one.values[0])])
def test_destinations_and_records_are_as_recorded(address, vector):
    with vector.opened() as (given, wanted):
        if "Data" in given.names:
            check_real(address, given, wanted)
        elif "KinesisRecord" in wanted.names:
            check_insert_by_transaction(address, given, wanted)
        else:
            check_response(address, given, wanted)


def test_only_vectors_of_a_consumer_are_left_out():
    left_out = [one.values[0] for one in ALL if not of_the_address(one.values[0])]
    assert {one.name for one in left_out} == OF_A_CONSUMER
    assert all(re.fullmatch(r"rule S9[34] \(our consumer\)", one.source) for one in left_out)


@pytest.mark.parametrize(
    "vector", [one for one in vectors("streams/errors.json") if one.values[0].name.startswith("kds-")]
)
def test_wrong_calls_are_refused_as_recorded(address, vector):
    with vector.opened() as (given, wanted):
        one = Copied(address)
        operation = xform_name(given["op"].removeprefix("dynamodb."))
        if "state" in given.names:
            assert given["state"] == "already MICROSECOND"
            one.update("MICROSECOND")
        table_id = one.dynamodb.describe_table(TableName=one.name)["Table"]["TableId"]
        made = made_by(one, **{"table-id": table_id})
        members = {**one.at, **filled(given["params"], made)}
        with pytest.raises(ClientError) as refused:
            getattr(one.dynamodb, operation)(**members)
        answer = refused.value.response
        assert answer["Error"]["Code"] == wanted["code"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == wanted["http"]
        assert answer["Error"]["Message"] == filled(wanted["message"], made)


def test_every_kind_of_write_is_there_in_its_order_and_nothing_for_one_that_changes_nothing(address):
    one = Copied(address)
    key = {"pk": {"S": "a"}}
    one.put(**key, n={"N": "1"})
    one.put(**key, n={"N": "1.0"})
    update = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    one.dynamodb.update_item(TableName=one.name, Key=key, **update)
    refused = {"ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(ClientError):
        one.dynamodb.put_item(TableName=one.name, Item=key, **refused)
    puts = [{"PutRequest": {"Item": {"pk": {"S": name}}}} for name in "bc"]
    one.dynamodb.batch_write_item(RequestItems={one.name: puts})
    one.dynamodb.execute_statement(Statement=f"DELETE FROM \"{one.name}\" WHERE pk='b'")
    one.dynamodb.delete_item(TableName=one.name, Key={"pk": {"S": "no such"}})
    one.dynamodb.delete_item(TableName=one.name, Key=key)
    seen = [(change["eventName"], change["dynamodb"]["Keys"]["pk"]["S"]) for change in one.changes()]
    expected = [("INSERT", "a"), ("MODIFY", "a"), ("INSERT", "b"), ("INSERT", "c"), ("REMOVE", "b"), ("REMOVE", "a")]
    assert seen == expected
    last = one.changes()[-1]["dynamodb"]
    assert last["OldImage"] == {**key, "n": {"N": "2"}}
    assert "NewImage" not in last


def test_changes_of_an_item_share_a_partition_key_however_its_key_is_spelt(address):
    one = Copied(address, shards=4, key={"HASH": "pk:N"})
    for number in ("1", "1.0", "2", "3", "4", "5"):
        one.put(pk={"N": number}, v={"S": uuid.uuid4().hex})
    by_item: dict[str, set[str]] = {}
    for record in one.records():
        by_item.setdefault(json.loads(record["Data"])["dynamodb"]["Keys"]["pk"]["N"], set()).add(record["PartitionKey"])
    assert {item: len(keys) for item, keys in by_item.items()} == dict.fromkeys("12345", 1)
    assert len(set().union(*by_item.values())) == 5


def test_a_precision_can_change_while_records_come(address):
    one = Copied(address)
    one.put(pk={"S": "a"})
    one.update("MICROSECOND")
    one.put(pk={"S": "b"})
    one.update("MILLISECOND")
    one.put(pk={"S": "c"})
    told = [change["dynamodb"].get("ApproximateCreationDateTimePrecision") for change in one.changes()]
    assert told == [None, "MICROSECOND", "MILLISECOND"]
    assert [microseconds(change)[0] for change in one.changes()] == ["MILLISECOND", "MICROSECOND", "MILLISECOND"]
    assert one.destinations()[0]["ApproximateCreationDateTimePrecision"] == "MILLISECOND"


def test_an_expiry_says_who_removed_the_item(address):
    one = Copied(address)
    wanted = {"Enabled": True, "AttributeName": "expires"}
    one.dynamodb.update_time_to_live(TableName=one.name, TimeToLiveSpecification=wanted)
    now_s = address.call("clock", "POST", {"advance_s": 0})[1]["now"]
    assert now_s
    one.put(pk={"S": "a"}, expires={"N": str(int(time.time()) + 10)})
    address.call("clock", "POST", {"advance_s": 60})
    assert [change["eventName"] for change in one.changes()] == ["INSERT", "REMOVE"]
    identity = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert [change["userIdentity"] for change in one.changes()] == [None, identity]


def test_a_disabled_destination_gets_nothing_and_can_be_enabled_again(address):
    one = Copied(address)
    one.put(pk={"S": "a"})
    one.dynamodb.disable_kinesis_streaming_destination(**one.at)
    one.put(pk={"S": "b"})
    with pytest.raises(ClientError, match="is DISABLED"):
        one.dynamodb.disable_kinesis_streaming_destination(**one.at)
    one.dynamodb.enable_kinesis_streaming_destination(**one.at)
    with pytest.raises(ClientError, match="ACTIVE already"):
        one.dynamodb.enable_kinesis_streaming_destination(**one.at)
    one.put(pk={"S": "c"})
    assert [change["dynamodb"]["Keys"]["pk"]["S"] for change in one.changes()] == ["a", "c"]


def test_two_destinations_and_a_stream_of_the_table_each_have_every_change(address):
    one = Copied(address)
    other = kinesis_stream(one.kinesis)
    one.dynamodb.enable_kinesis_streaming_destination(TableName=one.name, StreamArn=other)
    streaming = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    one.dynamodb.update_table(TableName=one.name, StreamSpecification=streaming)
    one.put(pk={"S": "a"})
    (record,) = address.records(address.stream(one.name))
    copies = [*one.changes(), *(json.loads(each["Data"]) for each in read_all(one.kinesis, other))]
    assert [copy["dynamodb"]["Keys"] for copy in copies] == [record["dynamodb"]["Keys"]] * 2
    ids = {record["eventID"], *(copy["eventID"] for copy in copies)}
    assert len(ids) == 3, "they share no identifiers (S92)"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (UNKNOWN, "ResourceNotFoundException"),
        (UNKNOWN.replace(REGION, "us-east-1"), "ValidationException"),
        (UNKNOWN.replace("000000000000", "123456789012"), "ValidationException"),
        (UNKNOWN.replace("kinesis", "firehose"), "ValidationException"),
        ("no ARN at all, but long enough for the model", "ValidationException"),
    ],
)
def test_a_stream_that_nothing_could_be_written_to_is_refused(address, arn, code):
    with pytest.raises(ClientError) as refused:
        address.client("dynamodb").enable_kinesis_streaming_destination(
            TableName=address.table(view=None), StreamArn=arn
        )
    assert refused.value.response["Error"]["Code"] == code
    assert arn in refused.value.response["Error"]["Message"]


def test_a_table_goes_on_when_its_kinesis_stream_is_deleted_and_a_new_table_writes_nowhere(address):
    one = Copied(address)
    one.kinesis.delete_stream(StreamARN=one.arn)
    one.put(pk={"S": "a"})
    one.dynamodb.delete_table(TableName=one.name)
    key = {"AttributeName": "pk"}
    one.dynamodb.create_table(
        TableName=one.name,
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert one.destinations() == []


def test_destinations_and_their_records_survive_a_kill(tmp_path: Path):
    state = tmp_path / "state"
    with killed(state, tmp_path) as served:
        table = served.table()
        arns = [kinesis_stream(served.client("kinesis")) for _ in range(2)]
        for arn in arns:
            served.client("dynamodb").enable_kinesis_streaming_destination(
                TableName=table.name,
                StreamArn=arn,
                EnableKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"},
            )
        table.put("a")
        served.client("dynamodb").disable_kinesis_streaming_destination(TableName=table.name, StreamArn=arns[1])
        before = [one["Data"] for one in read_all(served.client("kinesis"), arns[0])]
    with killed(state, tmp_path) as served:
        dynamodb, kinesis = served.client("dynamodb"), served.client("kinesis")
        listed = dynamodb.describe_kinesis_streaming_destination(TableName=table.name)["KinesisDataStreamDestinations"]
        assert [(one["StreamArn"], one["DestinationStatus"]) for one in listed] == list(
            zip(arns, ["ACTIVE", "DISABLED"], strict=True)
        )
        dynamodb.put_item(TableName=table.name, Item={"pk": {"S": "b"}})
        after = [one["Data"] for one in read_all(kinesis, arns[0])]
        assert after[:-1] == before
        assert json.loads(after[-1])["dynamodb"]["Keys"] == {"pk": {"S": "b"}}
        assert len(read_all(kinesis, arns[1])) == 1
        dynamodb.delete_table(TableName=table.name)
    with killed(state, tmp_path) as served, pytest.raises(ClientError, match="not found"):
        served.client("dynamodb").describe_kinesis_streaming_destination(TableName=table.name)
