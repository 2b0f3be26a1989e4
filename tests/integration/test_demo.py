"""``afterbay demo`` as a user starts it: what it prints, how it ends, and that nothing of it stays behind."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

DEMO = (sys.executable, "-m", "afterbay", "demo")
WAIT_S = 60


def demo(*words: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, *words], capture_output=True, text=True, timeout=WAIT_S, check=False, **more)


def test_all_checks_hold_and_json_is_one_object():
    done = demo("--orders", "30", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["held"] is True
    assert told["failed"] == []
    assert [check["held"] for check in told["checks"]] == [True] * 5
    assert (told["orders"], told["letters"], told["retries"]) == (30, 1, 3)
    assert told["kept"] is None
    commands = [line for line in done.stderr.splitlines() if line.startswith("$ aws")]
    assert all("--endpoint-url" in line for line in commands if " sqs " in line)
    assert any("create-event-source-mapping" in line for line in commands)


def test_a_kept_address_serves_on_until_it_is_killed():
    done = demo("--orders", "8", "--keep", "--json")

    assert done.returncode == 0, done.stderr
    kept = json.loads(done.stdout)["kept"]
    folder = Path(kept["folder"])
    try:
        assert list(folder.glob("afterbay-dev-*"))
        port = int(kept["url"].rpartition(":")[2])
        assert answers(port)
        status = [sys.executable, "-m", "afterbay", "status", "--endpoint-url", kept["url"], "--json"]
        told = subprocess.run(status, capture_output=True, timeout=WAIT_S, check=True).stdout
        assert [mapping["state"] for mapping in json.loads(told)["mappings"]] == ["Enabled"]
    finally:
        subprocess.run(["kill", str(kept["pid"])], check=True)
        # It goes on clearing its own folder away after the port is closed; what is left then is the demo's.
        until(lambda: not list(folder.glob("afterbay-dev-*")))
        assert not answers(port)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_the_address_never_outlives_a_demo_that_is_stopped(number, exit_code, tmp_path):
    process = subprocess.Popen(
        [*DEMO, "--orders", "500"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # killed outright, it cannot clear its folder away
        # What a shell starts in the background ignores Ctrl-C, and so would everything below it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        line = process.stderr.readline()
        port = int(re.search(r"dev --port (\d+)", line)[1])
        until(lambda: answers(port))

        process.send_signal(number)
        process.communicate(timeout=WAIT_S)

    assert process.returncode == exit_code
    until(lambda: not answers(port))


def test_a_taken_port_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = demo("--port", str(port))

    assert done.returncode == 1
    assert "--port" in done.stderr.splitlines()[-1]
    assert str(port) in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("orders", ["0", "-3", "7000", "many"])
def test_a_wrong_number_of_orders_is_misuse(orders):
    done = demo("--orders", orders)

    assert done.returncode == 2
    assert "--orders" in done.stderr


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that no event of ours announces: it comes true in another process."""
    deadline, pause = time.monotonic() + WAIT_S, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        pause.wait(0.05)
