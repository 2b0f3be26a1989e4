"""Mappings of Kinesis streams on the running address: boto3 outside, moto's streams behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.serving import Function, Served, child, unique, wait_for

HALF = 2**127


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


class Stream:
    def __init__(self, served: Served, shards: int = 1) -> None:
        self.client = served.client("kinesis")
        self.name = unique("s")
        self.client.create_stream(StreamName=self.name, ShardCount=shards)
        self.arn = self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]["StreamARN"]

    def put(self, *data: str, key: str = "p", **more: str) -> list[str]:
        """The shards that the records went to."""
        sent = [
            self.client.put_record(StreamName=self.name, Data=one.encode(), PartitionKey=key, **more) for one in data
        ]
        return [one["ShardId"] for one in sent]

    def shards(self) -> list[str]:
        return [one["ShardId"] for one in self.client.list_shards(StreamName=self.name)["Shards"]]


@pytest.fixture
def function(served: Served, tmp_path: Path) -> Function:
    return served.function(tmp_path)


@pytest.fixture
def mapping(served: Served) -> Iterator[Callable[..., str]]:
    made: list[str] = []

    def create(function: Function, stream: Stream, **settings: object) -> str:
        settings = {"StartingPosition": "TRIM_HORIZON", **settings}
        answer = served.client("lambda").create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=stream.arn, **settings
        )
        made.append(answer["UUID"])
        served.settle(answer["UUID"], "Enabled" if settings.get("Enabled", True) else "Disabled")
        return answer["UUID"]

    yield create
    for one in made:
        served.client("lambda").delete_event_source_mapping(UUID=one)


def test_a_function_gets_what_is_put_and_the_position_outlives_a_pause(served, function, mapping):
    stream = Stream(served)
    stream.put("before")
    uuid = mapping(function, stream, StartingPosition="LATEST")
    stream.put("one")
    wait_for(lambda: function.batches() == [["one"]], "what was written since")
    (record,) = function.lines()[0]["records"]
    assert record["eventSource"] == "aws:kinesis" and record["eventSourceARN"] == stream.arn
    assert record["invokeIdentityArn"] == "arn:aws:iam::000000000000:role/any"
    wait_for(lambda: served.state(uuid)["LastProcessingResult"] == "OK", "the answer is taken in")
    served.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)
    served.settle(uuid, "Disabled")
    stream.put("two")
    served.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_for(lambda: function.batches() == [["one"], ["two"]], "nothing is lost or comes again")
    served.settle(uuid, "Enabled")


def test_a_time_to_start_at_skips_what_is_older(served, function, mapping):
    stream = Stream(served)
    stream.put("old")
    served.call("clock", advance_s=100)
    stream.put("new")
    page = stream.client.get_records(
        ShardIterator=stream.client.get_shard_iterator(
            StreamName=stream.name, ShardId=stream.shards()[0], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
    )
    at = page["Records"][1]["ApproximateArrivalTimestamp"]
    mapping(function, stream, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=at)
    wait_for(lambda: function.batches() == [["new"]], "what was written from then on")


def test_children_wait_for_their_parents_through_a_split_and_a_merge(served, function, mapping):
    stream = Stream(served)
    (first,) = stream.shards()
    function.plan("p1", times=2)
    assert stream.put("p1", "p2") == [first, first]
    stream.client.split_shard(StreamName=stream.name, ShardToSplit=first, NewStartingHashKey=str(HALF))
    low, high = stream.shards()[1:]
    assert stream.put("low", ExplicitHashKey="1") == [low]
    assert stream.put("high", ExplicitHashKey=str(2 * HALF - 1)) == [high]
    stream.client.merge_shards(StreamName=stream.name, ShardToMerge=low, AdjacentShardToMerge=high)
    merged = stream.shards()[-1]
    assert stream.put("merged") == [merged]
    mapping(function, stream, BatchSize=1)
    wait_for(lambda: len(function.records()) == 5, "all of it")
    order = [function.batches()[0][0], *(batch[0] for batch in function.batches()[1:])]
    assert order[:4] == ["p1", "p1", "p1", "p2"], "the parent is tried again before any child begins"
    assert sorted(order[4:6]) == ["high", "low"] and order[6:] == ["merged"], "and a merged one waits for both"


def test_what_is_given_up_is_told_with_its_place_in_the_stream(served, function, mapping):
    stream = Stream(served)
    url, queue = served.queue()
    function.plan("bad")
    stream.put("bad")
    letters = {"DestinationConfig": {"OnFailure": {"Destination": queue}}}
    mapping(function, stream, MaximumRetryAttempts=0, **letters)
    (letter,) = wait_for(lambda: served.messages(url), "the letter")
    told = letter["KinesisBatchInfo"]
    assert (told["streamArn"], told["shardId"], told["batchSize"]) == (stream.arn, stream.shards()[0], 1)
    assert told["approximateArrivalOfFirstRecord"][-5:-4] == "." and "DDBStreamBatchInfo" not in letter


def test_filters_see_the_data_and_the_function_gets_them_as_they_were(served, function, mapping):
    stream = Stream(served)
    wanted = json.dumps({"kind": "order", "total": 12.50})
    stream.put(wanted, json.dumps({"kind": "visit"}), "no JSON")
    mapping(function, stream, FilterCriteria={"Filters": [{"Pattern": '{"data": {"kind": ["order"]}}'}]})
    stream.put("more", wanted)
    wait_for(lambda: len(function.records()) == 2, "both that match")
    assert {name for batch in function.batches() for name in batch} == {wanted}


def test_lanes_keep_the_order_of_each_partition_key(served, function, mapping):
    stream = Stream(served)
    for number in range(20):
        stream.put(f"{number % 4} {number:02}", key=f"k{number % 4}")
    mapping(function, stream, BatchSize=2, ParallelizationFactor=4)
    wait_for(lambda: len(function.records()) == 20, "all of it")
    names = [name for batch in function.batches() for name in batch]
    for key in range(4):
        mine = [name for name in names if name.startswith(f"{key} ")]
        assert mine == sorted(mine)


def test_expired_iterators_and_throttles_cost_no_attempt_and_lose_nothing(served, function, mapping):
    stream = Stream(served)
    stream.put("one")
    uuid = mapping(function, stream, MaximumRetryAttempts=0)
    wait_for(lambda: function.batches() == [["one"]], "it reads")
    for error in ("ExpiredIteratorException", "ProvisionedThroughputExceededException", "InternalFailure"):
        served.call("faults", service="kinesis", operation="GetRecords", error=error, times=4)
        stream.put(error)
        wait_for(lambda error=error: function.batches()[-1] == [error], "reading goes on")
    assert len(function.batches()) == 4, "and nothing comes twice"
    assert served.status(uuid)["counters"]["errors"] == 0


def test_a_stream_that_is_not_there_and_a_consumer_are_refused(served, function):
    client, stream = served.client("lambda"), Stream(served)
    for arn, text in {
        stream.arn + "x": f"Stream not found: {stream.arn}x",
        stream.arn + "/consumer/c:1": "enhanced fan-out is not implemented",
    }.items():
        with pytest.raises(client.exceptions.InvalidParameterValueException, match=text):
            client.create_event_source_mapping(
                FunctionName=function.name, EventSourceArn=arn, StartingPosition="LATEST"
            )
