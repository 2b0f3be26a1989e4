"""What users test their consumers against (S104): odd answers, ends of shards by schedule; a mapping through all."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from integration.running import Running
from integration.serving import child, wait_for


class Stream:
    """A table's stream on the address, and the calls that this file makes."""

    def __init__(self, address: Running) -> None:
        self.address = address
        self.table = address.table()
        self.arn = address.stream(self.table)
        self.streams = address.client("dynamodbstreams")

    def put(self, key: str) -> None:
        self.address.client("dynamodb").put_item(TableName=self.table, Item={"pk": {"S": key}})

    def control(self, path: str, **members) -> dict:
        status, answer = self.address.call(path, "POST", {"StreamArn": self.arn, **members})
        assert status == 200, answer
        return answer

    def plan(self, operation: str, error: str, times: int = 1) -> None:
        plan = {"service": "dynamodbstreams", "operation": operation, "error": error, "times": times}
        assert self.address.call("faults", "POST", plan)[0] == 200

    def describe(self, **more) -> dict:
        return self.streams.describe_stream(StreamArn=self.arn, **more)["StreamDescription"]

    def ids(self, **more) -> list[str]:
        return [one["ShardId"] for one in self.describe(**more)["Shards"]]

    def keys(self, page: dict) -> list[str]:
        return [one["dynamodb"]["Keys"]["pk"]["S"] for one in page["Records"]]


@pytest.fixture
def stream(address) -> Stream:
    return Stream(address)


def test_an_empty_page_comes_before_records_and_loses_none(stream):
    stream.put("a")
    stream.put("b")
    (shard,) = stream.ids()
    one = stream.address.iterator(stream.arn, shard)
    stream.plan("GetRecords", "EmptyPage", times=2)
    pages = []
    for _ in range(4):
        pages.append(stream.address.read(one, Limit=1))
        one = pages[-1]["NextShardIterator"]
    assert [stream.keys(page) for page in pages] == [[], [], ["a"], ["b"]]


def test_an_empty_page_hides_the_end_of_a_shard_too(stream):
    (shard,) = stream.ids()
    stream.control("streams/roll", ShardId=shard)
    one = stream.address.iterator(stream.arn, shard)
    stream.plan("GetRecords", "EmptyPage")
    assert "NextShardIterator" in (page := stream.address.read(one))
    assert "NextShardIterator" not in stream.address.read(page["NextShardIterator"])


def test_latest_with_slack_shows_the_newest_record(stream):
    (shard,) = stream.ids()
    for key in "ab":
        stream.put(key)
    stream.plan("GetShardIterator", "LatestSlack")
    seen = [stream.keys(stream.address.read(stream.address.iterator(stream.arn, shard, "LATEST"))) for _ in range(2)]
    assert seen == [["b"], []]


def test_children_come_late_in_lists_of_either_kind(stream):
    (root,) = stream.ids()
    children = stream.control("streams/split", ShardId=root)["ChildShardIds"]
    (grandchild,) = stream.control("streams/roll", ShardId=children[0])["ChildShardIds"]
    stream.plan("DescribeStream", "LateChildren", times=2)
    assert stream.ids() == [root, children[0]], "those that have children themselves are long known"
    assert stream.ids(ShardFilter={"Type": "CHILD_SHARDS", "ShardId": children[0]}) == []
    assert stream.ids() == [root, *children, grandchild]


def test_a_parent_looks_open_beside_its_children(stream):
    (root,) = stream.ids()
    stream.control("streams/split", ShardId=root)
    stream.plan("DescribeStream", "OpenParent")
    looks = [
        ["EndingSequenceNumber" in one["SequenceNumberRange"] for one in stream.describe()["Shards"]] for _ in range(2)
    ]
    assert looks == [[False, False, False], [True, False, False]]


def test_a_page_ends_between_a_parent_and_its_child(stream):
    (root,) = stream.ids()
    stream.plan("DescribeStream", "SplitPage")
    assert "LastEvaluatedShardId" not in stream.describe(), "there was nothing to split"
    children = stream.control("streams/split", ShardId=root)["ChildShardIds"]
    stream.plan("DescribeStream", "SplitPage")
    first = stream.describe()
    assert [one["ShardId"] for one in first["Shards"]] == [root]
    assert stream.ids(ExclusiveStartShardId=first["LastEvaluatedShardId"]) == children


def test_more_shards_than_a_page_holds(stream):
    """A day of short lives: rolling on a schedule makes a list of several pages."""
    stream.control("streams/schedule", lifetime_s=600)
    stream.put("old")
    stream.address.call("clock", "POST", {"advance_s": 20 * 3600})
    stream.put("new")
    first = stream.describe()
    assert len(first["Shards"]) == 100
    rest = stream.describe(ExclusiveStartShardId=first["LastEvaluatedShardId"])
    every = [*first["Shards"], *rest["Shards"]]
    assert len(every) >= 120 and "LastEvaluatedShardId" not in rest
    assert all(child["ParentShardId"] == parent["ShardId"] for parent, child in pairwise(every))
    seen = []
    for one in every:
        seen += stream.keys(stream.address.read(stream.address.iterator(stream.arn, one["ShardId"])))
    assert seen == ["old", "new"]


def test_shards_end_by_themselves_and_a_reader_who_waits_hears_of_it(stream):
    (shard,) = stream.ids()
    service, clock = stream.address.address.streams, stream.address.address._clock

    async def wait_while_time_passes() -> bool:
        iterator = await service.get_shard_iterator(stream.arn, shard, "LATEST")
        began = clock.now()
        waiting = asyncio.create_task(service.wait_behind(iterator, 30 * 24 * 3600))
        while not waiting.done():
            await clock.advance(60)
        assert clock.now() - began < timedelta(hours=4.6)
        again = await service.get_shard_iterator(stream.arn, shard, "LATEST")
        return (await service.get_records(again)).next_iterator is None

    assert stream.address.on_loop(wait_while_time_passes()) is True
    parent, after = stream.describe()["Shards"]
    assert (parent["ShardId"], after["ParentShardId"]) == (shard, shard)


PLAN = {"service": "dynamodb", "operation": "DescribeLimits", "error": "ThrottlingException"}


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"lifetime_s": 59}, "lifetime_s must be a whole number of seconds from 60 on"),
        ({"lifetime_s": "600"}, "lifetime_s"),
        ({"lifetime_s": 600, "children": 3}, "children must be 1 or 2"),
        ({"children": True}, "children must be 1 or 2"),
        ({"life": 600}, "unknown member 'life'"),
        ({"StreamArn": "arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/none"}, "not found"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(stream, members, text):
    status, answer = stream.address.call("streams/schedule", "POST", {"StreamArn": stream.arn, **members})
    assert status == 400 and text in answer["error"]


DEEP = b'{"a":' * 30_000 + b"1" + b"}" * 30_000


@pytest.mark.parametrize(
    ("method", "path", "body", "text"),
    [
        ("DELETE", "faults", {"service": "lambda"}, "unknown member 'service' (this call takes none: it clears all)"),
        ("POST", "reset", {"table": "orders"}, "unknown member 'table' (this call takes none: it clears all)"),
        ("POST", "faults", {**PLAN, "times": 0}, "times must be a whole number from 1 on, not 0"),
        ("POST", "clock", DEEP, "the body is not JSON: nested too deep"),
    ],
)
def test_what_a_call_does_not_take_is_refused_and_changes_nothing(stream, method, path, body, text):
    stream.address.call("faults", "POST", PLAN)
    status, answer = stream.address.call(path, method, body)
    assert status == 400 and text in answer["error"]
    assert b"ThrottlingException" in stream.address.dynamodb("DescribeLimits", {}).body


def test_an_oddity_of_another_operation_is_refused(stream):
    plan = {"service": "dynamodbstreams", "operation": "GetRecords", "error": "LateChildren"}
    status, answer = stream.address.call("faults", "POST", plan)
    assert status == 400
    assert "GetRecords cannot answer with LateChildren" in answer["error"] and "DescribeStream" in answer["error"]


PLANS = [
    ("GetRecords", "EmptyPage"),
    ("GetRecords", "ThrottlingException"),
    ("GetRecords", "InternalServerError"),
    ("GetRecords", "ExpiredIteratorException"),
    ("GetRecords", "LimitExceededException"),
    ("GetShardIterator", "ThrottlingException"),
    ("GetShardIterator", "LatestSlack"),
    ("DescribeStream", "LateChildren"),
    ("DescribeStream", "OpenParent"),
    ("DescribeStream", "SplitPage"),
    ("DescribeStream", "ThrottlingException"),
]


@pytest.mark.timeout(180)
def test_a_mapping_delivers_everything_in_order_through_all_of_it(tmp_path: Path):
    with child(tmp_path) as served:
        table, function = served.table(), served.function(tmp_path)
        made = served.client("lambda").create_event_source_mapping(
            FunctionName=function.name, EventSourceArn=table.stream, StartingPosition="TRIM_HORIZON"
        )
        served.settle(made["UUID"], "Enabled")
        written, (shard,) = 0, table.shards()
        for operation, error in PLANS:
            served.call("faults", service="dynamodbstreams", operation=operation, error=error, times=2)
            table.put("a", "b", "c", n=written)
            written += 1
            shard = served.call("streams/split", StreamArn=table.stream, ShardId=shard)["ChildShardIds"][written % 2]
            table.put("a", "b", "c", n=written)
            written += 1
            served.call("clock", advance_s=5)  # back-offs need not be waited for

        def all_there() -> bool:
            served.call("clock", advance_s=5)
            return len(function.records()) >= 3 * written

        wait_for(all_there, "every change", 120)
        seen: dict[str, list[int]] = {}
        for record in function.records():
            image = record["dynamodb"]["NewImage"]
            seen.setdefault(image["pk"]["S"], []).append(int(image["n"]["N"]))
        once = {key: list(dict.fromkeys(values)) for key, values in seen.items()}
        assert once == {key: list(range(written)) for key in "abc"}
