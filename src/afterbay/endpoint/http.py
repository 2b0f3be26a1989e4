"""HTTP for the local address: an ASGI application over one handler, served by uvicorn on a socket of ours."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import uvicorn

from afterbay.endpoint.protocol import Request, Response, TimeKeeper
from afterbay.errors import SettingsError

__all__ = ["HttpServer"]

BODY_MAX = 1024 * 1024 * 1024
"""A larger body is refused: it would have to be held in memory whole."""

DRAIN_S = 5
"""How long open requests may take once the server stops."""

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]  # ASGI's own type for its messages
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Serves ``handler`` on a port. Answers carry the address's own time in ``Date`` (DESIGN section 8)."""

    def __init__(self, handler: Handler, clock: TimeKeeper) -> None:
        self._handler = handler
        self._clock = clock
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        assert self._socket is not None, "the server was started"
        return int(self._socket.getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises ``SettingsError`` if the port is in use."""
        self._socket = _listen(host, port)
        config = uvicorn.Config(
            self._application,
            http="httptools",
            loop="none",
            lifespan="off",
            ws="none",
            interface="asgi3",
            proxy_headers=False,
            log_config=None,
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_S,
            timeout_keep_alive=75,
        )
        config.load()
        self._server = _Server(config)
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])
        self._serving = asyncio.create_task(self._server.main_loop(), name="http")

    async def stop(self) -> None:
        """Take no more requests, let the open ones end, close."""
        if self._server is None or self._serving is None or self._socket is None:
            return
        self._server.should_exit = True
        await self._serving
        await self._server.shutdown(sockets=[self._socket])
        self._socket.close()

    async def _application(self, scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "no websockets, no lifespan"
        body = await _body(receive)
        if body is None:
            response = Response(413, b"the body is too large", {"content-type": "text/plain"})
        else:
            response = await self._handler(_request(scope, body))
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": self._headers(scope["method"], response),
            }
        )
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body})

    def _headers(self, method: str, response: Response) -> list[tuple[bytes, bytes]]:
        headers = dict(response.headers)
        if response.status == 204:
            headers.pop("content-length", None)
        elif method != "HEAD" or "content-length" not in headers:
            headers["content-length"] = str(len(response.body))
        headers["date"] = format_datetime(self._clock.now(), usegmt=True)
        if "x-amzn-requestid" not in headers:
            headers["x-amzn-requestid"] = str(uuid4())
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the command line owns those."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle off only for a socket that names its protocol; with it on every answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(f"port {port} of {host} is in use", hint="choose another with --port") from error
        raise SettingsError(f"cannot listen on {host} port {port}: {error.strerror}", where="--host") from error
    listener.setblocking(False)
    return listener


async def _body(receive: Receive) -> bytes | None:
    """The whole body, None if it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > BODY_MAX:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _request(scope: Message, body: bytes) -> Request:
    raw_path: bytes = scope["raw_path"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    client: tuple[str, int] | None = scope.get("client")
    return Request(
        method=scope["method"],
        path=raw_path.partition(b"?")[0].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        region="",
        client_host=client[0] if client else "",
    )
