"""``afterbay dev`` as a program: ready, refused, drained."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.serving import AFTERBAY, READY, ROLE, WAIT_S, Served, environment, wait_for, zipped

EXAMPLE = Path(__file__).parents[2] / "examples/sam-python/template.yaml"
WAITING = """\
import os
from pathlib import Path


def handler(event, context):
    folder = Path(os.environ["FOLDER"])
    (folder / "started").touch()
    while not (folder / "go").exists():
        pass
    (folder / "finished").touch()
"""


def afterbay(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*AFTERBAY, *words], env=environment(), capture_output=True, text=True, timeout=WAIT_S, check=False
    )


@contextmanager
def started(folder: Path) -> Iterator[Served]:
    """An address whose end is the test's own doing; killed if the test did not end it."""
    log = folder / "dev.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*AFTERBAY, "dev", "--port", "0"], env=environment(), stdout=subprocess.DEVNULL, stderr=stderr
        )
    try:
        served = Served(wait_for(lambda: READY.search(log.read_text()), "ready")[1], process, log)
        yield served
        served.close()
    finally:
        process.kill()
        process.wait(WAIT_S)


def test_a_port_that_is_taken_is_said_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = afterbay("dev", "--port", str(port))
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1 and str(port) in done.stderr, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "named"), [(("--host", "nowhere.invalid"), "nowhere.invalid"), (("--port", "70000"), "65535")]
)
def test_a_wrong_option_is_refused_by_value_or_bound(words, named):
    done = afterbay("dev", *words)
    assert done.returncode == 2
    assert named in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_lets_the_function_finish_and_ends_with_0(tmp_path, number):
    with started(tmp_path) as served:
        table = served.table()
        served.client("lambda").create_function(
            FunctionName="slow",
            Runtime="python3.11",
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": zipped(app=WAITING)},
            Timeout=60,
            Environment={"Variables": {"FOLDER": str(tmp_path)}},
        )
        served.client("lambda").create_event_source_mapping(
            FunctionName="slow", EventSourceArn=table.stream, StartingPosition="TRIM_HORIZON"
        )
        table.put("k")
        wait_for((tmp_path / "started").exists, "the function is at work")
        served.process.send_signal(number)
        wait_for(lambda: "draining" in served.log.read_text(), "the address heard it")
        assert served.process.poll() is None and not (tmp_path / "finished").exists()
        (tmp_path / "go").touch()
        assert served.process.wait(WAIT_S) == 0, served.log.read_text()
        assert (tmp_path / "finished").exists(), "what was in flight finished"
        assert "Traceback" not in served.log.read_text()


def test_a_signal_while_the_template_is_made_ends_with_0_too(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    log = tmp_path / "dev.log"
    words = ("dev", str(EXAMPLE), "--port", str(port))
    with log.open("wb") as stderr:
        process = subprocess.Popen([*AFTERBAY, *words], env={**environment(), "TMPDIR": str(tmp_path)}, stderr=stderr)
    try:
        wait_for(lambda: _listens(port), "the address listens")
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0, log.read_text()
    finally:
        process.kill()
        process.wait(WAIT_S)
    assert log.read_text().splitlines()[-1].startswith("draining")
    assert [one.name for one in tmp_path.iterdir()] == ["dev.log"], "no folder of the address is left behind"


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_health_status_and_reset_answer_json(tmp_path):
    with started(tmp_path) as served:
        with urllib.request.urlopen(served.url + "/_afterbay/health", timeout=WAIT_S) as answer:
            assert (answer.status, json.loads(answer.read())) == (200, {"ready": True})
        served.table()
        served.queue()
        served.call("reset")
        assert served.client("dynamodb").list_tables()["TableNames"] == []
        assert served.client("sqs").list_queues().get("QueueUrls", []) == []
        assert served.call("status", "GET")["mappings"] == []


def test_help_shows_an_example_and_every_option():
    done = afterbay("dev", "--help")
    assert done.returncode == 0
    for word in ("--port", "--host", "Example"):
        assert word in done.stdout
