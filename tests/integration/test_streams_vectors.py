"""Published facts about streams against the address, over HTTP with boto3.

``describe-stream``, ``errors``, ``iterators``, ``lineage``, ``sequence-numbers`` and ``size-bytes``; the other files of
``vectors/streams`` have modules of their own (``test_streams_*.py``, ``test_lease_tables.py``). A fact
about published values is checked on the same situation here: the address's own numbers stand in for theirs.
"""

from __future__ import annotations

import re
import uuid
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

from afterbay.core.change.sequence import SequenceNumber
from afterbay.core.shard.lineage import ShardDescription, leaves, roots
from afterbay.core.shard.position import ShardId
from integration.running import REGION, Running
from unit.emulator.test_lineage_vectors import Reading, described
from vectors.loading import Reader, vectors

FOR_EVER_S = 10**9


class Streamed:
    """A table with a stream on the address, whose shards end on request only."""

    def __init__(self, address: Running, view: str = "NEW_AND_OLD_IMAGES", **more) -> None:
        self.address = address
        self.dynamodb = address.client("dynamodb")
        self.streams = address.client("dynamodbstreams")
        self.name = address.table(view=view, **more)
        self.arn = address.stream(self.name)
        self.control("streams/schedule", lifetime_s=FOR_EVER_S)

    def control(self, path: str, **members) -> dict:
        status, answer = self.address.call(path, "POST", {"StreamArn": self.arn, **members})
        assert status == 200, answer
        return answer

    def fault(self, operation: str, error: str, times: int = 1) -> None:
        plan = {"service": "dynamodbstreams", "operation": operation, "error": error, "times": times}
        assert self.address.call("faults", "POST", plan)[0] == 200

    def advance(self, seconds: float) -> None:
        assert self.address.call("clock", "POST", {"advance_s": seconds})[0] == 200

    def put(self, *keys: str) -> None:
        """New values of these items."""
        for key in keys:
            self.dynamodb.put_item(TableName=self.name, Item={"pk": {"S": key}, "v": {"S": uuid.uuid4().hex}})

    def end(self, shard: str, how: str = "roll") -> list[str]:
        return self.control(f"streams/{how}", ShardId=shard)["ChildShardIds"]

    def set_stream(self, view: str | None) -> str:
        wanted = {"StreamEnabled": True, "StreamViewType": view} if view else {"StreamEnabled": False}
        told = self.dynamodb.update_table(TableName=self.name, StreamSpecification=wanted)
        return told["TableDescription"]["LatestStreamArn"]

    def describe(self, **more) -> dict:
        return self.streams.describe_stream(**{"StreamArn": self.arn, **more})["StreamDescription"]

    def shards(self) -> list[dict]:
        return self.describe()["Shards"]

    def ids(self) -> list[str]:
        return [one["ShardId"] for one in self.shards()]

    def iterator(self, kind: str, shard: str | None = None, **more) -> str:
        return self.address.iterator(self.arn, shard or self.ids()[0], kind, **more)

    def read(self, iterator: str, **more) -> dict:
        return self.streams.get_records(ShardIterator=iterator, **more)

    def numbers(self, shard: str | None = None) -> list[str]:
        return numbers(self.read(self.iterator("TRIM_HORIZON", shard)))

    def pages(self, **more) -> list[dict]:
        found = [self.describe(**more)]
        while "LastEvaluatedShardId" in found[-1]:
            found.append(self.describe(ExclusiveStartShardId=found[-1]["LastEvaluatedShardId"], **more))
        return found


def numbers(page: dict) -> list[str]:
    return [one["dynamodb"]["SequenceNumber"] for one in page["Records"]]


def refusal(call) -> tuple[str, int, str]:
    """Code, status and text of a call that must fail."""
    with pytest.raises(ClientError) as refused:
        call()
    answer = refused.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@pytest.fixture(autouse=True)
def _no_fault_is_left(address):
    yield
    assert address.call("faults", "DELETE")[0] == 200


@pytest.fixture(scope="module")
def bare(address):
    """A client that does not check parameters itself, for calls that must reach the address."""
    import boto3
    from botocore.config import Config

    made = []

    def client(service: str):
        session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name=REGION)
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        one = session.client(service, endpoint_url=address.url, config=config)
        made.append(one)
        return one

    yield client
    for one in made:
        one.close()


# ---- describe-stream.json


def check_creation(address: Running, given: Reader, wanted: Reader) -> None:
    asked = given["params"]
    name = f"t-{uuid.uuid4().hex[:10]}"
    key = {"AttributeName": "id"}
    told = address.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        **asked,
    )["TableDescription"]
    if "TableDescription_absent" in wanted.names:
        assert not set(wanted["TableDescription_absent"]) & set(told)
        return
    label = told["LatestStreamLabel"]
    assert_shown(told, wanted["TableDescription"], {"table:1": name, "label:1": label})
    assert wanted["note"] == "TableStatus is CREATING at this moment; label and ARN already final"
    assert told["TableStatus"] == "CREATING"
    assert address.stream(name) == told["LatestStreamArn"]


def check_enabling(address: Running, given: Reader, wanted: Reader) -> None:
    name = address.table(view=None)
    told = address.client("dynamodb").update_table(TableName=name, **given["params"])["TableDescription"]
    assert_shown(told, wanted["TableDescription"], {"name:1": name, "name:2": told["LatestStreamLabel"]})


def assert_shown(told: dict, expected: dict, made: dict[str, str]) -> None:
    """Every expected member is there as expected, placeholders filled."""
    places = {"region": REGION, "account": "000000000000", **made}
    for member, value in expected.items():
        if isinstance(value, str):
            for place, one in places.items():
                value = value.replace(f"<{place}>", one)
            assert "<" not in value, f"{member}: a placeholder is left"
        assert told[member] == value, member


def check_fresh_description(address: Running, given: Reader, wanted: Reader) -> None:
    assert given["params"] == {"StreamArn": "<arn>"}
    expected = dict(wanted["StreamDescription"])
    (hashed,) = [one["AttributeName"] for one in expected["KeySchema"]]
    one = Streamed(address, expected["StreamViewType"], key={"HASH": hashed})
    told = one.describe()
    created = told["CreationRequestDateTime"]
    assert expected.pop("CreationRequestDateTime") == "<epoch-seconds>"
    assert isinstance(created, datetime)
    label = created.astimezone(UTC).isoformat(timespec="milliseconds")[:23]
    assert told["StreamLabel"] == label, "the label is the creation time"
    (shard,) = told["Shards"]
    assert expected.pop("Shards") == [
        {"SequenceNumberRange": {"StartingSequenceNumber": "<start-seq>"}, "ShardId": "<shard:1>"}
    ]
    assert set(shard) == {"ShardId", "SequenceNumberRange"}
    assert re.fullmatch(r"\d{21,40}", shard["SequenceNumberRange"]["StartingSequenceNumber"])
    assert_shown(told, expected, {"table:1": one.name, "label:1": told["StreamLabel"]})
    if "absent" in wanted.names:
        assert wanted["absent"] == [
            "StreamDescription.LastEvaluatedShardId",
            "StreamDescription.Shards[0].ParentShardId",
            "StreamDescription.Shards[0].SequenceNumberRange.EndingSequenceNumber",
        ]
        assert set(told) == {*wanted["StreamDescription"]}
        assert set(shard["SequenceNumberRange"]) == {"StartingSequenceNumber"}


def check_on_demand(address: Running, given: Reader, wanted: Reader) -> None:
    assert given["table"] == {"BillingMode": "PAY_PER_REQUEST", "fresh": True}
    shards = Streamed(address, BillingMode="PAY_PER_REQUEST").shards()
    assert wanted["shard_count_min"] <= len(shards) == wanted["shard_count_typical"]
    assert all("ParentShardId" not in one for one in shards) is wanted["all_roots"]


def check_pages(address: Running, given: Reader, wanted: Reader) -> None:
    one = Streamed(address, BillingMode="PAY_PER_REQUEST")
    for shard in one.ids():
        for child in one.end(shard, "split"):
            one.end(child)
    every = one.ids()
    assert len(every) == 20
    asked = dict(given["params"])
    assert asked.pop("StreamArn") == "<arn>"
    if "loop" in given.names:
        assert given["loop"] == "until LastEvaluatedShardId absent"
        pages = one.pages(**asked)
        assert max(len(page["Shards"]) for page in pages) == wanted["page_len_max"]
        assert wanted["LastEvaluatedShardId"] == "equals the last ShardId of its page"
        tokens = [page["LastEvaluatedShardId"] for page in pages[:-1]]
        assert tokens == [page["Shards"][-1]["ShardId"] for page in pages[:-1]]
        found = [shard["ShardId"] for page in pages for shard in page["Shards"]]
        assert wanted["concatenation"] == "unique and in ascending string order of ShardId"
        assert found == sorted(set(found)) == every
        return
    start = asked.pop("ExclusiveStartShardId")
    assert not asked
    if "shards_do_not_contain" in wanted.names:
        assert start == wanted["shards_do_not_contain"] == "<first shard of an earlier page>"
        assert [shard["ShardId"] for shard in one.describe(ExclusiveStartShardId=every[0])["Shards"]] == every[1:]
        return
    answer = one.streams.describe_stream(
        StreamArn=one.arn, ExclusiveStartShardId=every[-1] if start == "<last shard>" else start
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == wanted["status"]
    assert answer["StreamDescription"]["Shards"] == wanted["Shards"]
    assert "LastEvaluatedShardId" not in answer["StreamDescription"]


def check_children(address: Running, given: Reader, wanted: Reader) -> None:
    one = Streamed(address)
    (root,) = one.ids()
    children = one.end(root, "split")
    asked = given["params"]["ShardFilter"]
    assert asked == {"Type": "CHILD_SHARDS", "ShardId": "<open leaf shard>"}
    told = one.describe(ShardFilter={**asked, "ShardId": children[0]})
    assert told["Shards"] == wanted["Shards"]
    assert set(wanted["also_present"]) <= set(told)
    of_root = one.describe(ShardFilter={**asked, "ShardId": root})["Shards"]
    assert [shard["ShardId"] for shard in of_root] == children, "of a parent they are all there"


def check_disabling(address: Running, given: Reader, wanted: Reader) -> None:
    one = Streamed(address, "NEW_IMAGE")
    one.put("a", "b")
    if given["steps"][0] == "disable":
        assert given["steps"] == ["disable", "re-enable", "DescribeTable"]
        one.set_stream(None)
        one.set_stream("NEW_IMAGE")
        new = address.stream(one.name)
        assert (new != one.arn) is wanted["arn_differs"]
        assert len(address.records(new)) == wanted["new_stream_records"]
        assert (len(one.numbers()) == 2) is wanted["old_arn_still_readable"]
        return
    steps = ["UpdateTable StreamEnabled=false", "wait DISABLED", "ListStreams TableName", "DescribeStream old arn"]
    assert given["steps"] == steps
    one.set_stream(None)
    listed = [entry["StreamArn"] for entry in one.streams.list_streams(TableName=one.name)["Streams"]]
    assert (one.arn in listed) is wanted["ListStreams_contains_old_arn"]
    told = one.describe()
    assert told["StreamStatus"] == wanted["StreamStatus"]
    assert wanted["StreamViewType"] == "unchanged"
    assert told["StreamViewType"] == "NEW_IMAGE"
    assert wanted["every_shard_has"] == "SequenceNumberRange.EndingSequenceNumber"
    assert all("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in told["Shards"])
    assert wanted["readable"] == "TRIM_HORIZON on each shard returns the old records, 24 h"
    one.advance(23 * 3600)
    assert len(one.numbers()) == 2


def check_listing(address: Running, given: Reader, wanted: Reader) -> None:
    streams = address.client("dynamodbstreams")
    asked = given["params"]
    if "TableName" in asked:
        assert asked == {"TableName": "<table never streamed>"}
        assert streams.list_streams(TableName=address.table(view=None))["Streams"] == wanted["Streams"]
        return
    tables = [Streamed(address) for _ in range(3)]
    pages = [streams.list_streams(**asked)]
    while "LastEvaluatedStreamArn" in pages[-1]:
        assert wanted["LastEvaluatedStreamArn"] == "equals StreamArn of the last entry of the page"
        assert pages[-1]["LastEvaluatedStreamArn"] == pages[-1]["Streams"][-1]["StreamArn"]
        more = {"ExclusiveStartStreamArn": pages[-1]["LastEvaluatedStreamArn"]}
        pages.append(streams.list_streams(**asked, **more))
    assert wanted["final_page"] == "no LastEvaluatedStreamArn, 0 or 1 entries"
    assert len(pages[-1]["Streams"]) <= 1
    assert wanted["page_not_full"] == "no LastEvaluatedStreamArn"
    assert "LastEvaluatedStreamArn" not in streams.list_streams(Limit=100)
    found = [one["StreamArn"] for page in pages for one in page["Streams"]]
    assert {one.arn for one in tables} <= set(found) and len(found) == len(set(found))
    assert wanted["token_of_deleted_table"] == "continues without error"
    behind = sorted(one.arn for one in tables)
    gone = next(one for one in tables if one.arn == behind[0])
    address.client("dynamodb").delete_table(TableName=gone.name)
    rest = streams.list_streams(ExclusiveStartStreamArn=gone.arn)["Streams"]
    assert {*behind[1:]} <= {one["StreamArn"] for one in rest}
    assert gone.arn not in {one["StreamArn"] for one in rest}


def facts_of(shards: list[dict]) -> dict[str, object]:
    """What a published lineage is described by."""
    listed = described(shards)
    times = {one["ShardId"]: int(one["ShardId"].split("-")[1]) for one in shards}
    edges = [(one["ParentShardId"], one["ShardId"]) for one in shards if "ParentShardId" in one]
    by_id = {one["ShardId"]: one["SequenceNumberRange"] for one in shards}
    ends = [(int(by_id[parent]["EndingSequenceNumber"]), by_id[child]) for parent, child in edges]
    idle = [one for one in by_id.values() if "EndingSequenceNumber" in one]
    return {
        "roots": list(roots(listed)),
        "open": list(leaves(listed)),
        "hours_between_generations": [round((times[b] - times[a]) / 3_600_000, 2) for a, b in edges],
        "child_start_greater_than_parent_end": all(int(one["StartingSequenceNumber"]) > end for end, one in ends),
        "idle_shard_ending_equals_starting": all(
            one["EndingSequenceNumber"] == one["StartingSequenceNumber"] for one in idle
        ),
        "shard_id_time_utc": [
            (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=time)).isoformat(timespec="milliseconds")[:23]
            for time in times.values()
        ],
    }


def check_published_lineage(address: Running, given: Reader, wanted: Reader) -> None:
    """An idle stream of as many generations here has all that is told of the published one."""
    shards = given["Shards"]
    published = facts_of(shards)
    assert {name: published[name] for name in wanted.names} == {name: wanted[name] for name in wanted.names}
    one = Streamed(address)
    one.control("streams/schedule")  # ages as on AWS
    while len(one.pages()[0]["Shards"]) < len(shards):
        one.advance(600)
    ours = one.shards()
    facts = facts_of(ours)
    assert (facts["roots"], facts["open"]) == ([ours[0]["ShardId"]], [ours[-1]["ShardId"]])
    assert facts["child_start_greater_than_parent_end"] and facts["idle_shard_ending_equals_starting"]
    hours = facts["hours_between_generations"]
    assert len(hours) == len(wanted["hours_between_generations"])
    assert all(3.75 <= each <= 4.51 for each in [*hours, *wanted["hours_between_generations"]])
    if "StreamLabel" in given.names:
        created = datetime.fromtimestamp(given["CreationRequestDateTime"], UTC)
        labelled = datetime.fromisoformat(given["StreamLabel"]).replace(tzinfo=UTC)
        assert abs(created - labelled) < timedelta(milliseconds=10)
        told = one.describe()
        ours_label = datetime.fromisoformat(told["StreamLabel"]).replace(tzinfo=UTC)
        assert abs(told["CreationRequestDateTime"] - ours_label) < timedelta(milliseconds=10)


def check_global_table(address: Running, given: Reader, wanted: Reader) -> None:
    """Two puts here make exactly two records in each region's own stream."""
    assert given["regions"] == ["<region>", "<region-2>"]
    assert given["note"] == "replica created by UpdateTable ReplicaUpdates; streams enabled on the source only"
    assert given["params"] == {"TableName": "<table:1>"}
    one = Streamed(address)
    one.dynamodb.update_table(TableName=one.name, ReplicaUpdates=[{"Create": {"RegionName": "us-west-2"}}])
    one.put("a", "b")
    labels = []
    for region, place, label in ((REGION, "<region>", "label:1"), ("us-west-2", "<region-2>", "label:2")):
        streams = address.client("dynamodbstreams", region)
        (told,) = streams.list_streams(TableName=one.name)["Streams"]
        labels.append(told["StreamLabel"])
        (expected,) = wanted[place]["Streams"]
        assert_shown(told, expected, {"table:1": one.name, label: told["StreamLabel"], "region-2": "us-west-2"})
        (shard,) = streams.describe_stream(StreamArn=told["StreamArn"])["StreamDescription"]["Shards"]
        at = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        start = streams.get_shard_iterator(StreamArn=told["StreamArn"], **at)["ShardIterator"]
        assert len(streams.get_records(ShardIterator=start)["Records"]) == 2
    assert wanted["note"].startswith("labels differ; 2 local puts produced exactly 2 records in EACH region stream")
    assert labels[0] != labels[1]


@pytest.mark.parametrize("vector", vectors("streams/describe-stream.json"))
def test_streams_describe_themselves_as_recorded(address, vector):
    with vector.opened() as (given, wanted):
        operation = given["op"] if "op" in given.names else ""
        if "regions" in given.names:
            check_global_table(address, given, wanted)
        elif operation == "dynamodb.CreateTable":
            check_creation(address, given, wanted)
        elif operation == "dynamodb.UpdateTable":
            check_enabling(address, given, wanted)
        elif operation == "ListStreams":
            check_listing(address, given, wanted)
        elif "steps" in given.names:
            check_disabling(address, given, wanted)
        elif "Shards" in given.names:
            check_published_lineage(address, given, wanted)
        elif "StreamDescription" in wanted.names:
            check_fresh_description(address, given, wanted)
        elif "table" in given.names:
            check_on_demand(address, given, wanted)
        elif "ShardFilter" in given["params"]:
            check_children(address, given, wanted)
        else:
            check_pages(address, given, wanted)


# ---- errors.json


class WrongCalls:
    """Makes a vector's call, its placeholders filled, on a stream with one record."""

    def __init__(self, address: Running, bare) -> None:
        self.one = Streamed(address, "NEW_IMAGE")
        self.one.put("a")
        self.streams = bare("dynamodbstreams")
        self.dynamodb = bare("dynamodb")
        self.shard = self.one.ids()[0]

    def of(self, given: Reader) -> list:
        """The calls that must be refused, each ready to be made."""
        operation = given["op"]
        if operation == "any":
            assert given["rate"] == "too high"
            return self._throttled()
        asked = given["params"] if "params" in given.names else {}
        if operation == "dynamodb.DeleteTable":
            assert given["state"] == "stream ENABLING"
            plan = {"service": "dynamodb", "operation": "DeleteTable", "error": "ResourceInUseException"}
            assert self.one.address.call("faults", "POST", plan)[0] == 200
            return [lambda: self.dynamodb.delete_table(TableName=self.one.name)]
        if operation == "dynamodb.UpdateTable":
            return [self._updating(asked["StreamSpecification"])]
        if operation == "GetShardIterator or GetRecords":
            return self._trimmed(asked)
        calls = {
            "ListStreams": lambda members: self.streams.list_streams(**members),
            "DescribeStream": lambda members: self.streams.describe_stream(**{"StreamArn": self.one.arn, **members}),
            "GetShardIterator": self._iterator,
            "GetRecords": lambda members: self.streams.get_records(**{"ShardIterator": self._fresh(), **members}),
        }
        return [lambda members=members: calls[operation](members) for members in self._each(asked)]

    def _each(self, asked: dict) -> list[dict]:
        """One set of members for each combination of listed values; null members are left out."""
        sets: list[dict] = [{}]
        for name, value in asked.items():
            values = value if isinstance(value, list) else [value]
            sets = [{**one, **({} if each is None else {name: self._filled(each)})} for one in sets for each in values]
        return sets

    def _filled(self, value):
        if isinstance(value, dict):
            return {name: self._filled(each) for name, each in value.items()}
        if not isinstance(value, str):
            return value
        match value:
            case "<shard>":
                return self.shard
            case "<valid>":
                return self.one.numbers()[0]
            case "<real arn with another table name>":
                return self.one.arn.replace(self.one.name, "other")
            case "<now + 1 h>":
                return datetime.now(UTC) + timedelta(days=400)  # the address's clock is days ahead
            case "<issued more than 15 min ago>":
                old = self._fresh()
                self.one.advance(901)
                return old
            case _:
                pass
        for place, text in (("region", REGION), ("account", "000000000000"), ("table-name", self.one.name)):
            value = value.replace(f"<{place}>", text)
        assert "<" not in value, value
        return value

    def _fresh(self) -> str:
        return self.one.iterator("TRIM_HORIZON")

    def _iterator(self, members: dict):
        at = {"StreamArn": self.one.arn, "ShardId": self.shard, "ShardIteratorType": "TRIM_HORIZON"}
        return self.streams.get_shard_iterator(**{**at, **members})

    def _throttled(self) -> list:
        calls = {
            "ListStreams": {},
            "DescribeStream": {"StreamArn": self.one.arn},
            "GetShardIterator": {
                "StreamArn": self.one.arn,
                "ShardId": self.shard,
                "ShardIteratorType": "LATEST",
            },
            "GetRecords": {"ShardIterator": self._fresh()},
        }
        for operation in calls:
            self.one.fault(operation, "ThrottlingException")
        names = {operation: re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower() for operation in calls}
        return [
            lambda operation=operation, members=members: getattr(self.streams, names[operation])(**members)
            for operation, members in calls.items()
        ]

    def _trimmed(self, asked: dict) -> list:
        assert asked == {"SequenceNumber": "<older than the trim point>"}
        (number,) = self.one.numbers()
        self.one.advance(24 * 3600 - 60)
        early = self.one.iterator("AT_SEQUENCE_NUMBER", SequenceNumber=number)
        self.one.advance(120)
        at = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": number}
        return [lambda: self._iterator(at), lambda: self.streams.get_records(ShardIterator=early)]

    def _updating(self, asked: dict):
        places = {"<same>": "NEW_IMAGE", "<other>": "KEYS_ONLY"}
        wanted = {name: places.get(value, value) for name, value in asked.items()}
        if wanted == {"StreamEnabled": False} or "Fisk" in wanted.values():
            self.one.set_stream(None)
        return lambda: self.dynamodb.update_table(TableName=self.one.name, StreamSpecification=wanted)


@pytest.mark.parametrize(
    "vector", [one for one in vectors("streams/errors.json") if not one.values[0].name.startswith("kds-")]
)
def test_wrong_calls_get_the_recorded_refusals(address, bare, vector):
    with vector.opened() as (given, wanted):
        wrong = WrongCalls(address, bare)
        calls = wrong.of(given)
        assert calls
        for call in calls:
            code, status, text = refusal(call)
            assert (code, status) == (wanted["code"], wanted["http"]), text
            if "message" in wanted.names:
                assert text == wrong._filled(wanted["message"])
            if "message_regex" in wanted.names:
                assert re.search(wanted["message_regex"], text), text
            if "note" in wanted.names:
                assert wanted["note"]


# ---- iterators.json


class Positions:
    """A stream with as many records as a vector, whose numbers stand for the vector's."""

    def __init__(self, address: Running, given: Reader) -> None:
        dated = "records_with_creation" in given.names
        told = given["records_with_creation" if dated else "records"]
        self.one = Streamed(address)
        self.shard = self.one.ids()[0]
        moment = told[0][1] if dated else 0
        for entry in told:
            if dated:
                self.one.advance((entry[1] - moment) * 100)  # the clock runs on: wide gaps keep the order
                moment = entry[1]
            self.one.put("a")
        self.told = [entry[0] if dated else entry for entry in told]
        self.ours = dict(zip(self.told, self.one.numbers(), strict=True))
        if "starting" in given.names:
            start = self.one.shards()[0]["SequenceNumberRange"]["StartingSequenceNumber"]
            assert int(start) < int(self.ours[self.told[0]])
            self.ours[given["starting"]] = start
        if "closed" in given.names and given["closed"]:
            self.one.end(self.shard)
        if dated:
            self.first = told[0][1]

    def iterator(self, given: Reader, kind: str) -> str:
        more: dict = {}
        if kind.endswith("SEQUENCE_NUMBER"):
            more["SequenceNumber"] = self.ours[given["seq"] if "seq" in given.names else self.told[0]]
        if kind == "AT_TIMESTAMP":
            more["Timestamp"] = self._time(given["timestamp"])
        return self.one.iterator(kind, self.shard, **more)

    def _time(self, wish: str | float) -> datetime:
        page = self.one.read(self.one.iterator("TRIM_HORIZON", self.shard))
        first = page["Records"][0]["dynamodb"]["ApproximateCreationDateTime"]
        if wish == "older than the trim horizon":
            return first - timedelta(hours=25)
        return first + timedelta(seconds=(float(wish) - self.first) * 100)

    def expected(self, told: list[str]) -> list[str]:
        return [self.ours[one] for one in told]


def check_iterator(address: Running, given: Reader, wanted: Reader) -> None:
    at = Positions(address, given)
    iterator = at.iterator(given, given["type"])
    page = at.one.read(iterator)
    if "then" in given.names:
        assert given["then"] == "append one record and call GetRecords with the SAME iterator"
        assert numbers(page) == at.expected(wanted["read_first"])
        at.one.put("a")
        *_, added = wanted["read_second"]
        at.ours[added] = at.one.numbers()[-1]
        assert numbers(at.one.read(iterator)) == at.expected(wanted["read_second"])
        return
    if "calls" in given.names:
        assert given["calls"] == 2
        assert numbers(page) == at.expected(wanted["first"])
        page = at.one.read(page["NextShardIterator"])
        assert numbers(page) == at.expected(wanted["second"])
    else:
        assert numbers(page) == at.expected(wanted["read"])
    if "next_iterator" in wanted.names:
        assert ("NextShardIterator" in page) is wanted["next_iterator"]
    if "equivalent_to" in wanted.names:
        assert numbers(at.one.read(at.iterator(given, wanted["equivalent_to"]))) == numbers(page)
    if "note" in wanted.names:
        assert wanted["note"]


@pytest.mark.parametrize("vector", vectors("streams/iterators.json"))
def test_iterators_stand_where_they_should(address, vector):
    with vector.opened() as (given, wanted):
        if "iterator" in given.names:
            one = Streamed(address)
            for text in (given["iterator"].replace("<stream arn>", one.arn), one.iterator("LATEST")):
                assert re.search(wanted["regex"], text) and len(text) <= wanted["max_len"]
                assert text.startswith(one.arn + "|")
            assert wanted["opaque"] is True
        elif "writes" in given.names:
            assert given["writes"] == "two writes of one item seconds apart, no shard roll between"
            one = Streamed(address, BillingMode="PAY_PER_REQUEST")
            one.put("a")
            one.advance(3)
            one.put("a")
            assert (sorted(len(one.numbers(shard)) for shard in one.ids()) == [0, 0, 0, 2]) is wanted[
                "both_in_same_shard"
            ]
        else:
            check_iterator(address, given, wanted)


# ---- lineage.json


def build(one: Streamed, shards: list[dict]) -> dict[str, str]:
    """Make a vector's lineage: our id for each of its names. A parent that is not listed is made and trimmed."""
    names = {entry["ShardId"]: entry for entry in shards}
    (root,) = one.ids()
    ours: dict[str, str] = {}
    (first,) = [name for name, entry in names.items() if entry.get("ParentShardId") not in names]
    if "ParentShardId" in names[first]:
        (ours[first],) = one.end(root)
        one.advance(24 * 3600 + 60)
    else:
        ours[first] = root
    for name in names:
        children = [each for each, entry in names.items() if entry.get("ParentShardId") == name]
        if children:
            ours.update(zip(children, one.end(ours[name], "split" if len(children) == 2 else "roll"), strict=True))
    return ours


def same_lineage(listed: list[dict], shards: list[dict], ours: dict[str, str]) -> None:
    """What DescribeStream lists is what the vector lists, under our names."""
    parents = {one["ShardId"]: one.get("ParentShardId") for one in listed}
    told = {ours[entry["ShardId"]]: entry.get("ParentShardId") for entry in shards}
    assert {one: parent and ours.get(parent) for one, parent in told.items() if parent in ours} == {
        one: parents[one] for one, parent in told.items() if parent in ours
    }
    assert set(parents) == set(told)
    closed = {one["ShardId"] for one in listed if "EndingSequenceNumber" in one["SequenceNumberRange"]}
    assert closed == {ours[e["ShardId"]] for e in shards if "EndingSequenceNumber" in e["SequenceNumberRange"]}


def renamed(value, ours: dict[str, str]):
    if isinstance(value, list):
        return sorted(ours[one] for one in value)
    return {ours[name]: one for name, one in value.items()}


def check_children_late(address: Running, given: Reader, wanted: Reader) -> None:
    assert given["event"] == "GetRecords returned no NextShardIterator"
    assert given["calls"] == "DescribeStream ShardFilter CHILD_SHARDS"
    one = Streamed(address)
    (parent,) = one.ids()
    children = one.end(parent, "split")
    assert "NextShardIterator" not in one.read(one.iterator("TRIM_HORIZON", parent))
    one.fault("DescribeStream", "LateChildren", times=wanted["attempts_max"] - 1)
    asked = {"Type": "CHILD_SHARDS", "ShardId": parent}
    answers = [one.describe(ShardFilter=asked) for _ in range(wanted["attempts_max"])]
    found = [[shard["ShardId"] for shard in answer["Shards"]] for answer in answers]
    assert found == [[]] * (wanted["attempts_max"] - 1) + [children]
    assert wanted["delay_ms"] == "min(50*2^n,1000) +-20%", "the reader's: test_lineage_vectors.py"
    assert wanted["stop_early_if"] == ["children found", "StreamStatus DISABLED"]
    assert {answer["StreamStatus"] for answer in answers} == {"ENABLED"}
    one.set_stream(None)
    assert one.describe(ShardFilter=asked)["StreamStatus"] == "DISABLED", "a reader is told to stop"
    assert wanted["if_none"].endswith("let the periodic shard sync create the children")
    one.fault("DescribeStream", "LateChildren")
    assert [shard["ShardId"] for shard in one.shards()] == [parent]
    assert sorted(shard["ShardId"] for shard in one.shards()) == sorted([parent, *children])


@pytest.mark.parametrize("vector", vectors("streams/lineage.json"))
def test_a_listed_lineage_tells_readers_what_comes_when(address, vector):
    with vector.opened() as (given, wanted):
        if "event" in given.names:
            check_children_late(address, given, wanted)
            return
        one = Streamed(address)
        shards = given["shards"]
        ours = build(one, shards)
        if "StreamStatus" in given.names:
            one.set_stream(None)
            assert one.describe()["StreamStatus"] == given["StreamStatus"]
        if "effective_closed" in wanted.names:
            one.fault("DescribeStream", "OpenParent")
        listed = one.shards()
        if "StreamStatus" not in given.names:
            same_lineage(listed, shards, ours)
        at = described(listed)
        run = None
        if "leases" in given.names:
            run = Reading(listed, renamed(given["leases"], ours), given["initial"])
        for name in sorted(wanted.names, key=lambda each: (each.startswith("after_"), each)):
            check_lineage(name, wanted, ours, at, run, Reading, listed, given)


def check_lineage(
    name: str,
    wanted: Reader,
    ours: dict[str, str],
    at: dict[ShardId, ShardDescription],
    run: Reading | None,
    again,
    listed: list[dict],
    given: Reader,
) -> None:
    match name:
        case "leases_created":
            whole = again(listed, renamed(given["leases"], ours), given["initial"])
            whole.run_out()
            assert whole.starts == renamed(wanted[name], ours)
            if "not_created" in wanted.names:
                assert not set(renamed(wanted["not_created"], ours)) & set(whole.starts)
        case "not_created":
            assert wanted[name]
        case "may_run_now":
            assert run is not None
            assert sorted(run.start()) == renamed(wanted[name], ours)
        case "run_sequence":
            assert run is not None
            run.run_out()
            assert run.order == [ours[each] for each in wanted[name]]
        case "roots":
            assert sorted(roots(at)) == renamed(wanted[name], ours)
        case "effective_open":
            assert sorted(leaves(at)) == renamed(wanted[name], ours)
        case "effective_closed":
            assert sorted(set(at) - set(leaves(at))) == renamed(wanted[name], ours)
            (closed,) = wanted[name]
            assert not at[ShardId(ours[closed])].closed, "it looks open, and is not"
        case "treat_as_open_for_lease_creation":
            assert sorted(leaves(at, stream_disabled=True)) == renamed(wanted[name], ours)
        case "note":
            assert wanted[name]
        case _:
            assert run is not None
            run.end(ours[name.removeprefix("after_").removesuffix("_SHARD_END")])
            run.start()
            assert sorted(run.running) == renamed(wanted[name], ours)


# ---- sequence-numbers.json


def sorted_by(address: Running, kind: str, values: list[str]) -> list[str]:
    """The values as the sort keys of one partition, in the order that a Query answers."""
    table = address.table(view=None, key={"HASH": "pk", "RANGE": f"sk:{kind}"})
    dynamodb = address.client("dynamodb")
    for value in values:
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "sk": {kind: value}})
    found = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :a", ExpressionAttributeValues={":a": {"S": "a"}}
    )["Items"]
    return [one["sk"][kind] for one in found]


def stores(address: Running, number: str) -> bool:
    """True if the number can be an attribute, and is told back digit for digit."""
    table = address.table(view=None)
    dynamodb = address.client("dynamodb")
    try:
        dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "n": {"N": number}})
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"
        return False
    return dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})["Item"]["n"]["N"] == number


def accepts(one: Streamed, bare, number: str) -> bool:
    """True if GetShardIterator takes the text for a sequence number."""
    at = {"StreamArn": one.arn, "ShardId": one.ids()[0], "ShardIteratorType": "AFTER_SEQUENCE_NUMBER"}
    try:
        return bool(bare("dynamodbstreams").get_shard_iterator(SequenceNumber=number, **at)["ShardIterator"])
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"
        return False


def a_number(address, bare, given, wanted):
    text = given["SequenceNumber"]
    assert accepts(Streamed(address), bare, text)
    assert stores(address, text) is wanted["fits_dynamodb_number"]
    assert len(text) == wanted["digits"]
    assert divmod(int(text), 10**20) == (wanted["counter"], wanted["tail"])
    assert (int(text) < 2**63, int(text) < 2**64) == (wanted["fits_int64"], wanted["fits_uint64"])
    assert SequenceNumber(text).padded == wanted["padded40"]


def bounds(address, bare, given, wanted):
    one = Streamed(address)
    lengths = {length: accepts(one, bare, "1" * length) for length in range(given["min_len"] - 1, given["max_len"] + 2)}
    assert [length for length, taken in lengths.items() if taken] == list(range(given["min_len"], given["max_len"] + 1))
    assert accepts(one, bare, wanted["smallest"]) and accepts(one, bare, wanted["largest"])
    assert (int(wanted["smallest"]) >= 2**64) is wanted["smallest_exceeds_uint64"]
    assert len(wanted["largest"]) == wanted["largest_significant_digits"]
    most = wanted["dynamodb_number_max_significant_digits"]
    assert [stores(address, "1" * digits) for digits in (most, most + 1, len(wanted["largest"]))] == [
        True,
        False,
        False,
    ]


def order(address, bare, given, wanted):
    told = given["in_lineage_order"]
    assert sorted_by(address, "N", told) == wanted["numeric_sorted"]
    assert sorted_by(address, "S", told) == wanted["string_sorted"]
    assert (wanted["numeric_sorted"] == wanted["string_sorted"]) is wanted["equal"]
    padded = sorted_by(address, "S", [one.rjust(40, "0") for one in told])
    assert ([one.lstrip("0") for one in padded] == wanted["numeric_sorted"]) is wanted["padded40_sorted_equals_numeric"]


def lineage_of(address, generations: int) -> tuple[Streamed, list[dict]]:
    """A stream of so many generations, an item written in each."""
    one = Streamed(address)
    for _ in range(generations - 1):
        one.put("a")
        one.end(one.ids()[-1])
    return one, one.shards()


def structure(address, bare, given, wanted):
    told = [divmod(int(one), 10**20) for one in given["in_lineage_order"]]
    assert ([one for one, _ in told], [one for _, one in told]) == (wanted["counters"], wanted["tails"])
    assert (wanted["tails"] == sorted(wanted["tails"])) is wanted["tails_increasing"]
    _, shards = lineage_of(address, len(told))
    ours = [int(one["SequenceNumberRange"]["StartingSequenceNumber"]) // 10**20 for one in shards]
    assert (ours == sorted(set(ours))) is wanted["counters_increasing"]


def neighbours(address, bare, given, wanted):
    pair = [given["a"], given["b"]]
    assert (len({float(one) for one in pair}) == 1) is wanted["float_equal"]
    assert (len(sorted_by(address, "N", pair)) == 1) is wanted["int_equal"]
    assert [Decimal(one) for one in sorted_by(address, "N", pair)] == [Decimal(one) for one in pair]


def idle_rate(address, bare, given, wanted):
    """A counter that moves without writes is AWS's; a gap is no loss for a reader here either."""
    assert wanted["meaning"]
    rates = []
    for shard, counter, child, later in given["pairs"]:
        passed_s = (int(child.rpartition("-")[2]) - int(shard.rpartition("-")[2])) / 1000
        rates.append(round((int(later) - int(counter)) / passed_s, 4))
    assert rates == wanted["counter_per_second"]
    one, shards = lineage_of(address, 2)
    low, high = (int(each["SequenceNumberRange"]["StartingSequenceNumber"]) for each in shards)
    between = str((low + high) // 2)
    assert one.read(one.iterator("AFTER_SEQUENCE_NUMBER", shards[0]["ShardId"], SequenceNumber=between))


def edges(address, bare, given, wanted):
    told = [int(child) > int(parent) for parent, child in given["edges"]]
    _, shards = lineage_of(address, len(told) + 1)
    ranges = [one["SequenceNumberRange"] for one in shards]
    ours = [
        int(child["StartingSequenceNumber"]) > int(parent["EndingSequenceNumber"]) for parent, child in pairwise(ranges)
    ]
    assert told == ours == wanted["child_start_greater_than_parent_end"]


def another_space(address, bare, given, wanted):
    text = given["SequenceNumber"]
    assert len(text) == wanted["digits"] <= wanted["model_max_digits"]
    assert wanted["padded40_is_wrong"]
    assert not accepts(Streamed(address), bare, text)


NUMBERS = {
    "padded40": a_number,
    "smallest": bounds,
    "numeric_sorted": order,
    "counters": structure,
    "float_equal": neighbours,
    "counter_per_second": idle_rate,
    "child_start_greater_than_parent_end": edges,
    "padded40_is_wrong": another_space,
}


@pytest.mark.parametrize("vector", vectors("streams/sequence-numbers.json"))
def test_sequence_numbers_are_taken_and_kept_as_published(address, bare, vector):
    with vector.opened() as (given, wanted):
        (kind,) = [name for name in NUMBERS if name in wanted.names]
        NUMBERS[kind](address, bare, given, wanted)


# ---- size-bytes.json


def for_boto3(value):
    """Typed JSON as boto3 takes it: binary as bytes."""
    if isinstance(value, dict):
        return {name: b64decode(one) if name == "B" else for_boto3(one) for name, one in value.items()}
    return [for_boto3(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", vectors("streams/size-bytes.json"))
def test_size_bytes_is_what_was_recorded(address, vector):
    with vector.opened() as (given, wanted):
        keys = given["Keys"]
        names = list(keys)
        old, new = (for_boto3(given[name]) if name in given.names else None for name in ("OldImage", "NewImage"))
        key = {"HASH": names[0], **({"RANGE": names[1]} if len(names) == 2 else {})}
        one = Streamed(address, "KEYS_ONLY" if old is new is None else "NEW_AND_OLD_IMAGES", key=key)
        for image in (old, new) if new or old else (keys,):
            if image is not None:
                one.dynamodb.put_item(TableName=one.name, Item=image)
        if old is not None and new is None:
            one.dynamodb.delete_item(TableName=one.name, Key=keys)
        record = one.read(one.iterator("TRIM_HORIZON"))["Records"][-1]["dynamodb"]
        shown = {name: record[name] for name in ("Keys", "OldImage", "NewImage") if name in record}
        expected = {"Keys": keys, "OldImage": old, "NewImage": new}
        assert shown == {name: one for name, one in expected.items() if one is not None}
        assert record["SizeBytes"] == wanted["SizeBytes"]
