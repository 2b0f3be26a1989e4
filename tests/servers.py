"""Real servers for tests: started by ``scripts/servers`` when a test first asks, stopped when the session ends.

A server that this machine cannot run skips its tests with the reason (in CI that is a failure, see conftest.py).
"""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts" / "servers"
SETTINGS = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
"""Of this machine, before the tests' own fixture takes them away."""


def names() -> list[str]:
    return sorted(script.stem for script in SCRIPTS.glob("*.sh") if script.stem != "common")


def server_url(name: str) -> str:
    """Where the server answers. Skips the test where it cannot run; fails it where it does not start."""
    url, lacks = _started(name)
    if lacks:
        pytest.skip(lacks)
    return url


@functools.cache
def _started(name: str) -> tuple[str, str]:
    told = _run(name, "start", timeout=900)
    if told.returncode == 3:
        return "", told.stderr.strip()
    if told.returncode:
        raise RuntimeError(f"{name} does not start: {told.stderr[-2000:]}")
    return told.stdout.strip().splitlines()[-1], ""


@contextmanager
def session() -> Iterator[None]:
    """What is started within it does not outlive it, unless another session is under way or it ran before."""
    folder = Path(tempfile.gettempdir()) / f"afterbay-tests-of-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    mine = folder / str(os.getpid())
    mine.touch()
    before = running()
    try:
        yield
    finally:
        mine.unlink(missing_ok=True)
        if not any(_is_alive(int(other.name)) for other in folder.iterdir() if other.name.isdigit()):
            for name in running() - before:
                stop(name)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def running() -> frozenset[str]:
    return frozenset(name for name in names() if _run(name, "status", timeout=30).returncode == 0)


def stop(name: str) -> None:
    _run(name, "stop", timeout=60)


def _run(name: str, verb: str, *, timeout: int) -> subprocess.CompletedProcess[str]:
    script = SCRIPTS / f"{name}.sh"
    return subprocess.run([script, verb], capture_output=True, text=True, timeout=timeout, env=SETTINGS, check=False)
