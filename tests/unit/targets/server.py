"""A real HTTP server on a free port of loopback that remembers every request and answers what the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from unit.background import in_background


@dataclass(frozen=True)
class Seen:
    """A request as it came in. ``path`` holds the query, too."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Told:
    """An answer; ``after`` is waited for first."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: threading.Event | None = None


class Server(ThreadingHTTPServer):
    """``answers`` says what is answered to a request."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[Seen] = []
        self.answers: Callable[[Seen], Told] = lambda seen: Told()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def of(self, path: str) -> list[Seen]:
        return [one for one in self.seen if one.path == path]

    def handle_error(self, request: object, client_address: object) -> None:
        """Silent: who broke off is the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        seen = Seen(self.command, self.path, headers, body)
        self.server.seen.append(seen)
        told = self.server.answers(seen)
        if told.after is not None:
            told.after.wait(20)
        self.send_response_only(told.status)
        for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(told.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a test's output is its own."""


def serving() -> AbstractContextManager[Server]:
    return in_background(Server())
