"""Letters of every destination on one address: listed, shown, planned and redriven through the command line (s10)."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from afterbay.cli.main import app
from afterbay.redrive.bucket import DONE_TAG
from integration.buses import World
from integration.forked import launch
from integration.pipes import Pipes, Queue, function
from integration.serving import Function, Served, Table, afterbay, child, environment, unique, wait_for

BAD = {"bad"}
LETTERS = 40
CARRIED = {
    "eventID": "0" * 32,
    "eventName": "INSERT",
    "eventVersion": "1.1",
    "eventSource": "aws:dynamodb",
    "awsRegion": "eu-west-1",
    "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/other/stream/2026-01-01T00:00:00.000",
    "dynamodb": {
        "ApproximateCreationDateTime": 1767225600.0,
        "Keys": {"pk": {"S": "carried"}},
        "NewImage": {"pk": {"S": "carried"}, "n": {"N": "7"}},
        "SequenceNumber": "1" * 25,
        "SizeBytes": 10,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    },
}
FAILING = "def handler(event, context):\n    raise ValueError('as planned')\n"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address"), "--archive", str(archive)) as one:
        yield one


class Desk:
    """The verbs on the address, and a sink to redrive into."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.served = served
        self.plan = folder / "plan.json"
        self.copy = folder / "copy.db"
        self.sink = f"sqlite:///{self.copy}?table=copy"

    def run(self, *words: str, code: int = 0) -> Result:
        """In this process: a verb of its own is mostly imports."""
        done = CliRunner().invoke(app, words, env=environment(self.served.url))
        assert done.exit_code == code, (words, done.stdout, done.stderr, done.exception)
        return done

    def told(self, *words: str, code: int = 0) -> dict:
        return json.loads(self.run(*words, "--json", code=code).stdout)

    def rows(self) -> int:
        with closing(sqlite3.connect(self.copy)) as file:
            try:
                return file.execute("SELECT count(*) FROM copy").fetchone()[0]
            except sqlite3.OperationalError:
                return 0  # not made yet

    def items(self) -> dict[str, object]:
        with closing(sqlite3.connect(self.copy)) as file:
            found = [json.loads(row[0]) for row in file.execute("SELECT item FROM copy_live")]
        return {one["pk"]: one["n"] for one in found}


@pytest.fixture
def desk(served: Served, tmp_path: Path) -> Desk:
    return Desk(served, tmp_path)


def discarding(
    served: Served, table: Table, destination: str, folder: Path, *, refused: Iterable[str] = BAD, **more: object
) -> Function:
    """A function that refuses the keys ``refused``, whose batches go to ``destination``."""
    made = served.function(folder)
    made.plan(*refused)
    served.client("lambda").create_event_source_mapping(
        FunctionName=made.name,
        EventSourceArn=table.stream,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": destination}},
        **{"BatchSize": 4, **more},
    )
    return made


def depth(queue: Queue) -> int:
    return queue.left()


@pytest.fixture
def everywhere(served: Served, tmp_path: Path) -> Iterator[dict[str, Queue | str]]:
    """A letter in a queue, behind a topic, in a bucket, of a pipe and of a rule."""
    queue, behind, of_pipe, of_rule = (Queue(served) for _ in range(4))
    sns = served.client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=behind.arn)
    bucket = unique("bucket")
    s3 = served.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    table = served.table()
    table.put("bad", n=1)
    table.put("noise", n=2)
    table.put("also", n=3)
    filters = [{"Pattern": json.dumps({"dynamodb": {"Keys": {"pk": {"S": [{"anything-but": "noise"}]}}}})}]
    discarding(served, table, queue.arn, tmp_path, FilterCriteria={"Filters": filters})
    discarding(served, table, topic, tmp_path)
    discarding(served, table, f"arn:aws:s3:::{bucket}", tmp_path)
    pipes = Pipes(served)
    reading = {"BatchSize": 4, "MaximumRetryAttempts": 0, "DeadLetterConfig": {"Arn": of_pipe.arn}}
    pipes.make(table.stream, function(served, FAILING), reading=reading)
    world = World(served)
    bus = world.bus()
    gone = "arn:aws:lambda:eu-west-1:000000000000:function:gone"
    world.rule(bus, {"Arn": gone, "DeadLetterConfig": {"Arn": of_rule.arn}, "RetryPolicy": {"MaximumRetryAttempts": 0}})
    world.put(bus, CARRIED)
    wait_for(lambda: all(depth(one) == 1 for one in (queue, behind, of_pipe, of_rule)), "every queue has its letter")
    wait_for(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"), "the bucket has its letter")
    yield {"queue": queue, "behind": behind, "pipe": of_pipe, "rule": of_rule, "bucket": bucket}
    pipes.close()
    world.close()


@pytest.mark.timeout(120)
def test_letters_of_every_destination_are_listed_shown_and_redriven(served, desk, everywhere):
    queue, behind, bucket = everywhere["queue"], everywhere["behind"], everywhere["bucket"]
    s3 = served.client("s3")

    listed = desk.told("deadletters", "list")  # no place named: all that mappings, pipes and rules have
    assert sorted(one["kind"] for one in listed["letters"]) == ["mapping"] * 3 + ["pipe", "rule"]
    assert listed["unreadable"] == [] and listed["not_shown"] == 0
    by_kind = {one["kind"]: one for one in listed["letters"]}
    assert by_kind["rule"]["error"] and by_kind["rule"]["target"].endswith(":gone")
    assert by_kind["pipe"]["owner"].startswith("arn:aws:pipes:")
    assert all(86_000 < one["time_left_s"] <= 86_400 for one in listed["letters"] if one["kind"] != "rule")

    shown = desk.told("deadletters", "show", "--queue", queue.url)["letters"]
    assert [[one["key"]["pk"] for one in letter["records"]] for letter in shown] == [["bad", "also"]]
    assert len(shown[0]["left_out_by_filter"]) == 1 and shown[0]["records"][0]["new"] == {"pk": "bad", "n": 1}
    enveloped = desk.told("deadletters", "show", "--topic-queue", behind.url)["letters"]
    assert [[one["key"]["pk"] for one in letter["records"]] for letter in enveloped] == [["bad", "noise", "also"]]
    in_bucket = desk.run("deadletters", "show", "--bucket", f"s3://{bucket}/aws/lambda/").stdout
    assert "INSERT bad  +n: 1" in in_bucket

    places = ["--queue", queue.url, "--topic-queue", behind.url, "--bucket", f"s3://{bucket}/"]
    places += ["--queue", everywhere["pipe"].url, "--queue", everywhere["rule"].url]
    plan = desk.told("redrive", "plan", *places, "--into", desk.sink, "--out", str(desk.plan))
    assert [one["wanted"] for one in plan["letters"]] == ["redrive"] * 5
    assert {record["guard"] for one in plan["letters"] for record in one["records"]} == {"would apply"}
    assert depth(queue) == depth(behind) == 1 and not desk.copy.exists()

    refused = desk.run("redrive", "apply", str(desk.plan), code=2)
    assert "--yes" in refused.stderr and depth(queue) == 1
    done = desk.told("redrive", "apply", str(desk.plan), "--yes")
    assert done["letters"]["done"] == 5 and set(done["records"]) == {"applied", "duplicate"}
    assert desk.items() == {"bad": 1, "noise": 2, "also": 3, "carried": 7}
    assert all(depth(everywhere[name]) == 0 for name in ("queue", "behind", "pipe", "rule"))
    (key,) = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert [one["Key"] for one in s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]] == [DONE_TAG]

    assert desk.told("redrive", "apply", str(desk.plan), "--yes")["letters"]["already done"] == 5


@pytest.mark.timeout(120)
def test_what_is_no_letter_and_what_is_trimmed_stay_where_they_are_and_bodies_that_were_kept_go(
    served, desk, archive, tmp_path
):
    """s10 on the address: through the letter's own function, with a message of nobody's beside it."""
    queue, table = Queue(served), served.table()
    table.put("bad", n=1)
    discarding_function = discarding(served, table, queue.arn, tmp_path)
    wait_for(lambda: depth(queue) == 1, "the letter")
    queue.send(json.dumps({"Records": [{"messageId": "x", "body": "hello"}]}))
    where = ["--queue", queue.url, "--out", str(desk.plan)]
    planned = desk.told("redrive", "plan", *where, code=1)
    assert sorted(one["wanted"] for one in planned["letters"]) == ["redrive", "unknown"]

    served.call("clock", advance_s=25 * 3600)
    lost = desk.run("redrive", "plan", *where, code=1)
    assert "trimmed" in lost.stdout and f"afterbay verify {table.name} --against SINK --repair --yes" in lost.stdout
    left = desk.run("redrive", "apply", str(desk.plan), "--yes", code=1)
    assert "lost" in left.stdout and depth(queue) == 2

    kept = desk.told("deadletters", "show", "--queue", queue.url, "--archive", str(archive))["letters"]
    assert [one["key"] for letter in kept for one in letter.get("records", [])] == [{"pk": "bad"}]
    desk.told("redrive", "plan", *where, "--archive", str(archive), code=1)  # the unknown one is still unknown
    failed = desk.run("redrive", "apply", str(desk.plan), "--yes", code=1)
    assert "1 failed" in failed.stdout and "as planned" in failed.stderr and depth(queue) == 2
    discarding_function.plan()
    desk.run("redrive", "apply", str(desk.plan), "--yes")
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in discarding_function.records()] == ["bad"]
    assert depth(queue) == 1, "what is nobody's was left alone"


@pytest.mark.timeout(120)
def test_an_apply_that_is_killed_and_run_again_leaves_nothing_out_and_sends_nothing_wrong(served, desk, tmp_path):
    """Real processes, killed while letters are on their way (E17). What a killed one held comes back after a minute."""
    queue, table = Queue(served), served.table()
    keys = [f"k{number}" for number in range(LETTERS)]
    discarding(served, table, queue.arn, tmp_path, refused=keys, BatchSize=1, ParallelizationFactor=10)
    table.put(*keys, n=1)
    wait_for(lambda: depth(queue) == LETTERS, "every record has its letter")
    desk.told("redrive", "plan", "--queue", queue.url, "--into", desk.sink, "--out", str(desk.plan))
    words = ("redrive", "apply", str(desk.plan), "--yes", "--json")
    for reach in (5, 15):
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with launch(*words, env=environment(served.url), **nowhere) as process:
            wait_for(lambda reach=reach: desk.copy.exists() and desk.rows() >= reach, f"{reach} records are there")
            process.kill()
        assert process.returncode < 0 and desk.rows() < LETTERS, "it was killed on the way"
        served.call("clock", advance_s=61)
    done = desk.told("redrive", "apply", str(desk.plan), "--yes")
    assert done["letters"]["done"] + done["letters"]["already done"] == LETTERS and done["letters"]["already done"] > 0
    assert desk.items() == dict.fromkeys(keys, 1) and depth(queue) == 0
    assert desk.told("redrive", "apply", str(desk.plan), "--yes")["letters"]["already done"] == LETTERS


def test_letters_that_were_not_sent_are_listed_from_the_address(served, desk, tmp_path):
    queue, table = Queue(served), served.table()
    table.put("bad")
    served.call("faults", service="sqs", operation="SendMessage", error="ServiceUnavailable", times=1_000)
    discarding(served, table, queue.arn, tmp_path)
    wait_for(lambda: any(one["tries"] for one in desk_outbox(desk)), "a send has failed")
    (told,) = desk_outbox(desk)
    assert told["destination"] == queue.arn and told["last_error"] and told["batch_size"] == 1
    assert queue.arn in desk.run("deadletters", "list", "--outbox").stdout
    served.call("faults", "DELETE")


def desk_outbox(desk: Desk) -> list[dict]:
    return desk.told("deadletters", "list", "--outbox")["letters"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["deadletters", "list", "--queue", "orders-dlq"], "is no queue's URL"),
        (["deadletters", "list", "--bucket", "orders"], "is not a place in S3"),
        (["deadletters", "list", "--state", "file"], "--outbox --state file"),
        (["redrive", "plan", "--out", "p", "--into", "memory:x", "--function", "f"], "exclude each other"),
        (["redrive", "plan", "--out", "p", "--into", "nothing://x"], "there is no sink"),
        (["redrive", "plan", "--out", "p", "--function", "no-such"], "there is no function 'no-such'"),
        (["redrive", "apply", "no-such-plan"], "cannot be read"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_misuse_is_told_in_one_line(desk: Desk, words: list[str], told: str) -> None:
    done = desk.run(*words, code=2)
    assert told in done.stderr and len(done.stderr.splitlines()) == 1 and done.stdout == ""


def test_a_verb_of_its_own_finds_the_address_by_its_environment(served: Served) -> None:
    queue = Queue(served)
    queue.send("hello")
    done = afterbay("deadletters", "list", "--queue", queue.url, "--json", url=served.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert [one["kind"] for one in json.loads(done.stdout)["letters"]] == ["unknown"]
