"""The Lambda Runtime API (2018-06-01) for one process: hands it events, takes its answers.

Loopback, a port of its own, HTTP/1.1 kept alive. It knows nothing of processes: ``child`` does, and closes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

import h11
import msgspec

from afterbay.functions import documents
from afterbay.functions.definition import RESPONSE_BYTES_MAX
from afterbay.ports import Answer

__all__ = ["Invocation", "RuntimeApi"]

ROOT = "/2018-06-01/runtime"

READ_BYTES = 256 * 1024
"""What is read from a connection at once: a 6 MB answer in some 24 steps."""

HEAD_BYTES_MAX = 2 * 1024 * 1024
"""``awslambdaric`` sends an X-Ray cause of up to 1 MB as a header; h11's own bound of 16 KB would cut it off."""

_ACCEPTED = b'{"status":"OK"}'


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event. ``deadline_ms`` is epoch time by the machine's own clock; ``client_context`` is JSON."""

    request_id: str
    payload: bytes
    function_arn: str
    deadline_ms: int
    client_context: str | None = None

    def headers(self) -> list[tuple[str, str]]:
        root = self.request_id.replace("-", "")[:24].ljust(24, "0")
        named = [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", self.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(self.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", self.function_arn),
            ("Lambda-Runtime-Trace-Id", f"Root=1-00000000-{root};Sampled=0"),
        ]
        if self.client_context is not None:
            named.append(("Lambda-Runtime-Client-Context", self.client_context))
        return named


@dataclass(slots=True)
class _Body:
    """A request's body; of one over the limit only the size is kept."""

    content: bytes
    size_bytes: int

    @property
    def too_large(self) -> bool:
        return self.size_bytes > RESPONSE_BYTES_MAX


class RuntimeApi:
    """The server side of one runtime client. At most one invocation is open at a time.

    ``ready`` is set when the client asked for work for the first time; ``init_error`` holds the document of one that
    could not load the function.
    """

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.init_error: bytes | None = None
        self.init_failed = asyncio.Event()
        self._waiting: Invocation | None = None
        self._offered = asyncio.Event()
        self._open: tuple[Invocation, asyncio.Future[Answer]] | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listen; return the address for AWS_LAMBDA_RUNTIME_API."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def offer(self, invocation: Invocation) -> asyncio.Future[Answer]:
        """Hand ``invocation`` to the client's next call; the future holds what it answers."""
        if self._open is not None and not self._open[1].done():
            raise AssertionError(f"{self._open[0].request_id} is still open")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._open = (invocation, answer)
        self._waiting = invocation
        self._offered.set()
        return answer

    @property
    def taken(self) -> bool:
        """True once the client has the event that was offered: the function may have seen it."""
        return self._waiting is None

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("a connection is served by a task")
        self._connections.add(task)
        peer: socket.socket = writer.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A client that is killed resets its connection, or leaves half a request: its process tells what happened.
        with contextlib.suppress(asyncio.CancelledError, ConnectionError, h11.RemoteProtocolError):
            await self._serve(reader, writer)
        self._connections.discard(task)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        while True:
            request = await _next_event(connection, reader, writer)
            if not isinstance(request, h11.Request):
                return
            body = await _read_body(connection, reader, writer)
            status, headers, content = await self._answer(
                request.method.decode(), request.target.decode(), body, reader
            )
            head = [*headers, ("Content-Length", str(len(content)))]
            writer.write(
                connection.send(h11.Response(status_code=status, headers=head))
                + connection.send(h11.Data(data=content))
                + connection.send(h11.EndOfMessage())
            )
            await writer.drain()
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    async def _answer(
        self, method: str, path: str, body: _Body, reader: asyncio.StreamReader
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        match method, path.removeprefix(ROOT + "/").split("/"):
            case "GET", ["invocation", "next"]:
                invocation = await self._next(reader)
                return 200, invocation.headers(), invocation.payload
            case "POST", ["init", "error"]:
                self.init_error = body.content
                self.init_failed.set()
                return _json(202, _ACCEPTED)
            case "POST", ["invocation", request_id, "response" | "error" as kind]:
                return self._settle(request_id, kind, body)
            case _:
                return _refusal(404, "NotFound", f"{method} {path} is not part of the Runtime API")

    async def _next(self, reader: asyncio.StreamReader) -> Invocation:
        """Wait for work as long as it takes: a function's process may idle for hours.

        Raises ``ConnectionError`` when the client went away meanwhile; the event is then not taken.
        """
        self.ready.set()
        while True:
            await self._offered.wait()
            await asyncio.sleep(0)  # a client that died while idle closed its connection: let the loop see that first
            if reader.at_eof():
                raise ConnectionResetError("the client went away")
            invocation = self._take()
            if invocation is not None:
                return invocation

    def _take(self) -> Invocation | None:
        """What was offered, once; None if another call has it."""
        self._offered.clear()
        invocation, self._waiting = self._waiting, None
        return invocation

    def _settle(self, request_id: str, kind: str, body: _Body) -> tuple[int, list[tuple[str, str]], bytes]:
        if self._open is None or self._open[0].request_id != request_id or self._open[1].done():
            return _refusal(400, "InvalidRequestID", f"{request_id} is not the invocation in hand")
        answer = self._open[1]
        if body.too_large:
            answer.set_result(documents.response_too_large(body.size_bytes))
            return _refusal(413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
        answer.set_result(Answer(body.content, function_error="Unhandled" if kind == "error" else None))
        return _json(202, _ACCEPTED)


async def _next_event(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> h11.Event | None:
    """The next part of a request; None when the client sent more than one request ahead, which none does."""
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Event):
            return event
        if event is h11.PAUSED:
            return None
        if connection.they_are_waiting_for_100_continue:
            writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])))
        connection.receive_data(await reader.read(READ_BYTES))


async def _read_body(connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> _Body:
    """Read to the end, whatever the size: a client that is cut off while sending never reads the 413."""
    parts: list[bytes] = []
    size_bytes = 0
    while isinstance(event := await _next_event(connection, reader, writer), h11.Data):
        size_bytes += len(event.data)
        if size_bytes <= RESPONSE_BYTES_MAX:
            parts.append(bytes(event.data))
    return _Body(b"".join(parts), size_bytes)


def _json(status: int, content: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    return status, [("Content-Type", "application/json")], content


def _refusal(status: int, kind: str, message: str) -> tuple[int, list[tuple[str, str]], bytes]:
    return _json(status, msgspec.json.encode({"errorMessage": message, "errorType": kind}))
