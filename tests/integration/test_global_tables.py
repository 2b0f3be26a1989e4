"""Global tables: replicas in other regions, each with a stream of its own (S67, S79)."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from integration.running import REGION, Running
from integration.state_address import killed

OTHER = "us-west-2"
THIRD = "ap-south-1"
CREATE = [{"Create": {"RegionName": OTHER}}]


class Global:
    """A table here and in ``OTHER``."""

    def __init__(self, address: Running, **table) -> None:
        self.address = address
        self.name = address.table(**table)
        self.here, self.there = address.client("dynamodb"), address.client("dynamodb", OTHER)

    def replicate(self) -> dict:
        return self.here.update_table(TableName=self.name, ReplicaUpdates=CREATE)["TableDescription"]

    def items(self, region: str = OTHER) -> list[dict]:
        return self.address.client("dynamodb", region).scan(TableName=self.name)["Items"]

    def events(self, region: str) -> list[tuple[str, str]]:
        """What the stream of a region tells: kind and key, in order."""
        streams = self.address.client("dynamodbstreams", region)
        (told,) = streams.list_streams(TableName=self.name)["Streams"]
        found = []
        for shard in streams.describe_stream(StreamArn=told["StreamArn"])["StreamDescription"]["Shards"]:
            at = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            start = streams.get_shard_iterator(StreamArn=told["StreamArn"], **at)["ShardIterator"]
            found += streams.get_records(ShardIterator=start)["Records"]
        return [(one["eventName"], one["dynamodb"]["Keys"]["pk"]["S"]) for one in found]


def test_writes_of_either_region_are_in_both_tables_and_both_streams(address):
    one = Global(address)
    one.replicate()
    one.here.put_item(TableName=one.name, Item={"pk": {"S": "a"}, "b": {"B": b"\x00\xff"}})
    one.there.put_item(TableName=one.name, Item={"pk": {"S": "b"}})
    one.there.update_item(
        TableName=one.name,
        Key={"pk": {"S": "a"}},
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": "1.0"}},
    )
    one.here.put_item(TableName=one.name, Item={"pk": {"S": "b"}})
    with pytest.raises(ClientError):
        one.there.put_item(TableName=one.name, Item={"pk": {"S": "b"}}, ConditionExpression="attribute_not_exists(pk)")
    one.there.transact_write_items(
        TransactItems=[
            {"Delete": {"TableName": one.name, "Key": {"pk": {"S": "b"}}}},
            {"Put": {"TableName": one.name, "Item": {"pk": {"S": "c"}}}},
        ]
    )
    expected = [("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a"), ("REMOVE", "b"), ("INSERT", "c")]
    assert one.events(REGION) == one.events(OTHER) == expected
    both = [sorted(one.items(region), key=str) for region in (REGION, OTHER)]
    assert both[0] == both[1]
    assert {"pk": {"S": "a"}, "b": {"B": b"\x00\xff"}, "n": {"N": "1"}} in both[0]


def test_a_replica_comes_with_the_items_and_tells_nothing_of_them(address):
    one = Global(address, key={"HASH": "pk", "RANGE": "sk:N"})
    for number in "12":
        one.here.put_item(TableName=one.name, Item={"pk": {"S": "a"}, "sk": {"N": number}})
    told = one.replicate()
    assert [(each["RegionName"], each["ReplicaStatus"]) for each in told["Replicas"]] == [(OTHER, "ACTIVE")]
    shown = one.there.describe_table(TableName=one.name)["Table"]
    assert [each["RegionName"] for each in shown["Replicas"]] == [REGION]
    assert shown["KeySchema"] == told["KeySchema"]
    assert sorted(each["sk"]["N"] for each in one.items()) == ["1", "2"]
    assert one.events(OTHER) == []


def test_a_third_region_takes_part_and_one_that_leaves_does_not(address):
    one = Global(address)
    one.replicate()
    one.here.update_table(TableName=one.name, ReplicaUpdates=[{"Create": {"RegionName": THIRD}}])
    one.there.put_item(TableName=one.name, Item={"pk": {"S": "a"}})
    assert one.items(THIRD) == [{"pk": {"S": "a"}}]
    one.here.update_table(TableName=one.name, ReplicaUpdates=[{"Delete": {"RegionName": OTHER}}])
    with pytest.raises(ClientError, match="not found"):
        one.there.describe_table(TableName=one.name)
    one.here.delete_item(TableName=one.name, Key={"pk": {"S": "a"}})
    assert one.items(THIRD) == []
    address.client("dynamodb", THIRD).delete_table(TableName=one.name)
    assert "Replicas" not in one.here.describe_table(TableName=one.name)["Table"]
    one.here.put_item(TableName=one.name, Item={"pk": {"S": "b"}})


def test_tables_of_one_name_that_are_no_replicas_stay_apart(address):
    one = Global(address, view=None)
    key = {"AttributeName": "pk"}
    one.there.create_table(
        TableName=one.name,
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    one.here.put_item(TableName=one.name, Item={"pk": {"S": "a"}})
    assert one.items() == []
    with pytest.raises(ClientError, match=f"in {OTHER} already"):
        one.replicate()


@pytest.mark.parametrize(
    "updates",
    [
        [{"Create": {"RegionName": REGION}}],
        [{"Delete": {"RegionName": THIRD}}],
        [{"Update": {"RegionName": OTHER, "KMSMasterKeyId": "k"}}],
    ],
)
def test_what_cannot_be_done_is_refused(address, updates):
    one = Global(address)
    with pytest.raises(ClientError) as refused:
        one.here.update_table(TableName=one.name, ReplicaUpdates=updates)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert "Replicas" not in one.here.describe_table(TableName=one.name)["Table"]


def test_replicas_survive_a_kill(tmp_path: Path):
    state = tmp_path / "state"
    with killed(state, tmp_path) as served:
        table = served.table()
        table.put("a")
        served.client("dynamodb").update_table(TableName=table.name, ReplicaUpdates=CREATE)
        table.put("b")
    with killed(state, tmp_path) as served:
        table.served = served
        table.put("c")
        shown = served.client("dynamodb").describe_table(TableName=table.name)["Table"]
        assert [each["RegionName"] for each in shown["Replicas"]] == [OTHER]
        served.client("dynamodb").delete_item(TableName=table.name, Key={"pk": {"S": "a"}})
        session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name=OTHER)
        other = session.client("dynamodb", endpoint_url=served.url)
        there = other.scan(TableName=table.name)["Items"]
        other.close()
        assert sorted(each["pk"]["S"] for each in there) == ["b", "c"]
