"""What a connection adds to a call (X56)."""

from __future__ import annotations

from base64 import b64decode

from afterbay.core.bus.authorization import ApiKey, AuthParameters, Basic, OAuth, Parameter, Parameters, additions


def test_credentials_go_into_headers() -> None:
    name, value = additions(AuthParameters(Basic("user", "päss"))).headers[0]
    assert (name, b64decode(value.removeprefix("Basic ")).decode()) == ("Authorization", "user:päss")
    assert additions(AuthParameters(ApiKey("X-Key", "v"))).headers == (("X-Key", "v"),)
    client = AuthParameters(OAuth("e", "POST", "i", "s"))
    assert additions(client, token="t").headers == (("Authorization", "Bearer t"),)
    assert additions(client).headers == ()


def test_a_connections_parameters_go_along_and_never_instead_of_its_credentials() -> None:
    headers = (Parameter("x-key", "other"), Parameter("h", "1"))
    parameters = Parameters(headers, (Parameter("q", "1"),), (Parameter("b", "2"),))
    added = additions(AuthParameters(ApiKey("X-Key", "v"), parameters))
    assert added.headers == (("h", "1"), ("X-Key", "v"))
    assert (added.query, added.body) == ((("q", "1"),), (("b", "2"),))
