"""``afterbay run`` is killed twenty times with SIGKILL during a load, and loses and reorders nothing."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import defaultdict
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from integration.forked import Process, launch
from integration.serving import child, environment, wait_for

KILLS = 20
LANES, BATCH = 4, 5
RECORDS, KEYS, POISON_EVERY = 9_000, 120, 300
BEHIND_MIN = 500
HERE = Path(__file__).parent


class Load:
    """A table, its records, and what became of them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name="eu-west-1")
        config = Config(retries={"total_max_attempts": 1})
        self.dynamodb = session.client("dynamodb", endpoint_url=url, config=config)
        self.sqs = session.client("sqs", endpoint_url=url, config=config)
        self.witness = folder / "witness"
        self.poison: set[str] = set()

    def close(self) -> None:
        self.dynamodb.close()
        self.sqs.close()

    def make(self) -> None:
        made = self.dynamodb.create_table(
            TableName="load",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PROVISIONED",
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.queue = self.sqs.create_queue(QueueName="dlq")["QueueUrl"]
        mapping = {
            "FunctionName": "witness",
            "EventSourceArn": made["TableDescription"]["LatestStreamArn"],
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": BATCH,
            "ParallelizationFactor": LANES,
            "MaximumRetryAttempts": 0,
            "BisectBatchOnFunctionError": True,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:eu-west-1:000000000000:dlq"}},
        }
        (self.folder / "mapping.json").write_text(json.dumps(mapping))

    def write(self) -> None:
        rng = random.Random(4)
        for start in range(0, RECORDS, 25):
            puts = []
            for n in range(start, start + 25):
                item = {"pk": {"S": f"k{(n * 7 + rng.randrange(3) * 25) % KEYS}-{n % 25}"}, "n": {"N": str(n)}}
                if n % POISON_EVERY == POISON_EVERY - 1:
                    item["poison"] = {"BOOL": True}
                puts.append({"PutRequest": {"Item": item}})
            self.dynamodb.batch_write_item(RequestItems={"load": puts})

    def engine(self, **more: str) -> Process:
        words = ("run", "--mapping", "mapping.json", "--state", "state.sqlite3")
        variables = environment(self.url, WITNESS=str(self.witness), PYTHONPATH=str(HERE), **more)
        with (self.folder / "engine.log").open("ab") as log:
            inline = ("--inline", "engine_under_fire:handler")
            return launch(*words, *inline, env=variables, cwd=self.folder, stderr=log)

    def lines(self) -> list[dict]:
        text = self.witness.read_text() if self.witness.exists() else ""
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def seen(self) -> set[str]:
        return {number for line in self.lines() for _, number in line["seen"]}

    def letters(self) -> list[dict]:
        found = []
        while True:
            got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not got:
                return found
            for message in got:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
            found += [json.loads(message["Body"]) for message in got]


def stream_records(url: str, stream: str) -> list[tuple[str, str, bool]]:
    """(key, sequence number, poison) of every record, in the order of the stream."""
    session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name="eu-west-1")
    client = session.client("dynamodbstreams", endpoint_url=url)
    shards = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    (shard,) = shards
    at = client.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    iterator = at["ShardIterator"]
    found: list[tuple[str, str, bool]] = []
    while True:
        page = client.get_records(ShardIterator=iterator)
        if not page["Records"]:
            client.close()
            return found
        for one in page["Records"]:
            change = one["dynamodb"]
            found.append((change["Keys"]["pk"]["S"], change["SequenceNumber"], "poison" in change["NewImage"]))
        iterator = page["NextShardIterator"]


@pytest.mark.timeout(600)
def test_twenty_kills_lose_and_reorder_nothing(tmp_path: Path) -> None:
    rng = random.Random()
    with child(tmp_path) as served:
        url = served.url
        load = Load(url, tmp_path)
        load.make()
        load.write()
        stream = json.loads((tmp_path / "mapping.json").read_text())["EventSourceArn"]
        written = stream_records(url, stream)
        assert len(written) == RECORDS
        behind: list[int] = []
        for kill in range(KILLS):
            at_letter = kill % 4 == 3
            before = len(load.lines())
            engine = load.engine(**({"KILL_AT_LETTER": "1"} if at_letter else {}))
            if at_letter:
                wait_for(lambda engine=engine: engine.poll() is not None, "the engine met a poison record", 60)
            else:
                target = before + rng.randint(3, 40)
                wait_for(lambda target=target: len(load.lines()) >= target, "the engine works", 60)
                moment = time.monotonic() + rng.random() * 0.04
                wait_for(lambda moment=moment: time.monotonic() >= moment, "a random moment of the next batches", 1)
                engine.kill()
            assert engine.wait(30) == -signal.SIGKILL, (tmp_path / "engine.log").read_text()[-2000:]
            behind.append(RECORDS - len(load.seen()))
        assert min(behind) >= BEHIND_MIN, "every kill met an engine with work ahead"

        engine = load.engine()
        good = {number for _, number, poison in written if not poison}
        wait_for(lambda: load.seen() >= good, "everything is delivered", 400)
        engine.terminate()
        assert engine.wait(30) == 0
        letters = load.letters()
        load.close()

    check_nothing_is_lost(load, written, letters)
    check_order(load, written)
    check_repeats(load)
    assert (tmp_path / "witness.letters").read_text().count("\n") == KILLS // 4, "kills between letter and checkpoint"


def check_nothing_is_lost(load: Load, written: list[tuple[str, str, bool]], letters: list[dict]) -> None:
    poison = {number for _, number, bad in written if bad}
    named = {letter["DDBStreamBatchInfo"]["startSequenceNumber"] for letter in letters}
    assert named == poison, "each poison record, and only those, has its letter"
    assert all(letter["DDBStreamBatchInfo"]["batchSize"] == 1 for letter in letters)
    ids = defaultdict(set)
    for letter in letters:
        ids[letter["DDBStreamBatchInfo"]["startSequenceNumber"]].add(letter["requestContext"]["requestId"])
    assert all(len(one) == 1 for one in ids.values()), "a letter that is sent twice has one request id"


def check_order(load: Load, written: list[tuple[str, str, bool]]) -> None:
    wanted, first = defaultdict(list), defaultdict(list)
    for key, number, poison in written:
        if not poison:
            wanted[key].append(int(number))
    seen: set[str] = set()
    for line in load.lines():
        if line["bad"]:
            continue  # a failed attempt: nothing of it counts as delivered
        for key, number in line["seen"]:
            if number not in seen:
                seen.add(number)
                first[key].append(int(number))
    assert first == wanted


def check_repeats(load: Load) -> None:
    """After each kill at most the batch that each lane had is delivered again."""
    done: set[str] = set()
    by_run: dict[int, set[str]] = {}
    for line in load.lines():
        if not line["bad"]:
            by_run.setdefault(line["pid"], set()).update(number for _, number in line["seen"])
    for numbers in by_run.values():
        assert len(numbers & done) <= LANES * BATCH
        done |= numbers
    assert len(by_run) > 1
