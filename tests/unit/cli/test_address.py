"""Calls of a local address's own, where what answers is none."""

from __future__ import annotations

import socket
import threading

import pytest

from afterbay.cli.address import fetch
from afterbay.errors import UnavailableError


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"no\r\n\r\n",
        b"",
    ],
)
def test_what_is_no_address_of_ours_is_told_as_that(answer: bytes):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        with pytest.raises(UnavailableError, match="is it an afterbay address"):
            fetch(f"http://127.0.0.1:{listening.getsockname()[1]}", "status")
        serving.join(10)
