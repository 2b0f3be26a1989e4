"""The demo's address: ``afterbay dev`` in a process of its own, from start to end."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from afterbay.cli.demo.progress import Progress, read_progress
from afterbay.errors import UnavailableError

__all__ = ["Serving", "free_port"]

HOST = "127.0.0.1"

READY_S = 30.0
"""``dev`` is ready within two seconds; a busy machine gets more."""

STOP_S = 20.0
"""A drain lets invocations under way finish; after this the process is killed."""

CALL_S = 10.0
POLL_S = 0.05


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Serving:
    """Start with ``start``; whoever starts it calls ``stop``, or ``leave`` to let it outlive the demo.

    ``kept``: the address is to stay up after the demo, so it is not tied to the demo's life.
    """

    def __init__(self, port: int, folder: Path, *, kept: bool) -> None:
        self.port = port
        self.log = folder / "address.log"
        self.folder = folder
        self._kept = kept
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Return once the address is ready. Raises ``UnavailableError`` with what it said."""
        _refuse_taken(self.port)
        module = "afterbay" if self._kept else "afterbay.cli.demo.tether"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, "dev", "--port", str(self.port)],
                cwd=self.folder,
                env=_environment(os.environ, self.folder),
                stdin=subprocess.DEVNULL if self._kept else subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C is for the demo, which then ends the address in its own order.
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_S
        while not self._healthy():
            if self._process.poll() is not None:
                raise UnavailableError(
                    f"the address ended before it was ready: {self._last_words()}",
                    code="AddressEnded",
                )
            if time.monotonic() > deadline:
                raise UnavailableError(f"the address was not ready after {READY_S:.0f} s", code="NotReady")
            time.sleep(POLL_S)

    def progress(self) -> Progress:
        """What the mappings are doing now."""
        try:
            status, body = self._get("/_afterbay/status")
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(f"the address does not answer: {self._last_words()}", code="AddressGone") from error
        if status != http.client.OK:
            raise UnavailableError(f"the address answered {status} to /_afterbay/status", code=str(status))
        return read_progress(body)

    def stop(self) -> None:
        """End it, drained; nothing of it is left when this returns."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            if process.stdin is not None:
                process.stdin.close()

    def leave(self) -> None:
        """Let it live on without us."""
        assert self._kept, "a tied address would end with the demo"
        if self._process is not None:
            # Popen warns when an object of a running process goes; this one is meant to be left behind.
            self._process.returncode = 0
            self._process = None

    def _healthy(self) -> bool:
        try:
            return self._get("/_afterbay/health")[0] == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=CALL_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"it said nothing; see {self.log}"


def _refuse_taken(port: int) -> None:
    """Look first: whoever has the port may well be another address, and answer as if it were ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do; one just closed is no obstacle
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UnavailableError(
                f"port {port} cannot be listened on: {error.strerror}",
                code="PortTaken",
                hint="name another with --port, or leave it out for a free one",
            ) from error


def _environment(ours: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The user's environment, without credentials or addresses of a real account, and with its own temporary folder."""
    kept = {name: value for name, value in ours.items() if not name.startswith("AWS_")}
    return kept | {"TMPDIR": str(folder)}
