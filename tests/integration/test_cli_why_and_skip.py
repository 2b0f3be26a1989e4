"""``why``, ``pause``, ``resume`` and ``skip``: on the local address, and on the file of a stopped engine.

The verbs run in this process, or starting Python would be most of the time.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from afterbay.cli.main import app
from integration.forked import Process, launch
from integration.serving import WAIT_S, Function, Served, Table, child, environment, unique, wait_for

SHIPPED = json.dumps({"dynamodb": {"NewImage": {"pk": {"S": [{"anything-but": {"prefix": "draft"}}]}}}})
UNDER_WAY = ("waiting", "in flight")
"""A record that fails again and again is one or the other."""

FAILING = """\
def handler(event, context):
    if any(record["dynamodb"]["Keys"]["pk"]["S"] == "bad" for record in event["Records"]):
        raise ValueError("as planned")
"""


def afterbay(*words: str, url: str) -> Result:
    """A verb, with nothing of this machine's settings."""
    wanted = environment(url)
    clean = {name: None for name in os.environ if name not in wanted}
    done = CliRunner().invoke(app, list(words), env={**clean, **wanted})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


@pytest.fixture(scope="module")
def blocked(served: Served, tmp_path_factory: pytest.TempPathFactory) -> tuple[Function, str]:
    """A mapping that a record blocks: its function and UUID."""
    function, table = served.function(tmp_path_factory.mktemp("function")), served.table()
    function.plan("bad")
    table.put("draft-1", "fine")
    made = served.client("lambda").create_event_source_mapping(
        FunctionName=function.name,
        EventSourceArn=table.stream,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        FilterCriteria={"Filters": [{"Pattern": SHIPPED}]},
    )
    wait_for(lambda: function.records(), "the first record is delivered")
    table.put("bad", "later")
    wait_for(lambda: any(one["blocked_by"] for one in served.status(made["UUID"])["shards"]), "the shard is blocked")
    return function, made["UUID"]


def why(served: Served, *words: str) -> list[dict]:
    done = afterbay("why", *words, "--json", url=served.url)
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)["records"]


def test_a_blocked_shard_is_explained_paused_resumed_and_unblocked(served: Served, blocked) -> None:
    function, uuid = blocked
    (bad,) = why(served, "bad")
    assert bad["outcome"] in UNDER_WAY and (bad["mapping"], bad["key"]) == (uuid, {"pk": {"S": "bad"}})
    assert "as planned" in [one.get("error_message") for one in bad["events"]]
    (later,) = why(served, "later", "--mapping", function.name)
    assert later["waits"]["ahead"] == 1 and bad["sequence_number"] in later["summary"]
    (fine,) = why(served, "fine", "--show-images")
    assert fine["outcome"] == "delivered" and fine["record"]["dynamodb"]["NewImage"]["pk"] == {"S": "fine"}
    told = afterbay("why", "draft-1", url=served.url)
    assert 'left out by filter 1: dynamodb.NewImage.pk.S was "draft-1", wanted anything-but' in told.stdout
    nobody = afterbay("why", "never-written", url=served.url)
    assert (nobody.exit_code, nobody.stdout) == (1, "") and "never-written" in nobody.stderr

    paused = afterbay("pause", function.name, "--json", url=served.url)
    assert json.loads(paused.stdout)["state"] == "Disabled" and json.loads(paused.stdout)["blocked_by"]
    words = ("skip", function.name, "--shard", bad["shard"], "--through", bad["sequence_number"])
    resting = afterbay(*words, url=served.url)
    assert resting.exit_code == 2 and "the mapping is Disabled" in resting.stderr
    resumed = afterbay("resume", uuid, url=served.url)
    assert f"mapping {uuid} of {function.name}: Enabled" in resumed.stdout
    assert "the oldest record that waits is" in resumed.stdout
    wait_for(lambda: any(one["blocked_by"] for one in served.status(uuid)["shards"]), "the shard is blocked again")

    url, arn = served.queue()
    nowhere = afterbay(*words, "--yes", url=served.url)
    assert nowhere.exit_code == 2 and "--letter-to" in nowhere.stderr
    plan = afterbay(*words, "--letter-to", arn, url=served.url)
    assert plan.exit_code == 2 and "--yes" in plan.stderr and "would skip 1 record(s) of 1 item(s)" in plan.stdout
    assert served.messages(url) == [] and why(served, "bad")[0]["outcome"] in UNDER_WAY, "a plan changes nothing"
    done = afterbay(*words, "--letter-to", arn, "--yes", "--json", url=served.url)
    assert done.exit_code == 0 and json.loads(done.stdout)["left"] == 0
    wait_for(lambda: "later" in [one["dynamodb"]["Keys"]["pk"]["S"] for one in function.records()], "the shard goes on")
    (letter,) = wait_for(lambda: served.messages(url), "the letter is there")
    assert letter["requestContext"]["condition"] == "SkippedByOperator"
    assert letter["DDBStreamBatchInfo"]["endSequenceNumber"] == bad["sequence_number"]
    (skipped,) = why(served, bad["sequence_number"])
    assert skipped["outcome"] == "skipped"
    again = afterbay(*words, "--letter-to", arn, "--yes", url=served.url)
    assert again.exit_code == 0 and "nothing is unfinished" in again.stderr


def test_the_address_refuses_what_it_cannot_answer(served: Served) -> None:
    for words, said in (
        (("why", "{"), "is no key"),
        (("pause", "nobody"), "no function with a mapping and no pipe is called nobody"),
        (("skip", "nobody", "--shard", "s", "--through", "x"), "--through"),
        (("pause", "f", "--state", "state"), '"Enabled": false'),
    ):
        done = afterbay(*words, url=served.url)
        assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1


class Engine:
    """``afterbay run`` on a table, with a function that refuses one record."""

    def __init__(self, served: Served, table: Table, folder: Path) -> None:
        self.served, self.folder, self.table = served, folder, table
        (folder / "inline.py").write_text(FAILING)
        mapping = {"FunctionName": "f", "EventSourceArn": table.stream, "StartingPosition": "TRIM_HORIZON"}
        (folder / "mapping.json").write_text(json.dumps({**mapping, "BatchSize": 1}))
        path = os.pathsep.join(one for one in (str(folder), os.environ.get("PYTHONPATH")) if one)
        self.variables = environment(served.url, PYTHONPATH=path)

    def verb(self, *words: str) -> Result:
        files = ("--state", str(self.folder / "state.sqlite3"), "--mappings", str(self.folder / "mapping.json"))
        return afterbay(*words, *files, url=self.served.url)

    def start(self) -> Process:
        words = ["run", "--mapping", "mapping.json", "--state", "state.sqlite3", "--inline", "inline:handler"]
        with (self.folder / "run.log").open("wb") as stderr:
            return launch(*words, env=self.variables, cwd=self.folder, stderr=stderr)

    def story(self, key: str) -> dict | None:
        done = self.verb("why", key, "--json")
        found = json.loads(done.stdout)["records"] if done.exit_code == 0 else []
        return found[0] if found else None


def test_a_stopped_engine_is_unblocked_in_its_file(served: Served, tmp_path: Path) -> None:
    table = served.table()
    table.put("bad", "later")
    engine = Engine(served, table, tmp_path)
    url, arn = served.queue()
    running = engine.start()
    try:
        bad = wait_for(lambda: (one := engine.story("bad")) and one["outcome"] in UNDER_WAY and one, "it is blocked")
        kinds = [one.get("error_type") for one in bad["events"]]
        assert "ValueError" in kinds and not any(one.get("error_message") for one in bad["events"]), "no text in a file"
        assert bad["key"] == {"pk": {"S": "bad"}}, "read again: the file has a mark only"
        words = ("skip", "f", "--shard", bad["shard"], "--through", bad["sequence_number"], "--letter-to", arn)
        busy = engine.verb(*words, "--yes")
        assert busy.exit_code == 1 and "in use" in busy.stderr and "stop that engine first" in busy.stderr
        running.send_signal(signal.SIGTERM)
        assert running.wait(WAIT_S) == 0
        plan = engine.verb(*words)
        assert plan.exit_code == 2 and "would skip 1 record(s)" in plan.stdout
        done = engine.verb(*words, "--yes", "--json")
        assert done.exit_code == 0 and json.loads(done.stdout)["records"] == 1, done.stderr
        assert engine.verb(*words, "--yes").stderr.startswith("nothing is unfinished")
        running = engine.start()
        wait_for(lambda: (one := engine.story("later")) and one["outcome"] == "delivered", "the shard goes on")
        (letter,) = wait_for(lambda: served.messages(url), "the letter was sent")
        assert letter["requestContext"]["condition"] == "SkippedByOperator"
    finally:
        running.kill()
        running.wait(WAIT_S)


def test_a_pipe_is_paused_and_resumed_by_its_name(served: Served) -> None:
    name, (_, arn) = unique("p"), served.queue()
    served.client("pipes").create_pipe(
        Name=name,
        RoleArn="arn:aws:iam::000000000000:role/any",
        Source=served.table().stream,
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
        Target=arn,
    )
    assert f"pipe {name}: STOPPED" in afterbay("pause", name, url=served.url).stdout
    done = afterbay("resume", name, "--json", url=served.url)
    assert json.loads(done.stdout)["state"] == "RUNNING"
