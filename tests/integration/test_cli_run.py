"""``afterbay run`` as a program: what a mapping file may hold, who may use a state file, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integration.serving import AFTERBAY, WAIT_S, Served, Table, afterbay, child, environment, wait_for

STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
GOOD = {"FunctionName": "f", "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON"}
INLINE = """\
import os
from pathlib import Path


def handler(event, context):
    folder = Path(os.environ["FOLDER"])
    (folder / "started").touch()
    while not (folder / "go").exists():
        pass
    with (folder / "seen").open("a") as out:
        for record in event["Records"]:
            out.write(record["dynamodb"]["Keys"]["pk"]["S"] + "\\n")
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


class Engine:
    """``afterbay run`` in ``folder`` with the handler above."""

    def __init__(self, served: Served, table: Table, folder: Path) -> None:
        self.folder = folder
        (folder / "inline.py").write_text(INLINE)
        (folder / "mapping.json").write_text(json.dumps({**GOOD, "EventSourceArn": table.stream}))
        self.log = folder / "run.log"
        self.variables = environment(served.url, FOLDER=str(folder), PYTHONPATH=str(folder))

    @property
    def command(self) -> list[str]:
        words = ["run", "--mapping", "mapping.json", "--state", "state.sqlite3", "--inline", "inline:handler"]
        return [*AFTERBAY, *words]

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("wb") as stderr:
            process = subprocess.Popen(self.command, cwd=self.folder, env=self.variables, stderr=stderr)
        try:
            wait_for(lambda: "running 1 mapping" in self.log.read_text(), "the engine runs")
            yield process
        finally:
            process.kill()
            process.wait(WAIT_S)

    def seen(self) -> list[str]:
        file = self.folder / "seen"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def table(served: Served) -> Table:
    return served.table()


@pytest.fixture
def engine(served: Served, table: Table, tmp_path: Path) -> Engine:
    return Engine(served, table, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_finishes_what_is_in_flight_saves_it_and_ends_with_0(engine, table, number):
    table.put("a")
    with engine.running() as process:
        wait_for((engine.folder / "started").exists, "the handler is at work")
        process.send_signal(number)
        assert process.poll() is None
        (engine.folder / "go").touch()
        assert process.wait(WAIT_S) == 0, engine.log.read_text()
        assert engine.seen() == ["a"]
        assert engine.log.read_text().splitlines()[-1] == "drained"
    table.put("b")
    with engine.running() as process:
        wait_for(lambda: engine.seen()[-1] == "b", "it goes on")
        process.send_signal(number)
        assert process.wait(WAIT_S) == 0
    assert engine.seen() == ["a", "b"], "what was finished in the drain is not delivered again"


def test_a_second_engine_on_one_state_file_is_refused_in_one_line(engine, table):
    (engine.folder / "go").touch()
    with engine.running() as first:
        second = subprocess.run(
            engine.command, cwd=engine.folder, env=engine.variables, capture_output=True, text=True, timeout=60
        )
        assert second.returncode == 1
        (line,) = second.stderr.splitlines()
        assert "state.sqlite3" in line and str(first.pid) in line and "--state" in line
        table.put("k")
        wait_for(lambda: engine.seen() == ["k"], "the first one works on")


def test_two_mappings_of_one_file_run_side_by_side(served, engine, table):
    other = served.table()
    (engine.folder / "go").touch()
    wanted = [{**GOOD, "EventSourceArn": one.stream, "FunctionName": "f"} for one in (table, other)]
    (engine.folder / "mapping.json").write_text(json.dumps(wanted))
    table.put("a")
    other.put("b")
    with engine.log.open("wb") as stderr:
        process = subprocess.Popen(engine.command, cwd=engine.folder, env=engine.variables, stderr=stderr)
    try:
        wait_for(lambda: sorted(engine.seen()) == ["a", "b"], "both are delivered")
        assert "running 2 mapping(s)" in engine.log.read_text()
        process.terminate()
        assert process.wait(WAIT_S) == 0
    finally:
        process.kill()
        process.wait(WAIT_S)


def test_metrics_are_written_where_asked(served, engine, table):
    (engine.folder / "go").touch()
    wanted = {**GOOD, "EventSourceArn": table.stream, "FunctionName": "measured"}
    (engine.folder / "mapping.json").write_text(json.dumps({**wanted, "MetricsConfig": {"Metrics": ["EventCount"]}}))
    for key in ("a", "b"):
        table.put(key)
    command = [*engine.command, "--metrics", "orders"]
    with engine.log.open("wb") as stderr:
        process = subprocess.Popen(command, cwd=engine.folder, env=engine.variables, stderr=stderr)
    try:
        wait_for(lambda: sorted(engine.seen()) == ["a", "b"], "both are delivered")
        process.terminate()
        assert process.wait(WAIT_S) == 0, engine.log.read_text()
    finally:
        process.kill()
        process.wait(WAIT_S)
    cloudwatch = served.client("cloudwatch")
    listed = cloudwatch.list_metrics(Namespace="orders")["Metrics"]
    by_function = {one["MetricName"] for one in listed if one["Dimensions"][0]["Name"] == "FunctionName"}
    by_mapping = {one["MetricName"] for one in listed if one["Dimensions"][0]["Name"] == "EventSourceMappingUUID"}
    assert by_function == {"IteratorAge", "Invocations", "Errors", "Duration"}
    assert by_mapping == {"PolledEventCount", "FilteredOutEventCount", "InvokedEventCount"}
    now = datetime.now(UTC)
    (point,) = cloudwatch.get_metric_statistics(
        Namespace="orders",
        MetricName="InvokedEventCount",
        Dimensions=next(one["Dimensions"] for one in listed if one["MetricName"] == "InvokedEventCount"),
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7200,
        Statistics=["Sum"],
    )["Datapoints"]
    assert point["Sum"] == 2


REFUSED = {
    "no JSON": ("{", "", "is not JSON"),
    "nothing in it": ([], "", "no mapping"),
    "no object": (["text"], "[0]", "str"),
    "a misspelt name": ({**GOOD, "BatchSise": 5}, "", "'BatchSise'"),
    "a number out of range": ({**GOOD, "BatchSize": 0}, "", "'0' at 'batchSize'"),
    "a number of another type": ({**GOOD, "BatchSize": "ten"}, "", "BatchSize"),
    "a stream that is none": ({**GOOD, "EventSourceArn": "orders"}, "", "EventSourceArn"),
    "no starting position": ({"FunctionName": "f", "EventSourceArn": STREAM}, "", "'startingPosition'"),
    "a position for other sources": ({**GOOD, "StartingPosition": "AT_TIMESTAMP"}, "", "starting position"),
    "an age below the least": ({**GOOD, "MaximumRecordAgeInSeconds": 59}, "", "MaximumRecordAgeInSeconds"),
    "counts that nobody writes": ({**GOOD, "MetricsConfig": {"Metrics": ["EventCount"]}}, "", "--metrics NAMESPACE"),
    "a key of Lambda's": ({**GOOD, "KMSKeyArn": "arn:aws:kms:eu-west-1:000000000000:key/k"}, "", "KMSKeyArn"),
    "the second of a list": (
        [GOOD, {**GOOD, "FunctionName": "g", "BatchSize": 10001}],
        "[1]",
        "'10001' at 'batchSize'",
    ),
    "one mapping twice": ([GOOD, GOOD], "[1]", "same as in an earlier mapping"),
}


@pytest.mark.parametrize(("content", "place", "named"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_mapping_file_is_refused_by_file_place_and_value(tmp_path, content, place, named):
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "mapping.json").write_text(text)
    done = afterbay("run", "--mapping", "mapping.json", "--state", "state.sqlite3", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"afterbay: mapping.json{place}: ")
    assert named in line
    assert not (tmp_path / "state.sqlite3").exists(), "refused before anything is started"


def test_a_mapping_file_that_is_missing_is_named(tmp_path):
    done = afterbay("run", "--mapping", "nothing.json", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "nothing.json" in line and "No such file" in line


@pytest.mark.parametrize("inline", ["nowhere:handler", "json:nothing", "json"])
def test_an_inline_function_that_is_not_there_is_named(tmp_path, inline):
    (tmp_path / "mapping.json").write_text(json.dumps(GOOD))
    done = afterbay("run", "--mapping", "mapping.json", "--inline", inline, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert inline.partition(":")[0] in line


def test_a_state_file_that_is_none_is_left_as_it_is(tmp_path):
    (tmp_path / "mapping.json").write_text(json.dumps(GOOD))
    (tmp_path / "letter.txt").write_text("Dear all")
    done = afterbay("run", "--mapping", "mapping.json", "--state", "letter.txt", cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "letter.txt" in line and "--state" in line
    assert (tmp_path / "letter.txt").read_text() == "Dear all"
