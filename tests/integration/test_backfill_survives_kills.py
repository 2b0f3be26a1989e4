"""``afterbay backfill`` beside a live mapping that feeds the same sink, killed again and again while items are updated,
deleted and created anew: the sink ends as the table (E12, E13, E15)."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from integration.forked import Process, launch
from integration.serving import REGION, ROLE, Served, Table, afterbay, child, environment, unique, wait_for, zipped

SEED = 20261128
FILLER = "x" * 900
HANDLER = "import afterbay\nhandler = afterbay.into(afterbay.sink({sink!r}))\n"


def follow(served: Served, table: Table, sink: str) -> None:
    """A mapping whose function writes every change to the sink."""
    name = unique("copy")
    client = served.client("lambda")
    client.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=ROLE,
        Code={"ZipFile": zipped(app=HANDLER.format(sink=sink))},
        Timeout=60,
        MemorySize=512,
    )
    made = client.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=table.stream,
        StartingPosition="LATEST",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    served.settle(made["UUID"], "Enabled")


def fill(served: Served, table: Table, count: int) -> None:
    for start in range(0, count, 25):
        puts = [
            {"PutRequest": {"Item": {"pk": {"S": f"k{n}"}, "v": {"S": "old"}, "filler": {"S": FILLER}}}}
            for n in range(start, min(count, start + 25))
        ]
        served.client("dynamodb").batch_write_item(RequestItems={table.name: puts})


@contextmanager
def changing(served: Served, table: Table, count: int) -> Iterator[None]:
    """Items are updated, deleted and created anew, until the block ends."""
    ended = threading.Event()
    chance = random.Random(SEED)

    def change() -> None:
        session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name=REGION)
        with closing(session.client("dynamodb", endpoint_url=served.url, config=Config(read_timeout=120))) as client:
            while not ended.wait(0.03):
                key = {"pk": {"S": f"k{chance.randrange(count + count // 5)}"}}
                if chance.random() < 0.4:
                    client.delete_item(TableName=table.name, Key=key)
                else:
                    client.put_item(TableName=table.name, Item={**key, "v": {"S": f"live{chance.random()}"}})

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def held(file: Path) -> dict[str, str]:
    with closing(sqlite3.connect(file)) as db:
        items = [json.loads(row[0]) for row in db.execute("SELECT item FROM copy_live")]
    return {one["pk"]: one["v"] for one in items}


def there(served: Served, table: Table) -> dict[str, str]:
    pages = served.client("dynamodb").get_paginator("scan").paginate(TableName=table.name)
    return {one["pk"]["S"]: one["v"]["S"] for page in pages for one in page["Items"]}


def items_passed(state: Path) -> int:
    """What the state file says is done; 0 before it is a state file."""
    if not state.exists():
        return 0
    with closing(sqlite3.connect(f"{state.as_uri()}?mode=ro", uri=True)) as db:
        try:
            return db.execute("SELECT coalesce(sum(items), 0) FROM parts").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("count", "kills", "rcu"), [(1_000, 3, 200), pytest.param(10_000, 10, 250, marks=pytest.mark.long)]
)
def test_a_backfill_that_is_killed_ends_as_the_table(tmp_path: Path, count: int, kills: int, rcu: int) -> None:
    state, copy = tmp_path / "state", tmp_path / "copy.db"
    sink = f"sqlite:///{copy}?table=copy"
    with child(tmp_path) as served:
        table = served.table()
        fill(served, table, count)
        follow(served, table, sink)
        words = ["backfill", table.name, "--into", sink, "--state", str(state), "--rcu", str(rcu), "--json"]
        log, out = tmp_path / "log", tmp_path / "out"

        def started() -> Process:
            with log.open("ab") as errors, out.open("wb") as output:
                return launch(*words, env=environment(served.url), stdout=output, stderr=errors)

        with changing(served, table, count):
            for kill in range(1, kills + 1):
                reach = max(items_passed(state) + 1, count * kill // (kills + 1))
                process = started()
                wait_for(lambda reach=reach: items_passed(state) >= reach, f"{reach} items are passed", 120)
                process.kill()
                assert process.wait() < 0, log.read_text()
            passed = items_passed(state)
            assert started().wait(300) == 0, log.read_text()
        told = json.loads(out.read_text())
        assert told["resumed"] and told["finished"] and told["failed"] == 0
        assert told["scanned"] == items_passed(state) - passed, "what was done is not done again"
        assert told["scanned"] == told["written"] + told["refused"]
        wait_for(lambda: held(copy) == there(served, table), "the sink is as the table", 120)
        assert any(version == "old" for version in held(copy).values()), "the load did its part"
        verified = afterbay("verify", table.name, "--against", sink, "--json", url=served.url, seconds=300)
        assert verified.returncode == 0, verified.stderr
        assert json.loads(verified.stdout)["equal"] is True
