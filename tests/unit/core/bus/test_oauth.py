"""The token of an OAuth connection."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from afterbay.core.bus.authorization import OAuth, Parameter, Parameters
from afterbay.core.bus.oauth import Token, read_token, token_call

SECRET = "hunter2"


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_a_token_is_asked_for_with_the_clients_credentials(method: str) -> None:
    more = Parameters((Parameter("h", "1"),), (Parameter("q", "2"),), (Parameter("scope", "x y"),))
    call = token_call(OAuth("https://example.com/token?a=1", method, "client", SECRET, more))
    form = {
        "grant_type": ["client_credentials"],
        "client_id": ["client"],
        "client_secret": [SECRET],
        "scope": ["x y"],
    }
    query = parse_qs(call.url.partition("?")[2])
    if method == "GET":
        assert call.body == b"" and query == {"a": ["1"], "q": ["2"], **form}
    else:
        assert parse_qs(call.body.decode()) == form and query == {"a": ["1"], "q": ["2"]}
    assert (call.method, dict(call.headers)["h"]) == (method, "1")
    assert dict(call.headers)["Content-Type"] == "application/x-www-form-urlencoded"
    assert SECRET not in repr(call)


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}', Token("t", 3600)),
        (b'{"access_token": "t", "expires_in": "60"}', Token("t", 60)),
        (b'{"access_token": "t"}', Token("t")),
        (b'{"access_token": ""}', None),
        (b'{"error": "invalid_client"}', None),
        (b"no JSON", None),
    ],
)
def test_a_token_is_read_from_its_answer(body: bytes, token: Token | None) -> None:
    assert read_token(body) == token
    assert "t'" not in repr(read_token(body))
