"""Connections: made, changed, shown without secrets, used (B33, X56)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from afterbay.core.bus.authorization import ApiKey, AuthParameters, Basic, OAuth, additions
from afterbay.core.bus.connection import Connection, Connections
from afterbay.core.bus.names import Home
from afterbay.errors import EndpointError, SettingsError

HOME = Home("111122223333", "eu-west-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)
IDS = ("connection-id", "secret-id")
SECRET = "hunter2"
BASIC = {"BasicAuthParameters": {"Username": "user", "Password": SECRET}}
KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": SECRET}}
CLIENT = {
    "OAuthParameters": {
        "ClientParameters": {"ClientID": "client", "ClientSecret": SECRET},
        "AuthorizationEndpoint": "https://example.com/oauth",
        "HttpMethod": "POST",
    }
}
EACH = [("BASIC", BASIC), ("API_KEY", KEY), ("OAUTH_CLIENT_CREDENTIALS", CLIENT)]
MORE = {
    "HeaderParameters": [{"Key": "h", "Value": SECRET, "IsValueSecret": True}],
    "QueryStringParameters": [{"Key": "q", "Value": "seen"}],
    "BodyParameters": [{"Key": "b", "Value": "seen", "IsValueSecret": False}],
}


def created(kind: str = "BASIC", auth: Any = BASIC, **more: Any) -> Connections:
    connections = Connections(HOME)
    connections.create({"Name": "c", "AuthorizationType": kind, "AuthParameters": auth, **more}, ids=IDS, now=NOW)
    return connections


def shown(connections: Connections) -> dict[str, Any]:
    return connections.describe({"Name": "c"})


def auth_of(connections: Connections) -> AuthParameters:
    (one,) = connections.saved()
    assert one.auth is not None
    return one.auth


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises((EndpointError, SettingsError)) as error:
        call(*args, **kwargs)
    assert SECRET not in error.value.message
    return error.value.code, error.value.message


def test_a_connection_is_answered_and_shown_as_recorded() -> None:
    connections = Connections(HOME)
    given = {"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": KEY, "Description": "d"}
    moments = {"CreationTime": NOW.timestamp(), "LastModifiedTime": NOW.timestamp()}
    arn = "arn:aws:events:eu-west-1:111122223333:connection/c/connection-id"
    answer = connections.create(given, ids=IDS, now=NOW)
    assert answer == {"ConnectionArn": arn, "ConnectionState": "AUTHORIZED", **moments}
    summary = {**answer, "Name": "c", "AuthorizationType": "API_KEY", "LastAuthorizedTime": NOW.timestamp()}
    assert connections.listed({}) == {"Connections": [summary]}
    assert shown(connections) == {
        **summary,
        "Description": "d",
        "SecretArn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:events!connection/c/secret-id",
        "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key"}},
    }


@pytest.mark.parametrize(("kind", "auth"), EACH)
def test_no_secret_is_ever_shown(kind: str, auth: dict[str, Any]) -> None:
    connections = created(kind, {**auth, "InvocationHttpParameters": MORE})
    told = [shown(connections), connections.listed({}), connections.deauthorize({"Name": "c"}, now=NOW)]
    assert SECRET not in json.dumps(told)
    whole = created(kind, {**auth, "InvocationHttpParameters": MORE})
    assert SECRET not in repr(whole.saved()) and SECRET not in repr(additions(auth_of(whole)))


def test_parameters_are_shown_but_for_secret_values() -> None:
    connections = created(auth={**BASIC, "InvocationHttpParameters": MORE})
    assert shown(connections)["AuthParameters"]["InvocationHttpParameters"] == {
        "HeaderParameters": [{"Key": "h", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "q", "IsValueSecret": False, "Value": "seen"}],
        "BodyParameters": [{"Key": "b", "IsValueSecret": False, "Value": "seen"}],
    }
    assert shown(created(auth={**BASIC, "InvocationHttpParameters": {}}))["AuthParameters"] == {
        "BasicAuthParameters": {"Username": "user"},
        "InvocationHttpParameters": {},
    }  # recorded


def test_what_goes_with_the_request_for_a_token_is_shown_too() -> None:
    client = {"OAuthParameters": {**CLIENT["OAuthParameters"], "OAuthHttpParameters": MORE}}
    group = shown(created("OAUTH_CLIENT_CREDENTIALS", client))["AuthParameters"]["OAuthParameters"]
    assert group["OAuthHttpParameters"]["HeaderParameters"] == [{"Key": "h", "IsValueSecret": True}]
    assert group["ClientParameters"] == {"ClientID": "client"}


@pytest.mark.parametrize(
    ("kind", "auth", "state"),
    [(*EACH[0], "AUTHORIZED"), (*EACH[1], "AUTHORIZED"), (*EACH[2], "AUTHORIZING")],
)
def test_a_client_has_no_token_at_first(kind: str, auth: dict[str, Any], state: str) -> None:
    """B33."""
    connections = created(kind, auth)
    assert shown(connections)["ConnectionState"] == state
    connections.authorized("c", now=LATER, token=True)
    assert shown(connections)["ConnectionState"] == "AUTHORIZED"
    assert shown(connections)["LastAuthorizedTime"] == LATER.timestamp()


def test_a_client_that_gets_no_token_is_deauthorized_and_one_that_is_gone_is_nothing() -> None:
    connections = created(*EACH[2])
    connections.authorized("c", now=LATER, token=False)
    assert shown(connections)["ConnectionState"] == "DEAUTHORIZED"
    connections.authorized("gone", now=LATER, token=True)


def test_a_deauthorized_connection_has_no_secrets_and_can_have_new_ones() -> None:
    connections = created()
    assert connections.deauthorize({"Name": "c"}, now=LATER)["ConnectionState"] == "DEAUTHORIZING"
    assert shown(connections)["ConnectionState"] == "DEAUTHORIZED" and "AuthParameters" not in shown(connections)
    connections.authorized("c", now=LATER, token=True)
    assert shown(connections)["ConnectionState"] == "DEAUTHORIZED"
    given = {"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": KEY}
    assert connections.update(given, now=LATER)["ConnectionState"] == "AUTHORIZED"
    assert auth_of(connections).authorization == ApiKey("X-Key", SECRET)


def test_a_deleted_connection_is_answered_as_deleting_and_gone() -> None:
    connections = created()
    assert connections.delete({"Name": "c"})["ConnectionState"] == "DELETING"
    told = ("ResourceNotFoundException", "Failed to describe the connection(s). Connection 'c' does not exist.")
    assert refused(connections.describe, {"Name": "c"}) == told
    assert refused(connections.delete, {"Name": "c"}) == told


def test_an_update_changes_what_it_names() -> None:
    connections = created(auth={**BASIC, "InvocationHttpParameters": MORE}, Description="d", KmsKeyIdentifier="k")
    answer = connections.update(
        {"Name": "c", "AuthParameters": {"BasicAuthParameters": {"Password": "new"}}}, now=LATER
    )
    assert (answer["CreationTime"], answer["LastModifiedTime"]) == (NOW.timestamp(), LATER.timestamp())
    assert auth_of(connections).authorization == Basic("user", "new")
    assert auth_of(connections).invocation is not None
    assert (shown(connections)["Description"], shown(connections)["KmsKeyIdentifier"]) == ("d", "k")


def test_an_update_of_the_description_leaves_the_authorization_as_it_is() -> None:
    connections = created(*EACH[2])
    connections.authorized("c", now=NOW, token=True)
    assert connections.update({"Name": "c", "Description": "d"}, now=LATER)["ConnectionState"] == "AUTHORIZED"
    connections.deauthorize({"Name": "c"}, now=NOW)
    assert connections.update({"Name": "c", "Description": "e"}, now=LATER)["ConnectionState"] == "DEAUTHORIZED"
    assert shown(connections)["Description"] == "e"


def test_an_update_of_a_client_keeps_the_rest_of_it() -> None:
    connections = created(*EACH[2])
    change = {"OAuthParameters": {"ClientParameters": {"ClientID": "other"}, "HttpMethod": "GET"}}
    assert connections.update({"Name": "c", "AuthParameters": change}, now=LATER)["ConnectionState"] == "AUTHORIZING"
    assert auth_of(connections).authorization == OAuth("https://example.com/oauth", "GET", "other", SECRET)


def test_another_type_wants_its_own_parameters() -> None:
    connections = created()
    told = refused(connections.update, {"Name": "c", "AuthorizationType": "API_KEY"}, now=LATER)
    assert told == (
        "ValidationException",
        "Parameter(s) ApiKeyAuthParameters must be specified for AuthorizationType API_KEY.",
    )
    assert refused(created, "OAUTH_CLIENT_CREDENTIALS", KEY)[1].startswith("Parameter(s) OAuthParameters must be")


def test_an_update_with_wrong_credentials_changes_nothing() -> None:
    connections = created()
    change = {"BasicAuthParameters": {"Password": SECRET + ":"}}
    told = refused(connections.update, {"Name": "c", "AuthParameters": change}, now=LATER)[1]
    assert "Value at 'authParameters.basicAuthParameters.password'" in told
    assert auth_of(connections).authorization == Basic("user", SECRET)


def test_a_region_has_room_for_three_thousand() -> None:
    (one,) = created().saved()
    full = Connections(HOME, [replace(one, name=f"c{number}") for number in range(3000)])
    given = {"Name": "more", "AuthorizationType": "BASIC", "AuthParameters": BASIC}
    assert refused(full.create, given, ids=IDS, now=NOW)[0] == "LimitExceededException"


def test_connections_are_listed_by_prefix_and_state() -> None:
    connections = created()
    given = {"Name": "other", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": CLIENT}
    connections.create(given, ids=IDS, now=NOW)

    def names(**params: Any) -> list[str]:
        return [one["Name"] for one in connections.listed(params)["Connections"]]

    assert names() == ["c", "other"]
    assert names(NamePrefix="o") == names(ConnectionState="AUTHORIZING") == ["other"]
    assert names(Limit=1) == ["c"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"Name": "c"}, "already exists"),
        ({"AuthParameters": None}, "Value null at 'authParameters'"),
        ({"AuthorizationType": None}, "Value null at 'authorizationType'"),
        ({"InvocationConnectivityParameters": {}}, "InvocationConnectivityParameters is not implemented"),
        ({"AuthParameters": {**BASIC, "ConnectivityParameters": {}}}, "ConnectivityParameters is not implemented"),
        ({"AuthParameters": {"BasicAuthParameters": {"Username": "a:b"}}}, "'authParameters.basicAuthParameters.user"),
        (
            {"AuthParameters": {"BasicAuthParameters": {"Username": "u", "Password": SECRET + ":"}}},
            "Value at 'authParameters.basicAuthParameters.password'",
        ),
        (
            {"AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": SECRET * 100}}},
            "Value at 'authParameters.apiKeyAuthParameters.apiKeyValue'",
        ),
        (
            {"AuthParameters": {"OAuthParameters": {"AuthorizationEndpoint": "{", "HttpMethod": "HEAD"}}},
            "'authParameters.oAuthParameters.clientParameters.clientID'",
        ),
        (
            {
                "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
                "AuthParameters": {
                    "OAuthParameters": {**CLIENT["OAuthParameters"], "AuthorizationEndpoint": "http://example.com"}
                },
            },
            "Parameter AuthorizationEndpoint is not valid.",
        ),
        (
            {"AuthParameters": {**BASIC, "InvocationHttpParameters": {"HeaderParameters": [{"Key": "a b"}]}}},
            "'authParameters.invocationHttpParameters.headerParameters.1.member.key'",
        ),
        (
            {"AuthParameters": {**BASIC, "InvocationHttpParameters": {"HeaderParameters": [{"Key": "X-Amz-A"}]}}},
            "X-Amz-A is not allowed",
        ),
        (
            {"AuthParameters": {**BASIC, "InvocationHttpParameters": {"BodyParameters": [{}] * 101}}},
            "'authParameters.invocationHttpParameters.bodyParameters'",
        ),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], told: str) -> None:
    connections = created()
    params = {"Name": "new", "AuthorizationType": "BASIC", "AuthParameters": BASIC, **given}
    assert told in refused(connections.create, params, ids=IDS, now=NOW)[1]
    assert len(connections.saved()) == 1


@pytest.mark.parametrize(("kind", "auth"), EACH)
def test_what_is_saved_makes_the_same_connection_again(kind: str, auth: dict[str, Any]) -> None:
    kept = created(kind, {**auth, "InvocationHttpParameters": MORE}).saved()
    assert msgspec.json.decode(msgspec.json.encode(kept), type=tuple[Connection, ...]) == kept
    assert Connections(HOME, kept).saved() == kept
