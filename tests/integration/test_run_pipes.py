"""``afterbay run --pipe`` as a program: records through filter and template into a queue, over kills; a dry run."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterbay.cli.main import app
from integration.forked import Process, launch
from integration.pipes import api_destination, web
from integration.serving import REGION, ROLE, WAIT_S, Served, afterbay, child, environment, unique, wait_for

AT_A_TIME = 20
"""Messages after which an engine is killed: more than a batch that is delivered again."""

KILLS, RECORDS, POISON_EVERY = 2, 300, 100
TEMPLATE = '{"id": <$.dynamodb.Keys.pk.S>, "note": "<$.dynamodb.NewImage.note.M>"}'
"""A note that is a map makes no JSON (X34): such a record is poison."""
PIPE = f"arn:aws:pipes:{REGION}:000000000000:pipe/orders-shipped"
DRY_RUN = ("run", "--pipe", "pipe.json", "--state", "state.sqlite3", "--dry-run")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


class Piped:
    """A table, two queues, a log group, and a pipe's file in ``folder``."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.served, self.folder = served, folder
        self.table = served.table()
        self.queue, target = served.queue()
        self.letters_queue, letters = served.queue()
        self.group = unique("/pipes")
        served.client("logs").create_log_group(logGroupName=self.group)
        self.request = {
            "Name": "orders-shipped",
            "RoleArn": ROLE,
            "Source": self.table.stream,
            "SourceParameters": {
                "FilterCriteria": {
                    "Filters": [{"Pattern": '{"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}'}]
                },
                "DynamoDBStreamParameters": {
                    "StartingPosition": "TRIM_HORIZON",
                    "BatchSize": 2,
                    "MaximumRetryAttempts": 0,
                    "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
                    "DeadLetterConfig": {"Arn": letters},
                },
            },
            "Target": target,
            "TargetParameters": {"InputTemplate": TEMPLATE},
            "LogConfiguration": {
                "Level": "ERROR",
                "CloudwatchLogsLogDestination": {
                    "LogGroupArn": f"arn:aws:logs:{REGION}:000000000000:log-group:{self.group}"
                },
            },
        }

    def keep(self, **changed: object) -> None:
        (self.folder / "pipe.json").write_text(json.dumps({**self.request, **changed}))

    def write(self) -> set[str]:
        """The names of the records that the queue should get."""
        wanted: set[str] = set()
        puts: list[dict] = []
        for n in range(RECORDS):
            item: dict = {"pk": {"S": f"k{n}"}, "status": {"S": "SHIPPED" if n % 4 else "OPEN"}}
            if n % POISON_EVERY == 1:
                item["note"] = {"M": {"by": {"S": "x"}}}
            elif n % 4:
                wanted.add(f"k{n}")
            puts.append({"PutRequest": {"Item": item}})
        for start in range(0, RECORDS, 25):
            self.served.client("dynamodb").batch_write_item(RequestItems={self.table.name: puts[start : start + 25]})
        return wanted

    @contextmanager
    def running(self, *more: str) -> Iterator[Process]:
        log = self.folder / "run.log"
        words = ["run", "--pipe", "pipe.json", "--state", "state.sqlite3", *more]
        path = os.pathsep.join([str(self.folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        with log.open("wb") as stderr:
            variables = environment(self.served.url, PYTHONPATH=path)
            process = launch(*words, env=variables, cwd=self.folder, stderr=stderr)
        try:
            wait_for(lambda: "pipe(s); state in" in log.read_text(), "the engine runs")
            yield process
        finally:
            process.kill()
            process.wait(WAIT_S)

    def taken(self, queue: str, read: Callable = json.loads) -> list:
        """What is in a queue, taken out of it."""
        sqs, found = self.served.client("sqs"), []
        while got := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            for one in got:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=one["ReceiptHandle"])
                found.append(read(one["Body"]))
        return found

    def is_explained(self, *, open: str, shipped: str) -> None:
        """The state file and the pipe's own file say what became of records, and which of a letter's are its own."""
        state, pipes, out = (str(self.folder / name) for name in ("state.sqlite3", "pipe.json", "plan.json"))

        def verb(*words: str) -> str:
            done = CliRunner().invoke(app, [*words, "--pipes", pipes], env=environment(self.served.url))
            assert done.exit_code == 0, done.stderr
            return done.stdout

        told = {key: json.loads(verb("why", key, "--state", state, "--json"))["records"] for key in (open, shipped)}
        assert [one["function"] for one in told[open]] == [PIPE] and "left out by filter 1" in told[open][0]["summary"]
        assert [one["outcome"] for one in told[shipped]] == ["delivered"]
        verb("redrive", "plan", "--queue", self.letters_queue, "--into", "memory:x", "--out", out)
        plan = json.loads(Path(out).read_text())
        assert plan["letters"] and all("SHIPPED" in one["filters"][0] and "why" not in one for one in plan["letters"])

    def logged(self) -> list[dict]:
        logs = self.served.client("logs")
        events = logs.filter_log_events(logGroupName=self.group)["events"]
        return [json.loads(one["message"]) for one in events]


@pytest.fixture
def piped(served: Served, tmp_path: Path) -> Piped:
    return Piped(served, tmp_path)


def test_kills_lose_nothing_between_a_table_and_a_queue(piped: Piped) -> None:
    wanted = piped.write()
    piped.keep()
    seen: set[str] = set()
    sqs, behind = piped.served.client("sqs"), list[int]()

    def look() -> int:
        """Take what has arrived; how many were not seen before."""
        before = len(seen)
        seen.update(one["id"] for one in piped.taken(piped.queue))
        return len(seen) - before

    def waiting() -> int:
        told = sqs.get_queue_attributes(QueueUrl=piped.queue, AttributeNames=["ApproximateNumberOfMessages"])
        return int(told["Attributes"]["ApproximateNumberOfMessages"])

    for _ in range(KILLS):
        with piped.running() as process:
            wait_for(lambda: waiting() >= AT_A_TIME, "records")
            process.kill()
            assert process.wait(WAIT_S) == -signal.SIGKILL
        look()
        behind.append(len(wanted - seen))
    assert min(behind) > 0, "every kill met an engine with work ahead"
    with piped.running() as process:
        wait_for(lambda: bool(look()) or seen >= wanted, "the rest arrives")
        wait_for(lambda: not look() and seen >= wanted, "and all of it")
        wait_for(lambda: len(piped.served.messages(piped.letters_queue)) >= RECORDS // POISON_EVERY, "letters")
        piped.served.client("dynamodb").update_table(
            TableName=piped.table.name, StreamSpecification={"StreamEnabled": False}
        )
        wait_for(lambda: "pipe stopped by itself" in (piped.folder / "run.log").read_text(), "it ends with its stream")
        process.terminate()
        assert process.wait(WAIT_S) == 0, (piped.folder / "run.log").read_text()
    assert seen == wanted, "nothing is lost, nothing else comes"
    piped.is_explained(open=f"k{RECORDS - 4}", shipped=f"k{RECORDS - 1}")
    letters = piped.taken(piped.letters_queue)
    assert {one["context"]["partnerResourceArn"] for one in letters} == {PIPE}
    assert len({one["DDBStreamBatchInfo"]["startSequenceNumber"] for one in letters}) == RECORDS // POISON_EVERY
    logged = piped.logged()
    assert {"TargetTransformationFailed", "ExecutionFailed"} <= {one["messageType"] for one in logged}
    assert {one["resourceArn"] for one in logged} == {PIPE}
    done = afterbay(*DRY_RUN, "--json", url=piped.served.url, cwd=piped.folder)
    (planned,) = json.loads(done.stdout)["planned"]
    assert [one["shard"] for one in planned["positions"]] == piped.table.shards()


def test_a_dry_run_says_what_would_run_and_from_where_and_starts_nothing(piped: Piped) -> None:
    piped.keep()
    done = afterbay(*DRY_RUN, "--json", url=piped.served.url, cwd=piped.folder)
    assert done.returncode == 0, done.stderr
    (planned,) = json.loads(done.stdout)["planned"]
    assert planned["kind"] == "pipe" and planned["name"].endswith("pipe/orders-shipped") and planned["enabled"]
    assert (planned["source"], planned["shards"], planned["positions"]) == (piped.table.stream, 1, [])
    assert not (piped.folder / "state.sqlite3").exists()

    piped.keep(Source=piped.table.stream.replace(piped.table.name, "nothing"))
    done = afterbay(*DRY_RUN, url=piped.served.url, cwd=piped.folder)
    assert done.returncode == 1 and "fault" in done.stdout and "begins at TRIM_HORIZON" in done.stdout


INLINE = """\
def handler(event, context):
    return [{"said": one["body"]} for one in event]
"""


def test_a_message_goes_through_an_inline_function_to_an_api_destination_and_a_stopped_pipe_reads_nothing(
    piped: Piped,
) -> None:
    (piped.folder / "inline.py").write_text(INLINE)
    (url, source), (still_url, still) = piped.served.queue(), piped.served.queue()
    with web() as server:
        common = {"RoleArn": ROLE, "Target": api_destination(piped.served, f"{server.url}/in")}
        enriched = {"Name": "asked", "Source": source, "Enrichment": f"arn:aws:lambda:{REGION}:000000000000:function:f"}
        stopped = {"Name": "still", "Source": still, "DesiredState": "STOPPED"}
        (piped.folder / "pipe.json").write_text(json.dumps([{**common, **enriched}, {**common, **stopped}]))
        for one in (still_url, url):
            piped.served.client("sqs").send_message(QueueUrl=one, MessageBody="hello")
        with piped.running("--inline", "inline:handler") as process:
            wait_for(lambda: server.seen, "the server is called")
            process.terminate()
            assert process.wait(WAIT_S) == 0, (piped.folder / "run.log").read_text()
        ((path, headers, body),) = server.seen
    assert (path, json.loads(body), headers["X-Key"]) == ("/in", {"said": "hello"}, "secret")
    assert piped.taken(url, read=str) == [] and piped.taken(still_url, read=str) == ["hello"]
