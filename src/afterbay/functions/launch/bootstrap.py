"""A Lambda runtime client for Python in the standard library: takes an event, calls the handler, sends the answer.

Used where ``awslambdaric`` has no wheel (macOS); the same tests run with both. It exits with 1 after
an error while loading, and when the Runtime API has gone or refused an answer.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import sys
import time
from collections.abc import Callable

from . import answer, handler
from .context import ClientContext, CognitoIdentity, LambdaContext

__all__ = ["run"]

ROOT = "/2018-06-01/runtime"
_OWN = frozenset({__file__})


class _RuntimeApi:
    """The one connection to the Runtime API, kept alive."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(
            address
        )  # no time-out: ``next`` waits as long as there is no work

    def call(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, ROOT + path, body, {"content-type": "application/json", **named})
        reply = self._connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def report(self, path: str, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.call("POST", path, body, Lambda_Runtime_Function_Error_Type=str(document["errorType"]))


class _RequestId(logging.Filter):
    """Puts the request id in hand on every log record."""

    current = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.current
        return True


def run(handler_name: str) -> None:
    """Serve invocations until the Runtime API ends. Does not return by itself."""
    api = _RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    request_id = _start_logging()
    function = _load(handler_name, api)
    while True:
        status, headers, event = api.call("GET", "/invocation/next")
        if status != http.client.OK:
            sys.exit(1)
        request_id.current = headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        _serve(function, event, headers, api)


def _load(name: str, api: _RuntimeApi) -> Callable[[object, object], object]:
    try:
        return handler.load_handler(name)
    except handler.HandlerLoadError as error:
        document = answer.error_document(str(error), error.kind, trace=error.trace)
    except Exception as error:  # noqa: BLE001 - around the user's module (style 5)
        document = answer.raised_document(error, own=_OWN | {handler.__file__})
    sys.stdout.write(answer.log_text(document))
    api.report("/init/error", document)
    sys.exit(1)


def _serve(
    function: Callable[[object, object], object], event: bytes, headers: http.client.HTTPMessage, api: _RuntimeApi
) -> None:
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    path = f"/invocation/{request_id}"
    try:
        body = answer.encode_answer(function(json.loads(event), _context(headers)))
    except answer.MarshalError as error:
        document = answer.error_document(str(error), "Runtime.MarshalError", request_id=request_id)
    except Exception as error:  # noqa: BLE001 - around the user's handler (style 5)
        document = answer.raised_document(error, request_id=request_id, own=_OWN)
    else:
        if api.call("POST", path + "/response", body)[0] != http.client.ACCEPTED:
            sys.exit(1)  # the server has noted what was wrong (an answer over the limit), and replaces this process
        return
    sys.stdout.write(answer.log_text(document))
    api.report(path + "/error", document)


def _context(headers: http.client.HTTPMessage) -> LambdaContext:
    environment = os.environ.get
    client: dict[str, object] | None = json.loads(headers.get("Lambda-Runtime-Client-Context") or "null")
    return LambdaContext(
        aws_request_id=headers["Lambda-Runtime-Aws-Request-Id"],
        invoked_function_arn=headers["Lambda-Runtime-Invoked-Function-Arn"],
        function_name=environment("AWS_LAMBDA_FUNCTION_NAME"),
        function_version=environment("AWS_LAMBDA_FUNCTION_VERSION"),
        memory_limit_in_mb=environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
        log_group_name=environment("AWS_LAMBDA_LOG_GROUP_NAME"),
        log_stream_name=environment("AWS_LAMBDA_LOG_STREAM_NAME"),
        deadline_ms=int(headers["Lambda-Runtime-Deadline-Ms"]),
        identity=CognitoIdentity(),
        client_context=ClientContext(client.get("custom"), client.get("env"), client.get("client"))
        if client is not None
        else None,
        write=lambda text: sys.stdout.write(text),  # looked up at each call: a function may replace sys.stdout
    )


def _start_logging() -> _RequestId:
    logs = logging.StreamHandler(sys.stdout)
    text = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    text.converter = time.gmtime
    request_id = _RequestId()
    logs.setFormatter(text)
    logs.addFilter(request_id)
    logging.getLogger().addHandler(logs)
    return request_id
