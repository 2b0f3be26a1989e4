"""A local address in a process of its own: started, asked, ended.

A process, not a thread: moto keeps what it holds in module globals, so in the same process an address would mix with
the ``mock_aws`` of other tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from afterbay.core.change.wire import JsonValue
from afterbay.errors import AfterbayError

if TYPE_CHECKING:
    from botocore.client import BaseClient

__all__ = ["Address", "AddressError", "address"]

REGION = "us-east-1"
START_S = 120.0
"""2 s on a quiet machine, with a template some more; a busy CI machine is slow."""

END_S = 40.0
"""A function may finish what it has, which takes up to 20 s."""

CALL_S = 60.0
POLL_S = 0.02
TOLD_LINES = 20
_READY = re.compile(r"AWS_ENDPOINT_URL=(http://\S+)")


class AddressError(AfterbayError):
    """The address did not start, does not answer, or refused a call of ours."""


class Address:
    """A running address. ``url`` is its endpoint; ``environment`` what a process needs to talk to it."""

    def __init__(self, url: str, region: str, log: Path) -> None:
        self.url = url
        self.region = region
        self.environment: Mapping[str, str] = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._log = log
        self._clients: dict[str, BaseClient] = {}
        self._close = ExitStack()

    def client(self, service: str) -> BaseClient:
        """A boto3 client on the address, the same one at each call."""
        found = self._clients.get(service)
        if found is None:
            import boto3  # the extra `dev` has it; whoever only wants the URL need not wait for it

            session = boto3.Session("test", "test", region_name=self.region)
            make = cast("_MakeClient", session.client)  # the stubs know each service by a literal name
            found = self._clients[service] = make(service, endpoint_url=self.url)
            self._close.callback(found.close)
        return found

    def advance(self, seconds: float) -> None:
        """Move the address's clock forward; returns once everything due by then was started."""
        self._call("POST", "clock", {"advance_s": seconds})

    def reset(self) -> None:
        """Empty again; what a template declared is gone too."""
        self._call("POST", "reset", {})

    def split(self, stream_arn: str, shard_id: str) -> list[str]:
        """End a shard of a table's stream; the ids of its two children."""
        return self._children("split", stream_arn, shard_id)

    def roll(self, stream_arn: str, shard_id: str) -> list[str]:
        """End a shard of a table's stream; the id of its one child."""
        return self._children("roll", stream_arn, shard_id)

    def fail(self, service: str, operation: str, error: str, *, times: int = 1) -> None:
        """Let the next calls of an operation, the engine's own included, answer an error by AWS's code."""
        self._call("POST", "faults", {"service": service, "operation": operation, "error": error, "times": times})

    def stop_failing(self) -> None:
        """Drop what ``fail`` has planned."""
        self._call("DELETE", "faults", None)

    def status(self) -> dict[str, JsonValue]:
        """What ``afterbay status --json`` prints."""
        return self._call("GET", "status", None)

    def log(self) -> str:
        """What the address has written to its standard error."""
        return self._log.read_text("utf-8", "replace")

    def close(self) -> None:
        """Close the clients; the address itself is ``address``' to end."""
        self._close.close()

    def _children(self, call: str, stream_arn: str, shard_id: str) -> list[str]:
        answer = self._call("POST", f"streams/{call}", {"StreamArn": stream_arn, "ShardId": shard_id})
        return cast("list[str]", answer["ChildShardIds"])

    def _call(self, method: str, call: str, body: dict[str, JsonValue] | None) -> dict[str, JsonValue]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_afterbay/{call}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=CALL_S) as answer:
                told: object = json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode("utf-8", "replace")
            raise AddressError(f"{method} /_afterbay/{call} answered {error.code}: {text}") from error
        except (urllib.error.URLError, OSError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise AddressError(
                f"{method} /_afterbay/{call}: nothing answers at {self.url}: {reason}",
                hint="has its with block ended? else its log says why",
            ) from error
        return cast("dict[str, JsonValue]", told) if isinstance(told, dict) else {}


if TYPE_CHECKING:
    from typing import Protocol

    class _MakeClient(Protocol):
        def __call__(self, service: str, *, endpoint_url: str) -> BaseClient: ...


@contextmanager
def address(
    template: str | os.PathLike[str] | None = None,
    *,
    parameters: Mapping[str, str] | None = None,
    region: str = REGION,
    skip_unknown: bool = False,
) -> Generator[Address]:
    """A local address on a free port until the block ends; with ``template``, all it declares is up.

    ``parameters`` are the template's. Raises ``AddressError`` with what the address said if it does not start.
    """
    words = [] if template is None else [os.fspath(template)]
    words += [word for name, value in (parameters or {}).items() for word in ("--param", f"{name}={value}")]
    words += ["--skip-unknown"] if skip_unknown else []
    with tempfile.TemporaryDirectory(prefix="afterbay-testing-") as folder:
        log = Path(folder) / "stderr"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "afterbay", "dev", *words, "--port", "0", "--region", region],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        try:
            running = Address(_url(process, log), region, log)
            try:
                yield running
            finally:
                running.close()
        finally:
            _end(process)


def _environment() -> dict[str, str]:
    """Nothing of the machine's AWS settings: a profile that does not exist would stop the address."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AFTERBAY_"))}


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_S
    while True:
        ended = process.poll() is not None  # before the look at the log: what it said last must be in there
        told = log.read_text("utf-8", "replace")
        found = _READY.search(told)
        if found:
            return found[1]
        if ended or time.monotonic() >= end:
            said = "\n".join(told.splitlines()[-TOLD_LINES:])
            why = f"ended with {process.returncode}" if ended else f"was not ready after {START_S:.0f} s"
            raise AddressError(f"the local address {why}:\n{said}")
        time.sleep(POLL_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    """It drains when told to end."""
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
