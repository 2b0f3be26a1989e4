"""What the fork server forks off is to a test what ``python -m afterbay`` is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from integration.forked import launch
from integration.serving import AFTERBAY, READY, WAIT_S, environment, wait_for

SESSION = """\
import sys
from integration.forked import launch
from integration.serving import environment
with open("log", "wb") as log:
    process = launch("dev", "--port", "0", env=environment(), stderr=log)
print(process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "words",
    [
        ("match", "pattern.json", "event.json"),
        ("no-such-verb",),
        ("run", "--mapping", "mapping.json", "--inline", "inline:handler", "--state", "state.sqlite3"),
    ],
    ids=lambda words: words[0],
)
def test_it_says_and_ends_as_the_program_does(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "pattern.json").write_text('{"detail": {"n": [1]}}')
    (tmp_path / "event.json").write_text('{"detail": {"n": 2}}')
    (tmp_path / "mapping.json").write_text("[{}]")
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        ended = launch(*words, env=environment(), cwd=tmp_path, stdout=stdout, stderr=stderr).wait(WAIT_S)
    program = subprocess.run(
        [*AFTERBAY, *words], cwd=tmp_path, env=environment(), capture_output=True, timeout=WAIT_S, check=False
    )
    assert (ended, out.read_bytes(), err.read_bytes()) == (program.returncode, program.stdout, program.stderr)


def test_a_signal_that_it_does_not_handle_ends_it_by_name(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        process = launch("dev", "--port", "0", env=environment(), stderr=log)
    wait_for(lambda: READY.search((tmp_path / "log").read_text()), "it is ready")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(WAIT_S) == process.poll() == -signal.SIGUSR1


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")
def test_it_ends_with_the_session_that_launched_it(tmp_path: Path) -> None:
    path = os.pathsep.join(sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", SESSION],
        cwd=tmp_path,
        env=environment(PYTHONPATH=path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as session:
        assert session.stdout is not None
        pid = int(session.stdout.readline())
        wait_for(lambda: READY.search((tmp_path / "log").read_text()), "it is ready")
        session.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "it is gone")
