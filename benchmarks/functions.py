"""The stopwatch as a function of a local address, and a mapping to it."""

from __future__ import annotations

import base64
import io
import json
import time
import urllib.request
import zipfile
from pathlib import Path

from benchmarks import stopwatch
from benchmarks.processes import wait_for
from benchmarks.wire import JsonObject

__all__ = ["enable", "make_function", "make_mapping"]

NAME = "stopwatch"
PATIENCE_S = 60


def make_function(url: str, witness: Path) -> None:
    """Create it and call it once, so that its process is up before anything is timed."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.write(str(stopwatch.__file__), "stopwatch.py")
    _ask(
        url,
        "POST",
        "/2015-03-31/functions",
        {
            "FunctionName": NAME,
            "Runtime": "python3.11",
            "Role": "arn:aws:iam::000000000000:role/any",
            "Handler": "stopwatch.handler",
            "Code": {"ZipFile": base64.b64encode(archive.getvalue()).decode()},
            "Timeout": 30,
            "Environment": {"Variables": {"STOPWATCH": str(witness)}},
        },
    )
    record = {"dynamodb": {"Keys": {"pk": {"S": "warm-up"}}}}
    _ask(url, "POST", f"/2015-03-31/functions/{NAME}/invocations", {"Records": [record]})
    witness.unlink()


def make_mapping(url: str, stream: str, *, batch_size: int, enabled: bool) -> str:
    """A mapping from TRIM_HORIZON, settled. Its UUID."""
    wish = {
        "FunctionName": NAME,
        "EventSourceArn": stream,
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": batch_size,
        "Enabled": enabled,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    uuid: str = _ask(url, "POST", "/2015-03-31/event-source-mappings", wish)["UUID"]
    settled = "Enabled" if enabled else "Disabled"
    wait_for(lambda: _state(url, uuid) == settled, PATIENCE_S, f"the mapping is {settled}")
    return uuid


def enable(url: str, uuid: str) -> int:
    """Enable it; the monotonic nanosecond before it was asked for."""
    began = time.monotonic_ns()
    _ask(url, "PUT", f"/2015-03-31/event-source-mappings/{uuid}", {"Enabled": True})
    return began


def _state(url: str, uuid: str) -> str:
    state: str = _ask(url, "GET", f"/2015-03-31/event-source-mappings/{uuid}")["State"]
    return state


def _ask(url: str, method: str, path: str, body: object = None) -> JsonObject:
    credential = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/lambda/aws4_request, Signature=0"
    headers = {"Content-Type": "application/json", "Authorization": credential}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        said: JsonObject = json.loads(answer.read())
        return said
