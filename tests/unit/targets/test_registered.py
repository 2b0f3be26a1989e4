"""API destinations of EventBridge: looked up with their connections' secrets, kept for a while, refused by name."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from afterbay.core.bus.authorization import ApiKey, Basic, OAuth
from afterbay.errors import AfterbayError, NotFoundError, SettingsError
from afterbay.targets.registered import KEPT_FOR, RegisteredDestinations

HOME = "arn:aws:events:eu-west-1:000000000000"
DESTINATION, CONNECTION = f"{HOME}:api-destination/d/1", f"{HOME}:connection/c/2"
SECRET = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:events!connection/c/3-abc"
SHOWN = {"Key": "X-Team", "Value": "orders", "IsValueSecret": False}
HIDDEN = {"Key": "X-Token", "IsValueSecret": True}


class Services:
    """What EventBridge and Secrets Manager answer."""

    def __init__(self, kind: str, shown: dict, secret: object) -> None:
        self.destination: dict = {
            "ApiDestinationArn": DESTINATION,
            "ConnectionArn": CONNECTION,
            "InvocationEndpoint": "https://example.com/*",
            "HttpMethod": "PUT",
            "InvocationRateLimitPerSecond": 7,
        }
        self.connection: dict = {
            "AuthorizationType": kind,
            "ConnectionState": "AUTHORIZED",
            "SecretArn": SECRET,
            "AuthParameters": shown,
        }
        self.secret = secret if isinstance(secret, str) else json.dumps(secret)
        self.asked: list[tuple[str, str]] = []
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.registered = RegisteredDestinations(self, lambda: self.now)  # type: ignore[arg-type]

    def of(self, region: str) -> Services:
        assert region == "eu-west-1"
        return self

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        (value,) = parameters.values()
        self.asked.append((operation, str(value)))
        if operation == "describe_api_destination":
            return self.destination
        return self.connection if operation == "describe_connection" else {"SecretString": self.secret}

    async def authorization(self):
        await self.registered.look_up(DESTINATION)
        found = self.registered.find(DESTINATION)
        assert found is not None and found[1].auth is not None
        return found[1].auth


def api_key(**shown: object) -> Services:
    whole = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key"}, **shown}
    return Services("API_KEY", whole, {"api_key_name": "X-Key", "api_key_value": "key-1"})


async def test_a_destination_is_what_eventbridge_says_and_its_key_is_in_the_secret() -> None:
    services = api_key(InvocationHttpParameters={"HeaderParameters": [SHOWN]})
    auth = await services.authorization()
    assert auth.authorization == ApiKey("X-Key", "key-1") and auth.invocation is not None
    assert [(one.name, one.value) for one in auth.invocation.headers] == [("X-Team", "orders")]
    found = services.registered.find(DESTINATION)
    assert found is not None and (found[0].endpoint, found[0].method, found[0].rate) == (
        "https://example.com/*",
        "PUT",
        7,
    )
    assert services.asked == [
        ("describe_api_destination", "d"),
        ("describe_connection", "c"),
        ("get_secret_value", SECRET),
    ]


async def test_the_other_two_kinds_of_credentials() -> None:
    basic = Services("BASIC", {"BasicAuthParameters": {"Username": "u"}}, {"username": "u", "password": "p"})
    assert (await basic.authorization()).authorization == Basic("u", "p")
    secret = {
        "client_id": "me",
        "client_secret": "hush",
        "authorization_endpoint": "https://example.com/token",
        "http_method": "POST",
    }
    group = {"OAuthHttpParameters": {"BodyParameters": [{"Key": "scope", "Value": "a", "IsValueSecret": False}]}}
    oauth = (
        await Services("OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": group}, secret).authorization()
    ).authorization
    assert isinstance(oauth, OAuth) and (oauth.client_id, oauth.client_secret) == ("me", "hush")
    assert oauth.parameters is not None and [one.name for one in oauth.parameters.body] == ["scope"]


async def test_what_was_found_is_kept_for_a_while_or_until_it_is_forgotten() -> None:
    services = api_key()
    await services.registered.look_up(DESTINATION)
    await services.registered.look_up(DESTINATION)
    assert len(services.asked) == 3
    services.now += KEPT_FOR
    await services.registered.look_up(DESTINATION)
    services.now += timedelta(seconds=1)
    services.registered.forget(DESTINATION)
    assert services.registered.find(DESTINATION) is None
    await services.registered.look_up(DESTINATION)
    assert len(services.asked) == 9


async def test_a_connection_without_credentials_has_none() -> None:
    services = api_key()
    services.connection["ConnectionState"] = "DEAUTHORIZED"
    await services.registered.look_up(DESTINATION)
    found = services.registered.find(DESTINATION)
    assert found is not None and found[1].auth is None and len(services.asked) == 2


async def test_a_destination_made_anew_is_another_one() -> None:
    services = api_key()
    services.destination["ApiDestinationArn"] = f"{HOME}:api-destination/d/9"
    with pytest.raises(NotFoundError, match="does not exist"):
        await services.registered.look_up(DESTINATION)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"InvocationConnectivityParameters": {"ResourceParameters": {}}}, "InvocationConnectivityParameters"),
        ({"AuthParameters": {"ConnectivityParameters": {"ResourceParameters": {}}}}, "ConnectivityParameters"),
        ({"AuthParameters": {"InvocationHttpParameters": {"HeaderParameters": [HIDDEN]}}}, "'X-Token'"),
        ({"AuthorizationType": "OTHER"}, "OTHER"),
    ],
)
async def test_a_connection_that_cannot_be_used_from_here_is_refused_by_name(changed: dict, named: str) -> None:
    services = api_key()
    services.connection |= changed
    with pytest.raises(SettingsError, match=named):
        await services.registered.look_up(DESTINATION)


@pytest.mark.parametrize(
    ("secret", "told"),
    [("hush", "no JSON object"), ('["hush"]', "no JSON object"), ('{"api_key_name": "hush"}', "api_key_value is not")],
)
async def test_a_secret_of_another_form_is_told_without_its_content(secret: str, told: str) -> None:
    services = api_key()
    services.secret = secret
    with pytest.raises(AfterbayError, match=told) as caught:
        await services.registered.look_up(DESTINATION)
    assert "hush" not in str(caught.value)
