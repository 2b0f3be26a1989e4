"""The stream's API over HTTP: pages, iterators, errors (as in ``streams/errors.json``), disable and enable."""

import json
import re
import urllib.request
import zlib
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from integration.running import Running

LONG = "sdfadfsdfnlfkajakfgjalksfgklasjklasdjfklasdfasdfgasf"
SCOPE = "AWS4-HMAC-SHA256 Credential=any/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x"


def raw(address: Running, operation: str, members: dict) -> tuple[int, dict, dict]:
    """A call past boto3's own checks: status, body, headers."""
    headers = {"X-Amz-Target": f"DynamoDBStreams_20120810.{operation}", "Authorization": SCOPE}
    request = urllib.request.Request(address.url, data=json.dumps(members).encode(), headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
            assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(body)
            return answer.status, json.loads(body), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), dict(error.headers)


@pytest.fixture(scope="module")
def stream(address) -> str:
    return address.stream(address.table())


@pytest.fixture(scope="module")
def shard(address, stream) -> str:
    return address.shards(stream)[0]["ShardId"]


def wrong_calls(stream: str, shard: str) -> list[tuple[str, dict, str, str]]:
    """Calls, the code that they must get, and a pattern of the text."""
    missing = re.sub("stream/.*", "stream/2024-11-18T14:36:44.149", stream)
    at = {"StreamArn": stream, "ShardId": shard}
    refused = "ValidationException"
    not_found = "ResourceNotFoundException"
    return [
        ("DescribeStream", {"StreamArn": missing}, not_found, re.escape(f"Stream: {missing} not found")),
        ("DescribeStream", {"StreamArn": LONG}, refused, ""),
        ("DescribeStream", {"StreamArn": stream.replace("eu-west-1", "us-east-1")}, not_found, ""),
        ("DescribeStream", {"StreamArn": stream, "ShardFilter": {"Type": "foo", "ShardId": shard}}, refused, ""),
        (
            "DescribeStream",
            {"StreamArn": stream, "ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": "qwerty"}},
            refused,
            "[sS]hardFilter[.][sS]hardId",
        ),
        ("DescribeStream", {"StreamArn": stream, "ShardFilter": {"ShardId": shard}}, refused, ""),
        ("DescribeStream", {"StreamArn": stream, "ShardFilter": {"Type": "CHILD_SHARDS"}}, refused, ""),
        ("DescribeStream", {"StreamArn": stream, "Limit": 0}, refused, "limit"),
        ("ListStreams", {"Limit": 0}, refused, ""),
        ("ListStreams", {"Limit": 101}, refused, ""),
        ("ListStreams", {"TableName": "ab"}, refused, "tableName.*greater than or equal to 3"),  # S6
        ("ListStreams", {"TableName": "a" * 256}, refused, "tableName.*less than or equal to 255"),
        ("ListStreams", {"ExclusiveStartStreamArn": LONG}, refused, ""),
        ("GetShardIterator", {**at, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}, refused, ""),
        ("GetShardIterator", {**at, "ShardIteratorType": "AFTER_SEQUENCE_NUMBER"}, refused, ""),
        ("GetShardIterator", {**at, "ShardIteratorType": "LATEST", "SequenceNumber": "1" * 25}, refused, ""),
        ("GetShardIterator", {**at, "ShardIteratorType": "TRIM_HORIZON", "SequenceNumber": "1" * 25}, refused, ""),
        (
            "GetShardIterator",
            {**at, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "x" * 25},
            refused,
            "",
        ),
        ("GetShardIterator", {**at, "ShardIteratorType": "bulle"}, refused, "shardIteratorType"),
        ("GetShardIterator", {**at, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 4e9}, refused, "future"),
        ("GetShardIterator", {**at, "StreamArn": LONG, "ShardIteratorType": "LATEST"}, refused, ""),
        ("GetShardIterator", {**at, "ShardId": "a" * 35, "ShardIteratorType": "LATEST"}, not_found, ""),
        ("GetRecords", {"ShardIterator": LONG}, refused, ""),
        ("GetRecords", {"ShardIterator": f"{stream}|1|bm90aGluZw=="}, refused, ""),
        ("GetRecords", {"ShardIterator": "any", "Limit": 1001}, refused, "[Ll]imit"),
        ("GetRecords", {"ShardIterator": "any", "Limit": 0}, refused, "[Ll]imit"),
        ("GetRecords", {"ShardIterator": "any", "Limit": -1}, refused, "[Ll]imit"),
        ("DescribeStreams", {}, "UnknownOperationException", "DescribeStreams"),
    ]


def test_wrong_calls_get_awss_codes(address, stream, shard):
    for operation, members, code, text in wrong_calls(stream, shard):
        status, body, _ = raw(address, operation, members)
        assert (status, body["__type"].rpartition("#")[2]) == (400, code), (operation, members, body)
        assert re.search(text, body["message"]), body


def test_answers_carry_the_addresss_time(address, stream):
    address.call("clock", "POST", {"advance_s": 7200})
    _, _, headers = raw(address, "DescribeStream", {"StreamArn": stream})
    told = datetime.strptime(headers["date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert (told - datetime.now(UTC)).total_seconds() > 7100


def test_shards_come_in_pages_and_children_can_be_asked_for(address):
    stream = address.stream(address.table(BillingMode="PAY_PER_REQUEST"))
    first = address.shards(stream)[0]["ShardId"]
    _, answer = address.call("streams/split", "POST", {"StreamArn": stream, "ShardId": first})
    streams = address.client("dynamodbstreams")
    found, more = [], {}
    while True:
        page = streams.describe_stream(StreamArn=stream, Limit=4, **more)["StreamDescription"]
        found += [one["ShardId"] for one in page["Shards"]]
        if "LastEvaluatedShardId" not in page:
            break
        assert page["LastEvaluatedShardId"] == found[-1]
        more = {"ExclusiveStartShardId": page["LastEvaluatedShardId"]}
    assert found == sorted(set(found)) and len(found) == 6
    behind = streams.describe_stream(StreamArn=stream, ExclusiveStartShardId="z" * 40)["StreamDescription"]
    assert behind["Shards"] == []
    children = streams.describe_stream(StreamArn=stream, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": first})
    assert [one["ShardId"] for one in children["StreamDescription"]["Shards"]] == answer["ChildShardIds"]


def test_streams_are_listed_in_pages_by_region(address):
    tables = {address.table() for _ in range(3)}
    streams = address.client("dynamodbstreams")
    found, more = [], {}
    while True:
        page = streams.list_streams(Limit=1, **more)
        found += page["Streams"]
        if "LastEvaluatedStreamArn" not in page:
            break
        more = {"ExclusiveStartStreamArn": page["LastEvaluatedStreamArn"]}
    assert tables <= {one["TableName"] for one in found}
    assert address.client("dynamodbstreams", "us-west-2").list_streams()["Streams"] == []
    assert streams.list_streams(TableName=address.table(view=None))["Streams"] == []


def test_turning_a_stream_off_and_on_makes_another(address):
    table = address.table()
    dynamodb, streams = address.client("dynamodb"), address.client("dynamodbstreams")
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "1"}})
    old = address.stream(table)
    enable = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    for wrong, text in (
        (enable, "already.*enabled"),
        ({"StreamEnabled": True, "StreamViewType": "Fisk"}, "enum value"),
    ):
        with pytest.raises(ClientError, match=text):
            dynamodb.update_table(TableName=table, StreamSpecification=wrong)
    dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    with pytest.raises(ClientError, match=r"stream.*disable"):
        dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "unseen"}})
    told = dynamodb.update_table(TableName=table, StreamSpecification=enable)["TableDescription"]
    assert told["TableStatus"] == "UPDATING" and told["StreamSpecification"] == enable
    assert told["LatestStreamArn"].endswith(told["LatestStreamLabel"]) and told["LatestStreamArn"] != old
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "2"}})
    keys = [[r["dynamodb"]["Keys"]["pk"]["S"] for r in address.records(arn)] for arn in (old, told["LatestStreamArn"])]
    assert keys == [["1"], ["2"]]
    description = streams.describe_stream(StreamArn=old)["StreamDescription"]
    assert description["StreamStatus"] == "DISABLED"
    assert all("EndingSequenceNumber" in one["SequenceNumberRange"] for one in description["Shards"])


def test_a_table_without_a_stream_shows_nothing_of_one(address):
    told = address.client("dynamodb").describe_table(TableName=address.table(view=None))["Table"]
    assert not {"StreamSpecification", "LatestStreamArn", "LatestStreamLabel"} & set(told)


def test_a_deleted_tables_stream_stays_readable_for_a_day(address):
    table = address.table()
    address.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "1"}})
    stream = address.stream(table)
    assert address.client("dynamodb").delete_table(TableName=table)["TableDescription"]["TableStatus"] == "DELETING"
    assert len(address.records(stream)) == 1
    address.call("clock", "POST", {"advance_s": 24 * 3600 + 1})
    with pytest.raises(ClientError, match="not found"):
        address.shards(stream)


def test_time_ages_iterators_and_trims_records(address):
    table = address.table()
    address.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "old"}})
    stream = address.stream(table)
    (shard,) = address.shards(stream)
    (record,) = address.records(stream)
    number = record["dynamodb"]["SequenceNumber"]
    iterator = address.iterator(stream, shard["ShardId"])
    address.call("clock", "POST", {"advance_s": 901})
    with pytest.raises(ClientError) as expired:
        address.read(iterator)
    assert expired.value.response["Error"]["Code"] == "ExpiredIteratorException"
    address.call("clock", "POST", {"advance_s": 24 * 3600})
    with pytest.raises(ClientError) as trimmed:
        address.iterator(stream, shard["ShardId"], "AT_SEQUENCE_NUMBER", SequenceNumber=number)
    assert trimmed.value.response["Error"]["Code"] == "TrimmedDataAccessException"
    assert address.records(stream) == []


def test_a_reader_is_woken_by_a_write(address):
    """No polling: the wait ends by the put, long before its own time."""
    table = address.table()
    stream = address.stream(table)
    (shard,) = address.shards(stream)
    service = address.address.streams

    async def read_while_writing():
        import asyncio

        iterator = await service.get_shard_iterator(stream, shard["ShardId"], "LATEST")
        waiting = asyncio.create_task(service.wait_behind(iterator, 3600))
        putting = asyncio.to_thread(address.client("dynamodb").put_item, TableName=table, Item={"pk": {"S": "1"}})
        await asyncio.gather(waiting, putting)
        return await service.get_records(iterator)

    assert len(address.on_loop(read_while_writing()).records) == 1
