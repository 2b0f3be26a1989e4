"""``afterbay run`` on a Kinesis stream and on a queue of the local address: no Lambda, one process."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.forked import Process, launch
from integration.serving import REGION, WAIT_S, Served, child, environment, unique, wait_for

INLINE = """\
import base64
import os
from pathlib import Path


def handler(event, context):
    with (Path(os.environ["FOLDER"]) / "seen").open("a") as out:
        for record in event["Records"]:
            name = base64.b64decode(record["kinesis"]["data"]).decode() if "kinesis" in record else record["body"]
            out.write(f"{record['eventSource']} {name}\\n")
    if any("poison" in str(record.get("body")) for record in event["Records"]):
        raise ValueError("poison")
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


class Sources:
    """A Kinesis stream and a queue, and a mapping file of both in ``folder``."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.served, self.folder = served, folder
        self.stream = unique("s")
        served.client("kinesis").create_stream(StreamName=self.stream, ShardCount=1)
        self.url, queue = served.queue()
        arn = f"arn:aws:kinesis:{REGION}:000000000000:stream/{self.stream}"
        mappings = [
            {"FunctionName": "f", "EventSourceArn": arn, "StartingPosition": "TRIM_HORIZON"},
            {"FunctionName": "f", "EventSourceArn": queue, "BatchSize": 1},
        ]
        (folder / "inline.py").write_text(INLINE)
        (folder / "mapping.json").write_text(json.dumps(mappings))

    def put(self, *names: str) -> None:
        for name in names:
            self.served.client("kinesis").put_record(StreamName=self.stream, Data=name.encode(), PartitionKey="p")

    def send(self, *names: str) -> None:
        for name in names:
            self.served.client("sqs").send_message(QueueUrl=self.url, MessageBody=name)

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.served.client("sqs").get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)

    def seen(self) -> list[str]:
        file = self.folder / "seen"
        return file.read_text().splitlines() if file.exists() else []

    @contextmanager
    def running(self) -> Iterator[Process]:
        log = self.folder / "run.log"
        words = ["run", "--mapping", "mapping.json", "--state", "state.sqlite3", "--inline", "inline:handler"]
        words += ["--endpoint-url", self.served.url]
        variables = environment(self.served.url, FOLDER=str(self.folder), PYTHONPATH=str(self.folder))
        with log.open("wb") as stderr:
            process = launch(*words, env=variables, cwd=self.folder, stderr=stderr)
        try:
            wait_for(lambda: "running 2 mapping" in log.read_text(), "the engine runs")
            yield process
        finally:
            process.kill()
            process.wait(WAIT_S)


@pytest.fixture
def sources(served: Served, tmp_path: Path) -> Sources:
    return Sources(served, tmp_path)


def test_both_are_read_and_a_restart_goes_on_where_each_stands(sources):
    sources.put("k1")
    sources.send("q1")
    with sources.running() as process:
        wait_for(lambda: sorted(sources.seen()) == ["aws:kinesis k1", "aws:sqs q1"], "one of each")
        wait_for(lambda: sources.left() == 0, "the message is deleted")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0, (sources.folder / "run.log").read_text()
    sources.put("k2")
    sources.send("q2")
    with sources.running():
        wait_for(lambda: len(sources.seen()) == 4, "the next of each")
    assert sorted(sources.seen()) == ["aws:kinesis k1", "aws:kinesis k2", "aws:sqs q1", "aws:sqs q2"]


def test_a_message_that_fails_is_left_to_the_queue_and_others_go_on(sources):
    sources.send("poison", "good")
    with sources.running():
        wait_for(lambda: sorted(sources.seen()) == ["aws:sqs good", "aws:sqs poison"], "both were tried")
        wait_for(lambda: sources.left() == 1, "and one is done")
        sources.served.call("clock", advance_s=31)
        wait_for(lambda: sources.seen().count("aws:sqs poison") == 2, "the other comes again")
    assert sources.left() == 1
