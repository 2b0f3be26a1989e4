"""Event source mappings on the running address: boto3 outside, functions from zips, time moved by ``POST clock``."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from integration.serving import Function, Served, Table, child, key_of, wait_for

FACTOR = 4


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture
def table(served: Served) -> Table:
    return served.table()


@pytest.fixture
def function(served: Served, tmp_path: Path) -> Function:
    return served.function(tmp_path)


@pytest.fixture
def mapping(served: Served) -> Iterator[Callable[..., str]]:
    """Makes mappings, by default from the oldest record; all are deleted, and gone, at the end of the test."""
    made: list[str] = []

    def create(function: Function, table: Table, **settings: object) -> str:
        settings = {"StartingPosition": "TRIM_HORIZON", **settings}
        answer = served.client("lambda").create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=table.stream, **settings
        )
        made.append(answer["UUID"])
        return answer["UUID"]

    yield create
    for one in made:
        if served.state(one) is not None:
            wait_for(lambda one=one: served.state(one)["State"] in ("Enabled", "Disabled"), "it may be deleted")
            served.client("lambda").delete_event_source_mapping(UUID=one)
    for one in made:
        wait_for(lambda one=one: served.state(one) is None, "the mapping is gone")


def to(destination: str) -> dict[str, object]:
    return {"DestinationConfig": {"OnFailure": {"Destination": destination}}}


def by_key(records: list[dict]) -> dict[str, list[int]]:
    """What each key's records say, in the order of delivery."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in records:
        found[key_of(one)].append(int(one["dynamodb"]["NewImage"]["n"]["N"]))
    return found


# ---- answers and failures


def test_a_partial_answer_acknowledges_what_came_before_its_lowest_failure(served, table, function, mapping):
    function.plan("k2", "k4", times=1, partial=True)
    table.put("k0", "k1", "k2", "k3", "k4")
    mapping(function, table, BatchSize=5, FunctionResponseTypes=["ReportBatchItemFailures"])
    wait_for(lambda: len(function.batches()) == 2, "the rest comes again")
    table.put("end")
    wait_for(lambda: function.batches()[-1] == ["end"], "the shard goes on")
    assert function.batches() == [["k0", "k1", "k2", "k3", "k4"], ["k2", "k3", "k4"], ["end"]]
    first, second, _ = (line["id"] for line in function.lines())
    assert first != second, "what is left is a new batch (R98)"


def test_bisect_leaves_the_poison_alone_and_its_letter_says_what_r110_says(served, table, function, mapping):
    url, arn = served.queue()
    function.plan("k3")
    table.put(*(f"k{n}" for n in range(8)))
    uuid = mapping(function, table, BatchSize=8, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True, **to(arn))
    (letter,) = wait_for(lambda: served.messages(url), "the letter")
    wait_for(lambda: len(function.records()) == 7, "the others are delivered")

    one_by_one = [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [0, 1], [2, 3], [2], [3], [3], [4, 5, 6, 7]]
    assert function.batches() == [[f"k{n}" for n in batch] for batch in one_by_one], "depth first, left first (R69)"
    alone = [line for line in function.lines() if [key_of(one) for one in line["records"]] == ["k3"]]
    change = alone[0]["records"][0]["dynamodb"]
    arrival = datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", letter.pop("timestamp"))
    assert {line["id"] for line in alone} == {letter["requestContext"]["requestId"]}
    assert letter == {
        "requestContext": {
            "requestId": alone[0]["id"],
            "functionArn": function.arn,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "DDBStreamBatchInfo": {
            "shardId": table.shards()[0],
            "startSequenceNumber": change["SequenceNumber"],
            "endSequenceNumber": change["SequenceNumber"],
            "approximateArrivalOfFirstRecord": arrival,
            "approximateArrivalOfLastRecord": arrival,
            "batchSize": 1,
            "streamArn": table.stream,
        },
    }
    wait_for(lambda: served.state(uuid)["LastProcessingResult"] == "OK", "the answer is taken in")


def test_a_topic_gets_the_document_as_its_message(served, table, function, mapping):
    url, queue = served.queue()
    topic = served.client("sns").create_topic(Name=table.name)["TopicArn"]
    served.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    function.plan("k")
    table.put("k")
    mapping(function, table, MaximumRetryAttempts=0, **to(topic))
    (notification,) = wait_for(lambda: served.messages(url), "the notification")
    assert notification["TopicArn"] == topic and "Subject" not in notification
    assert not notification.get("MessageAttributes")
    letter = json.loads(notification["Message"])
    assert letter["requestContext"]["approximateInvokeCount"] == 1
    assert "payload" not in letter


def test_a_bucket_gets_the_bodies_too_as_json_text(served, table, function, mapping):
    s3, bucket = served.client("s3"), table.name
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    function.plan("k0")
    table.put("k0", "k1")
    uuid = mapping(function, table, BatchSize=2, MaximumRetryAttempts=0, **to(f"arn:aws:s3:::{bucket}"))
    (found,) = wait_for(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"), "the object")
    letter = json.loads(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())
    day = letter["timestamp"][:10].replace("-", "/")
    assert found["Key"].startswith(f"aws/lambda/{uuid}/{table.shards()[0]}/{day}/")
    assert isinstance(letter["payload"], str), "a text, not an object (R114)"
    assert json.loads(letter["payload"]) == {"Records": function.lines()[0]["records"]}
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 2


# ---- time, moved


def test_a_record_older_than_the_limit_is_given_up(served, table, function, mapping):
    url, arn = served.queue()
    function.plan("old")
    table.put("old")
    uuid = mapping(function, table, MaximumRecordAgeInSeconds=60, **to(arn))
    wait_for(function.lines, "it was tried")
    # Age is looked at before each attempt (R103): it may take one more back-off, at most 30 s and its jitter.
    (letter,) = wait_for(lambda: served.call("clock", advance_s=61) and served.messages(url), "the letter")
    assert letter["requestContext"]["condition"] == "RecordAgeExceeded"
    assert letter["requestContext"]["approximateInvokeCount"] == len(function.lines())
    assert "responseContext" not in letter, "R106"
    table.put("new")
    wait_for(lambda: function.batches()[-1] == ["new"], "the shard goes on")
    wait_for(lambda: served.state(uuid)["LastProcessingResult"] == "OK", "the answer is taken in")


def test_a_window_gathers_until_its_time_is_over(served, table, function, mapping):
    uuid = mapping(function, table, MaximumBatchingWindowInSeconds=300)
    table.put("a")
    wait_for(lambda: sum(one["buffered"] for one in served.status(uuid)["shards"]) == 1, "a is read")
    table.put("b")
    wait_for(lambda: sum(one["buffered"] for one in served.status(uuid)["shards"]) == 2, "b is read")
    assert function.batches() == []
    served.call("clock", advance_s=301)
    wait_for(function.batches, "the window is over")
    assert function.batches() == [["a", "b"]]


def test_an_expired_item_arrives_with_who_removed_it(served, table, function, mapping):
    served.client("dynamodb").update_time_to_live(
        TableName=table.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "n"}
    )
    mapping(function, table)
    table.put("gone", n=int(datetime.now(UTC).timestamp()) - 60)
    expired = wait_for(lambda: [one for one in function.records() if one["eventName"] == "REMOVE"], "the item is swept")
    assert [one["userIdentity"] for one in expired] == [{"type": "Service", "principalId": "dynamodb.amazonaws.com"}]
    assert all("userIdentity" not in one for one in function.records() if one["eventName"] == "INSERT")


# ---- order and position


def test_split_and_rolled_shards_keep_each_keys_order(served, table, function, mapping):
    mapping(function, table, BatchSize=4)
    keys = [f"k{n}" for n in range(6)]
    for n in range(15):
        table.put(*keys, n=n)
        if n in (3, 8):
            shard = table.shards()[-1]
            children = served.call("streams/split", StreamArn=table.stream, ShardId=shard)["ChildShardIds"]
            assert len(children) == 2
        if n == 11:
            served.call("streams/roll", StreamArn=table.stream, ShardId=children[0])
    wait_for(lambda: len(function.records()) >= 15 * len(keys), "everything is delivered")
    assert by_key(function.records()) == {key: list(range(15)) for key in keys}
    assert len(table.shards()) == 6


def test_latest_begins_after_what_is_there(served, table, function, mapping):
    table.put("before")
    uuid = mapping(function, table, StartingPosition="LATEST")
    served.settle(uuid, "Enabled")
    table.put("after")
    wait_for(function.batches, "what came after")
    assert function.batches() == [["after"]]


def test_a_failing_lane_holds_back_its_own_keys_alone(served, table, function, mapping):
    keys = [f"k{n}" for n in range(40)]
    function.plan("k0")
    for n in range(2):
        table.put(*keys, n=n)
    mapping(function, table, BatchSize=5, ParallelizationFactor=FACTOR)
    wait_for(lambda: len(function.records()) >= len(keys), "three of four lanes go on")
    assert "k0" not in by_key(function.records())
    function.plan()
    wait_for(lambda: len(function.records()) == 2 * len(keys), "all is delivered")
    assert by_key(function.records()) == {key: [0, 1] for key in keys}


def test_another_factor_does_not_reorder_a_key(served, table, function, mapping):
    keys = [f"k{n}" for n in range(5)]
    uuid = mapping(function, table, BatchSize=3)
    for n, factor in enumerate((1, 4, 2)):
        served.settle(uuid, "Enabled")
        for more in range(4):
            table.put(*keys, n=4 * n + more)
        changed = served.client("lambda").update_event_source_mapping(UUID=uuid, ParallelizationFactor=factor)
        assert (changed["State"], changed["ParallelizationFactor"]) == ("Updating", factor)
    wait_for(lambda: len(function.records()) >= 12 * len(keys), "everything is delivered")
    assert by_key(function.records()) == {key: list(range(12)) for key in keys}


def test_a_disabled_mapping_goes_on_where_it_was(served, table, function, mapping):
    uuid = mapping(function, table)
    table.put("a")
    wait_for(function.batches, "a")
    served.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)
    served.settle(uuid, "Disabled")
    table.put("b")
    served.call("clock", advance_s=5)
    assert function.batches() == [["a"]]
    served.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_for(lambda: len(function.batches()) > 1, "b")
    assert function.batches() == [["a"], ["b"]]


def test_two_mappings_on_one_stream_each_get_everything(served, table, function, mapping, tmp_path):
    other = served.function(tmp_path)
    other.plan("k0", times=2)
    table.put("k0", "k1")
    mapping(function, table, BatchSize=1)
    mapping(other, table, BatchSize=2)
    wait_for(lambda: len(function.records()) == len(other.records()) == 2, "both got all")
    assert function.batches() == [["k0"], ["k1"]]
    assert other.batches() == [["k0", "k1"]] * 3


# ---- what goes wrong around it

FAULTS = [
    ("dynamodbstreams", "GetRecords", "ProvisionedThroughputExceededException"),
    ("dynamodbstreams", "GetShardIterator", "InternalServerError"),
    ("dynamodbstreams", "DescribeStream", "LimitExceededException"),
    ("lambda", "Invoke", "TooManyRequestsException"),
    ("lambda", "Invoke", "ServiceException"),
]


@pytest.mark.parametrize(("service", "operation", "error"), FAULTS, ids=lambda one: one)
def test_what_keeps_a_batch_from_the_function_costs_no_attempt(
    served, table, function, mapping, service, operation, error
):
    """R52, R85: with no retries left to spend, one counted attempt would make a letter."""
    url, arn = served.queue()
    (shard,) = table.shards()
    table.put("k")
    served.call("faults", service=service, operation=operation, error=error, times=3)
    try:
        mapping(function, table, MaximumRetryAttempts=0, **to(arn))
        wait_for(function.batches, "the record comes through")
        at = {"StreamArn": table.stream, "ShardId": shard, "ShardIteratorType": "LATEST"}
        streams = served.client("dynamodbstreams")
        streams.describe_stream(StreamArn=table.stream)
        streams.get_records(ShardIterator=streams.get_shard_iterator(**at)["ShardIterator"])
        served.client("lambda").invoke(FunctionName=function.name, Payload=b'{"Records": []}')
    finally:
        served.call("faults", "DELETE")
    assert function.batches() == [["k"], []], "the mapping met all three faults: none was left for the calls above"
    assert served.messages(url) == []


def test_a_role_that_may_not_read_the_stream_is_refused_as_on_aws(served, table, function, mapping):
    """E3. Other faults of the call wait for the mapping itself."""
    for error in ("AccessDeniedException", "InternalServerError"):
        served.call("faults", service="dynamodbstreams", operation="DescribeStream", error=error)
    try:
        with pytest.raises(ClientError, match=f"Cannot access stream {re.escape(table.stream)}. Please"):
            mapping(function, table)
        assert mapping(function, table)
    finally:
        served.call("faults", "DELETE")


def test_a_mapping_outlives_its_function_and_its_table(served, table, function, mapping):
    uuid = mapping(function, table)
    table.put("k")
    wait_for(function.batches, "it works")
    served.client("lambda").delete_function(FunctionName=function.name)
    served.client("dynamodb").delete_table(TableName=table.name)
    left = served.state(uuid)
    assert (left["State"], left["FunctionArn"], left["EventSourceArn"]) == ("Enabled", function.arn, table.stream)
    assert left["LastProcessingResult"] == "OK"
