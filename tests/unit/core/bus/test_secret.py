"""The secret of a connection: as AWS keeps it (B33, recorded), and back."""

from __future__ import annotations

import pytest

from afterbay.core.bus.authorization import AuthorizationType, read_auth
from afterbay.core.bus.secret import auth_of, secret_of
from afterbay.errors import SettingsError

SHOWN = {"HeaderParameters": [{"Key": "X-Team", "Value": "orders", "IsValueSecret": False}]}
CLIENT = {"ClientID": "client_id", "ClientSecret": "client_secret"}
OAUTH = {"ClientParameters": CLIENT, "AuthorizationEndpoint": "https://example.com/oauth", "HttpMethod": "POST"}
RECORDED = {
    "BASIC": (
        {"BasicAuthParameters": {"Username": "user", "Password": "pass"}},
        {"username": "user", "password": "pass"},
    ),
    "API_KEY": (
        {"ApiKeyAuthParameters": {"ApiKeyName": "ApiKey", "ApiKeyValue": "secret"}},
        {"api_key_name": "ApiKey", "api_key_value": "secret"},
    ),
    "OAUTH_CLIENT_CREDENTIALS": (
        {"OAuthParameters": OAUTH},
        {
            "client_id": "client_id",
            "client_secret": "client_secret",
            "authorization_endpoint": "https://example.com/oauth",
            "http_method": "POST",
        },
    ),
}


@pytest.mark.parametrize("kind", RECORDED)
@pytest.mark.parametrize("more", [{}, {"InvocationHttpParameters": SHOWN}], ids=["alone", "with parameters"])
def test_a_secret_is_as_recorded_and_gives_the_credentials_back(kind: str, more: dict) -> None:
    given, recorded = RECORDED[kind]
    auth = read_auth(AuthorizationType(kind), {**given, **more})
    secret = secret_of(auth)
    assert secret.items() >= recorded.items() and len(secret) == len(recorded) + len(more)
    assert auth_of(AuthorizationType(kind), auth.body(), secret) == auth


def test_parameters_of_the_token_come_from_what_is_shown() -> None:
    whole = {"OAuthParameters": {**OAUTH, "OAuthHttpParameters": SHOWN}}
    auth = read_auth(AuthorizationType.OAUTH_CLIENT_CREDENTIALS, whole)
    assert auth_of(AuthorizationType.OAUTH_CLIENT_CREDENTIALS, auth.body(), secret_of(auth)) == auth


def test_a_parameter_whose_value_is_secret_is_named_and_its_value_is_not() -> None:
    hidden = {"QueryStringParameters": [{"Key": "token", "Value": "hush", "IsValueSecret": True}]}
    auth = read_auth(AuthorizationType.API_KEY, {**RECORDED["API_KEY"][0], "InvocationHttpParameters": hidden})
    with pytest.raises(SettingsError, match="'token' in QueryStringParameters is secret") as caught:
        auth_of(AuthorizationType.API_KEY, auth.body(), secret_of(auth))
    assert "hush" not in str(caught.value)
