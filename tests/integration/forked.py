"""``afterbay`` as processes that need not load everything anew: forked off one that has.

Nine tenths of what ``python -m afterbay dev`` costs until it is ready is the import of moto, botocore and ourselves,
and the tests need some two hundred addresses and engines. ``launch`` is to them ``subprocess.Popen`` of that command:
its process has an environment, a folder and streams of its own, is ended by any signal, and runs the command line from
its first line to the interpreter's end. Where there is nothing like Linux's pidfds, it is started as any program is.

Tests of the program as such start the program, ``serving.AFTERBAY``: ``test_cli_dev``, ``test_cli_run``, ``test_demo``.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeAlias

from integration import fork_server

TESTS = Path(__file__).parents[1]
START_S = 60
"""The first process waits until the server has loaded what all of them share."""


class Forked:
    """What tests use of ``subprocess.Popen``, for a child of the fork server."""

    def __init__(self, words: tuple[str, ...], line: socket.socket) -> None:
        self.args = words
        self.returncode: int | None = None
        self._line = line
        self.pid = self._told(START_S)

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Raises ``subprocess.TimeoutExpired``."""
        if self.returncode is None:
            self.returncode = self._told(timeout)
            self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Forked:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def _told(self, timeout: float | None) -> int:
        self._line.settimeout(timeout)
        try:
            told = self._line.recv(fork_server.NUMBER.size)
        except (BlockingIOError, TimeoutError) as error:
            raise subprocess.TimeoutExpired(self.args, timeout or 0) from error
        assert told, "the fork server is gone"
        return fork_server.NUMBER.unpack(told)[0]


Process: TypeAlias = Forked | subprocess.Popen[bytes]
Stream: TypeAlias = IO[bytes] | int | None
"""As for ``subprocess.Popen``, but no PIPE."""


def launch(
    *words: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdout: Stream = None,
    stderr: Stream = None,
) -> Process:
    """``python -m afterbay`` with these words, under way. Nothing is on its standard input."""
    if not hasattr(os, "pidfd_open"):
        command = [sys.executable, "-m", "afterbay", *words]
        return subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
    order = {"words": words, "environment": dict(env), "folder": str(Path(cwd or "").absolute())}
    mine, line = socket.socketpair()
    with line, Path(os.devnull).open("r+b", 0) as nothing:
        streams = (subprocess.DEVNULL, 1 if stdout is None else stdout, 2 if stderr is None else stderr)
        given = [nothing if one == subprocess.DEVNULL else one for one in streams]
        numbers = [one if isinstance(one, int) else one.fileno() for one in given]
        socket.send_fds(_server(), [b"!"], [*numbers, line.fileno()])
    mine.sendall(json.dumps(order).encode())
    mine.shutdown(socket.SHUT_WR)
    return Forked(words, mine)


@functools.cache
def _server() -> socket.socket:
    """Where this process asks its fork server, which is started at the first question and ends with this process."""
    mine, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-P", "-m", fork_server.__name__, str(theirs.fileno())]
        path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
        own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AFTERBAY_"))}
        own |= {"PYTHONPATH": path, "AWS_CONFIG_FILE": os.devnull}
        server = subprocess.Popen(command, env=own, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def end() -> None:
        mine.close()
        server.wait()

    atexit.register(end)
    return mine
