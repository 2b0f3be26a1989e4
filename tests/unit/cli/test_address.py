"""Calls of a local address's own: what they send, and what is told where nothing of ours answers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from afterbay.cli.address import fetch, post
from afterbay.errors import SettingsError, UnavailableError


def serving(answer: bytes, call: Callable[[str], object]) -> bytes:
    """What ``call`` of an address sent, which answered ``answer``. What ``call`` raises is raised."""
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                sent.append(connection.recv(65536))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            call(f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            thread.join(10)
    return sent[0]


def answered(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "answer",
    [
        answered("200 OK", b"hello"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"no\r\n\r\n",
        b"",
    ],
)
def test_what_is_no_address_of_ours_is_told_as_that(answer: bytes):
    with pytest.raises(UnavailableError, match="is it an afterbay address"):
        serving(answer, lambda url: fetch(url, "status"))


def test_a_token_is_shown_where_there_is_one():
    shown = serving(answered("200 OK", b"{}"), lambda url: post(url, "skip", {}, token="abc"))
    assert b"\r\nauthorization: bearer abc\r\n" in shown.lower()
    assert b"authorization" not in serving(answered("200 OK", b"{}"), lambda url: post(url, "skip", {})).lower()


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
def test_the_addresss_own_refusal_is_told_in_its_words(status: str):
    with pytest.raises(SettingsError, match="wants the token"):
        serving(answered(status, b'{"error": "skip wants the token"}'), lambda url: post(url, "skip", {}))
