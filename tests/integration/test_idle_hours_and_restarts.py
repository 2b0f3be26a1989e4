"""Long idle times, shards that end by age, and SIGKILL, all together: nothing is lost, repeated or out of order."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from integration.serving import Function, Served, unique, wait_for
from integration.state_address import killed

KEYS = tuple(f"k{n}" for n in range(6))
IDLE_S = 8 * 3600
FIRST_ROOTS = 4


class Days:
    """A table on demand, a mapping on its stream, and what was written so far."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.served = served
        self.name = unique("t")
        self.function: Function = served.function(folder)
        key = {"AttributeName": "pk"}
        made = served.client("dynamodb").create_table(
            TableName=self.name,
            KeySchema=[{**key, "KeyType": "HASH"}],
            AttributeDefinitions=[{**key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream = made["TableDescription"]["LatestStreamArn"]
        mapping = served.client("lambda").create_event_source_mapping(
            FunctionName=self.function.name, EventSourceArn=self.stream, StartingPosition="TRIM_HORIZON"
        )
        self.mapping = mapping["UUID"]
        self.written = 0

    def write(self) -> None:
        self.written += 1
        for key in KEYS:
            item = {"pk": {"S": key}, "n": {"N": str(self.written)}}
            self.served.client("dynamodb").put_item(TableName=self.name, Item=item)

    def sleep(self, seconds: float) -> None:
        self.served.call("clock", advance_s=seconds)

    def shards(self) -> list[dict]:
        """Every shard that is listed, all pages."""
        found: list[dict] = []
        more: dict[str, str] = {}
        while True:
            page = self.served.client("dynamodbstreams").describe_stream(StreamArn=self.stream, Limit=10, **more)
            found += page["StreamDescription"]["Shards"]
            if "LastEvaluatedShardId" not in page["StreamDescription"]:
                return found
            more = {"ExclusiveStartShardId": page["StreamDescription"]["LastEvaluatedShardId"]}

    def read(self, shard: str) -> tuple[list[dict], bool]:
        """The records of a shard, and whether it has an end."""
        streams = self.served.client("dynamodbstreams")
        place = {"ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        one = streams.get_shard_iterator(StreamArn=self.stream, **place)["ShardIterator"]
        found: list[dict] = []
        while True:
            page = streams.get_records(ShardIterator=one)
            found += page["Records"]
            if "NextShardIterator" not in page or not page["Records"]:
                return found, "NextShardIterator" not in page
            one = page["NextShardIterator"]

    def values(self) -> dict[str, list[int]]:
        """The values that the mapping delivered, by key, without repeats."""
        seen = defaultdict[str, list[int]](list)
        for record in self.function.records():
            image = record["dynamodb"]["NewImage"]
            seen[image["pk"]["S"]].append(int(image["n"]["N"]))
        return {key: list(dict.fromkeys(values)) for key, values in seen.items()}

    def check_delivered(self) -> None:
        expected = {key: list(range(1, self.written + 1)) for key in KEYS}
        wait_for(lambda: sum(map(len, self.values().values())) >= len(KEYS) * self.written, "every change", 60)
        assert self.values() == expected

    def check_stream(self) -> None:
        """The whole lineage: every change of the last day once, numbers rising, parents before children."""
        shards = self.shards()
        ids = [one["ShardId"] for one in shards]
        assert ids == sorted(set(ids))
        ends = {one["ShardId"]: one["SequenceNumberRange"].get("EndingSequenceNumber") for one in shards}
        by_key = defaultdict[str, list[tuple[int, int]]](list)
        numbers: list[int] = []
        for one in shards:
            start = int(one["SequenceNumberRange"]["StartingSequenceNumber"])
            parent = one.get("ParentShardId")
            if parent in ends:
                assert start > int(ends[parent]), "a child begins above its parent's end"
            records, ended = self.read(one["ShardId"])
            assert ended is (ends[one["ShardId"]] is not None)
            for record in records:
                number = int(record["dynamodb"]["SequenceNumber"])
                assert number > start
                numbers.append(number)
                image = record["dynamodb"]["NewImage"]
                by_key[image["pk"]["S"]].append((number, int(image["n"]["N"])))
        assert len(set(numbers)) == len(numbers), "a number is issued once"
        for key in KEYS:
            assert [value for _, value in sorted(by_key[key])] == list(range(1, self.written + 1)), key
        assert sum(end is None for end in ends.values()) == FIRST_ROOTS, "as many lineages as at first"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("restarts", [4, pytest.param(30, marks=pytest.mark.long)])
def test_eight_idle_hours_and_restarts_lose_nothing(tmp_path: Path, restarts: int) -> None:
    """Half the time passes in one piece, the other half between kills; shards roll on both ways."""
    state = tmp_path / "state"
    with killed(state, tmp_path) as served:
        days = Days(served, tmp_path)
        served.settle(days.mapping, "Enabled")
        days.write()
        days.sleep(IDLE_S)
        days.write()
        days.check_delivered()
        assert len(days.shards()) > FIRST_ROOTS, "shards rolled while nothing happened"
    for number in range(restarts):
        with killed(state, tmp_path) as served:
            days.served = served
            served.settle(days.mapping, "Enabled")
            if number % 3 == 1:
                open_ones = [one for one in days.shards() if "EndingSequenceNumber" not in one["SequenceNumberRange"]]
                served.call("streams/roll", StreamArn=days.stream, ShardId=open_ones[number % 4]["ShardId"])
            days.write()
            days.sleep(IDLE_S / restarts)
            if number % 2:
                days.write()  # and killed with these before the mapping
            else:
                days.check_delivered()
    with killed(state, tmp_path) as served:
        days.served = served
        days.write()
        days.check_delivered()
        days.check_stream()
        items = served.client("dynamodb").scan(TableName=days.name)["Items"]
        assert {one["pk"]["S"]: int(one["n"]["N"]) for one in items} == dict.fromkeys(KEYS, days.written)
    repeats = len(days.function.records()) - len(KEYS) * days.written
    assert 0 <= repeats <= restarts * len(KEYS) * 2, "a kill repeats what was in flight, and no more"
