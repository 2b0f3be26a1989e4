"""The HTTP call to an API destination (B68, X56)."""

from __future__ import annotations

import pytest

from afterbay.core.bus.call import Additions, HttpParameters, compose

ENDPOINT = "https://example.com/a/*/b/*?x=1"
NONE = HttpParameters()


def test_a_plain_call_has_awss_headers_and_the_payload() -> None:
    """X56."""
    call = compose("POST", "https://example.com/in", b'{"a":1.0}', target=NONE)
    assert (call.method, call.url, call.body) == ("POST", "https://example.com/in", b'{"a":1.0}')
    assert dict(call.headers) == {
        "User-Agent": "Amazon/EventBridge/ApiDestinations",
        "Content-Type": "application/json; charset=utf-8",
        "Range": "bytes=0-1048575",
        "Accept-Encoding": "gzip,deflate",
        "Connection": "close",
    }


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ((), "/a/*/b/*"),
        (("1",), "/a/1/b/*"),
        (("1", "2"), "/a/1/b/2"),
        (("1", "2", "3"), "/a/1/b/2"),
        (("*", "2"), "/a/%2A/b/2"),
        (("x/y z", "é"), "/a/x%2Fy%20z/b/%C3%A9"),
    ],
)
def test_path_values_fill_the_stars_in_order(values: tuple[str, ...], path: str) -> None:
    call = compose("POST", ENDPOINT, b"", target=HttpParameters(path_values=values))
    assert call.url == f"https://example.com{path}?x=1"


def test_the_connections_query_wins_over_the_targets_and_that_over_the_addresss() -> None:
    target = HttpParameters(query=(("x", "2"), ("y", "2"), ("z", "a b&c")))
    call = compose("POST", "https://example.com/?x=1&w=", b"", target=target, connection=Additions(query=(("y", "3"),)))
    assert call.url == "https://example.com/?x=2&w=&y=3&z=a%20b%26c"


def test_the_connections_headers_win_over_the_targets_whatever_their_case() -> None:
    target = HttpParameters(headers=(("content-type", "text/plain"), ("Authorization", "mine"), ("x-a", "1")))
    added = Additions(headers=(("authorization", "theirs"), ("X-B", "2")))
    headers = compose("POST", "https://example.com", b"", target=target, connection=added).headers
    assert dict(headers) == {
        "User-Agent": "Amazon/EventBridge/ApiDestinations",
        "content-type": "text/plain",
        "Range": "bytes=0-1048575",
        "Accept-Encoding": "gzip,deflate",
        "Connection": "close",
        "authorization": "theirs",
        "x-a": "1",
        "X-B": "2",
    }


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (b'{"n": 1.50, "k": "mine"}', b'{"n":1.50,"k":"theirs","m":"\\u00e9"}'),
        (b"{}", b'{"k":"theirs","m":"\\u00e9"}'),
        (b'["k"]', b'["k"]'),
        (b'"text"', b'"text"'),
        (b"plain text", b"plain text"),
    ],
)
def test_body_parameters_become_members_of_an_object(payload: bytes, sent: bytes) -> None:
    added = Additions(body=(("k", "theirs"), ("m", "é")))
    call = compose("POST", "https://example.com", payload, target=NONE, connection=added)
    assert call.body == sent.replace(b"\\u00e9", "é".encode())


def test_without_body_parameters_the_payload_goes_out_byte_for_byte() -> None:
    payload = b'{ "a" : 1 }'
    assert compose("PUT", "https://example.com", payload, target=NONE, connection=Additions()).body is payload


def test_a_repr_shows_no_secret() -> None:
    added = Additions(headers=(("Authorization", "hunter2"),), query=(("key", "hunter2"),), body=(("k", "hunter2"),))
    call = compose("POST", "https://example.com/in", b"{}", target=NONE, connection=added)
    assert repr(call) == "HttpCall(POST https://example.com/in)"
    assert "hunter2" not in repr(added)
