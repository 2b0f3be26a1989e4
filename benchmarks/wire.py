"""A client that costs almost nothing: JSON requests on one kept-alive socket, so that what is timed is the server."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

__all__ = ["JsonObject", "RawClient"]

JsonObject = dict[str, Any]
"""An answer of AWS's API; a member that is not there ends the benchmark."""

TIMEOUT_S = 60
CHUNK_BYTES = 256 * 1024
DYNAMODB = "DynamoDB_20120810"
STREAMS = "DynamoDBStreams_20120810"
CREDENTIAL = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
)


class RawClient:
    """One connection; opened anew where the server closes it after each answer, as moto's own does."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None and address.port is not None
        self._place = (address.hostname, address.port)
        self._socket: socket.socket | None = None

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()

    def table(self, operation: str, members: object) -> JsonObject:
        """One call of DynamoDB."""
        answer: JsonObject = json.loads(self.send(self.request(f"{DYNAMODB}.{operation}", members)))
        return answer

    def stream(self, operation: str, members: object) -> JsonObject:
        """One call of DynamoDB Streams."""
        answer: JsonObject = json.loads(self.send(self.stream_request(operation, members)))
        return answer

    def stream_request(self, operation: str, members: object) -> bytes:
        return self.request(f"{STREAMS}.{operation}", members)

    def put_request(self, table: str, item: object) -> bytes:
        return self.request(f"{DYNAMODB}.PutItem", {"TableName": table, "Item": item})

    def request(self, target: str, members: object) -> bytes:
        """The bytes of a request, made before the watch runs."""
        body = json.dumps(members, separators=(",", ":")).encode()
        host, port = self._place
        head = (
            f"POST / HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"X-Amz-Target: {target}\r\nAuthorization: {CREDENTIAL}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def send(self, request: bytes) -> bytes:
        """The body of the answer. Raises ``RuntimeError`` for any status but 200."""
        connection = self._connection()
        connection.sendall(request)
        answer = bytearray()
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._more(connection)
        head = answer[:end].decode("latin-1").lower()
        status, _, fields = head.partition("\r\n")
        headers = dict(line.split(": ", 1) for line in fields.split("\r\n") if ": " in line)
        whole = end + 4 + int(headers["content-length"])
        while len(answer) < whole:
            answer += self._more(connection)
        if headers.get("connection") == "close" or status.startswith("http/1.0"):
            self._close()
        body = bytes(answer[end + 4 : whole])
        if " 200 " not in f"{status} ":
            raise RuntimeError(f"answered {status}: {body[:300]!r}")
        return body

    def _more(self, connection: socket.socket) -> bytes:
        got = connection.recv(CHUNK_BYTES)
        if not got:
            raise RuntimeError("the server closed the connection in mid-answer")
        return got

    def _connection(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._place, timeout=TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
