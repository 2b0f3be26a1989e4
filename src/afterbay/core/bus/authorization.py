"""How API destinations are authorized: AuthParameters of a connection, and what they add to each call (B33, X56).

Decides what a request's members mean and what of them is shown: secrets are not, neither in ``repr`` nor in an answer.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec

from afterbay.core.bus.call import (
    HEADER_NAME,
    HEADER_VALUE,
    QUERY_NAME,
    QUERY_VALUE,
    Additions,
    check_header,
)
from afterbay.core.bus.constraints import Listed, Text, invalid, objects, violations
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import boolean, members, text

__all__ = [
    "HTTPS_ENDPOINT",
    "ApiKey",
    "AuthParameters",
    "Authorization",
    "AuthorizationType",
    "Basic",
    "OAuth",
    "Parameter",
    "Parameters",
    "additions",
    "auth_violations",
    "checked_endpoint",
    "merged",
    "read_auth",
]


class AuthorizationType(StrEnum):
    """In the order of AWS's sentence about any other value (B33)."""

    BASIC = "BASIC"
    OAUTH_CLIENT_CREDENTIALS = "OAUTH_CLIENT_CREDENTIALS"
    API_KEY = "API_KEY"


class ApiKey(msgspec.Struct, frozen=True, tag="API_KEY"):
    """A header of this name."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"ApiKey(name={self.name!r})"


class Basic(msgspec.Struct, frozen=True, tag="BASIC"):
    username: str
    password: str

    def __repr__(self) -> str:
        return f"Basic(username={self.username!r})"


class Parameter(msgspec.Struct, frozen=True):
    """One header, query or body parameter. ``secret``: its value is never shown."""

    name: str
    value: str
    secret: bool = False

    def __repr__(self) -> str:
        return f"Parameter(name={self.name!r}, secret={self.secret})"


class Parameters(msgspec.Struct, frozen=True):
    """ConnectionHttpParameters."""

    headers: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    body: tuple[Parameter, ...] = ()


class OAuth(msgspec.Struct, frozen=True, tag="OAUTH_CLIENT_CREDENTIALS"):
    """Client credentials, and where a token is had for them. ``parameters`` go with the request for the token."""

    endpoint: str
    method: str
    client_id: str
    client_secret: str
    parameters: Parameters | None = None

    def __repr__(self) -> str:
        return f"OAuth(endpoint={self.endpoint!r}, client_id={self.client_id!r})"


Authorization = ApiKey | Basic | OAuth


class AuthParameters(msgspec.Struct, frozen=True):
    """All that a connection has of a request's AuthParameters. ``invocation``: what every call gets besides."""

    authorization: Authorization
    invocation: Parameters | None = None

    def body(self, *, secrets: bool = False) -> dict[str, JsonValue]:
        """AuthParameters as AWS shows them; with ``secrets`` as they were given."""
        shown: dict[str, JsonValue] = {}
        match self.authorization:
            case ApiKey(name, value):
                shown["ApiKeyAuthParameters"] = _shown({"ApiKeyName": name}, {"ApiKeyValue": value}, secrets)
            case Basic(username, password):
                shown["BasicAuthParameters"] = _shown({"Username": username}, {"Password": password}, secrets)
            case OAuth() as oauth:
                client = _shown({"ClientID": oauth.client_id}, {"ClientSecret": oauth.client_secret}, secrets)
                group: dict[str, JsonValue] = {
                    "ClientParameters": client,
                    "AuthorizationEndpoint": oauth.endpoint,
                    "HttpMethod": oauth.method,
                }
                if oauth.parameters is not None:
                    group["OAuthHttpParameters"] = _parameters_body(oauth.parameters, secrets)
                shown["OAuthParameters"] = group
        if self.invocation is not None:
            shown["InvocationHttpParameters"] = _parameters_body(self.invocation, secrets)
        return shown


_CREDENTIAL = r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$"
_CREDENTIAL_MATCHES = r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*"  # the same texts, in linear time


def _credential(name: str, *, secret: bool = False) -> Text:
    return Text(
        name=name, low=1, high=512, pattern=_CREDENTIAL, matches=_CREDENTIAL_MATCHES, required=True, secret=secret
    )


HTTPS_ENDPOINT = r"^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$"
_GROUPS = {
    "BasicAuthParameters": (_credential("Username"), _credential("Password", secret=True)),
    "ApiKeyAuthParameters": (_credential("ApiKeyName"), _credential("ApiKeyValue", secret=True)),
    "OAuthParameters": (
        Text(name="AuthorizationEndpoint", low=1, high=2048, pattern=HTTPS_ENDPOINT, required=True),
        Text(name="HttpMethod", choices=("GET", "POST", "PUT"), required=True),
    ),
}
_CLIENT = (_credential("ClientID"), _credential("ClientSecret", secret=True))
_GROUP_OF = {
    AuthorizationType.BASIC: "BasicAuthParameters",
    AuthorizationType.OAUTH_CLIENT_CREDENTIALS: "OAuthParameters",
    AuthorizationType.API_KEY: "ApiKeyAuthParameters",
}
_KINDS = (
    ("HeaderParameters", HEADER_NAME, replace(HEADER_VALUE, secret=True)),
    ("QueryStringParameters", QUERY_NAME, replace(QUERY_VALUE, secret=True)),
    ("BodyParameters", Text(name="Key"), Text(name="Value", secret=True)),
)
_PARAMETERS_MAX = 100
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def auth_violations(auth: Mapping[str, JsonValue]) -> Iterator[str]:
    """What the model says of AuthParameters."""
    for group, model in _GROUPS.items():
        given, at = members(auth, group), f"authParameters.{group[0].lower()}{group[1:]}."
        if given is None:
            continue
        if group == "OAuthParameters":
            yield from violations(members(given, "ClientParameters") or {}, _CLIENT, at=f"{at}clientParameters.")
            yield from _parameter_violations(members(given, "OAuthHttpParameters"), f"{at}oAuthHttpParameters.")
        yield from violations(given, model, at=at)
    invocation = members(auth, "InvocationHttpParameters")
    yield from _parameter_violations(invocation, "authParameters.invocationHttpParameters.")


def checked_endpoint(name: str, endpoint: str) -> str:
    """An address that begins with https, or with http on this machine, which the local address takes (our text)."""
    parts = urlsplit(endpoint)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        return endpoint
    raise invalid(f"Parameter {name} is not valid. Reason: it must begin with https://.")


def read_auth(kind: AuthorizationType, auth: Mapping[str, JsonValue]) -> AuthParameters:
    """AuthParameters that the model took. Raises ``SettingsError`` where they are not those of ``kind`` (our text)."""
    group = _GROUP_OF[kind]
    given = members(auth, group)
    if given is None:
        raise invalid(f"Parameter(s) {group} must be specified for AuthorizationType {kind.value}.")
    if members(auth, "ConnectivityParameters") is not None:
        raise invalid("ConnectivityParameters is not implemented: endpoints are reached directly")
    invocation = _read_parameters(members(auth, "InvocationHttpParameters"))
    return AuthParameters(_read_authorization(kind, given), invocation)


def merged(current: AuthParameters | None, auth: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """AuthParameters of an update, with what it leaves out filled in from ``current``, group by group."""
    whole = current.body(secrets=True) if current is not None else {}
    for name, value in auth.items():
        before = whole.get(name)
        if name in _GROUPS and isinstance(before, dict) and isinstance(value, dict):
            whole[name] = {**before, **value}
            client, given = before.get("ClientParameters"), value.get("ClientParameters")
            if isinstance(client, dict) and isinstance(given, dict):
                whole[name] = {**before, **value, "ClientParameters": {**client, **given}}
        else:
            whole[name] = value
    return whole


def additions(auth: AuthParameters, *, token: str | None = None) -> Additions:
    """What a connection adds to a call; no parameter takes the place of its credentials.

    ``token``: the one that OAuth's endpoint gave.
    """
    headers: tuple[tuple[str, str], ...]
    match auth.authorization:
        case ApiKey(name, value):
            headers = ((name, value),)
        case Basic(username, password):
            both = b64encode(f"{username}:{password}".encode()).decode()
            headers = (("Authorization", f"Basic {both}"),)
        case OAuth():
            headers = () if token is None else (("Authorization", f"Bearer {token}"),)
    taken = {name.lower() for name, _ in headers}
    more = auth.invocation or Parameters()
    others = tuple(pair for pair in _pairs(more.headers) if pair[0].lower() not in taken)
    return Additions(headers=(*others, *headers), query=_pairs(more.query), body=_pairs(more.body))


def _pairs(parameters: tuple[Parameter, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.value) for one in parameters)


def _read_authorization(kind: AuthorizationType, given: Mapping[str, JsonValue]) -> Authorization:
    match kind:
        case AuthorizationType.API_KEY:
            return ApiKey(text(given, "ApiKeyName") or "", text(given, "ApiKeyValue") or "")
        case AuthorizationType.BASIC:
            return Basic(text(given, "Username") or "", text(given, "Password") or "")
        case AuthorizationType.OAUTH_CLIENT_CREDENTIALS:
            client = members(given, "ClientParameters") or {}
            return OAuth(
                endpoint=checked_endpoint("AuthorizationEndpoint", text(given, "AuthorizationEndpoint") or ""),
                method=text(given, "HttpMethod") or "",
                client_id=text(client, "ClientID") or "",
                client_secret=text(client, "ClientSecret") or "",
                parameters=_read_parameters(members(given, "OAuthHttpParameters")),
            )


def _read_parameters(given: Mapping[str, JsonValue] | None) -> Parameters | None:
    if given is None:
        return None
    headers, query, body = (
        tuple(
            Parameter(text(one, "Key") or "", text(one, "Value") or "", boolean(one, "IsValueSecret") is True)
            for one in objects(given, name)
        )
        for name, _, _ in _KINDS
    )
    for header in headers:
        check_header(header.name)
    return Parameters(headers, query, body)


def _parameters_body(parameters: Parameters, secrets: bool) -> dict[str, JsonValue]:
    listed = zip(_KINDS, (parameters.headers, parameters.query, parameters.body), strict=True)
    return {name: [_parameter_body(one, secrets) for one in given] for (name, _, _), given in listed if given}


def _parameter_body(parameter: Parameter, secrets: bool) -> JsonValue:
    shown: dict[str, JsonValue] = {"Key": parameter.name, "IsValueSecret": parameter.secret}
    return _shown(shown, {"Value": parameter.value}, secrets or not parameter.secret)


def _shown(members_of: dict[str, JsonValue], secret: dict[str, JsonValue], with_secret: bool) -> dict[str, JsonValue]:
    return {**members_of, **secret} if with_secret else members_of


def _parameter_violations(given: Mapping[str, JsonValue] | None, at: str) -> Iterator[str]:
    for name, key_rule, value_rule in _KINDS:
        yield from violations(given or {}, (Listed(name=name, high=_PARAMETERS_MAX),), at=at)
        for number, one in enumerate(objects(given or {}, name), start=1):
            yield from violations(one, (key_rule, value_rule), at=f"{at}{name[0].lower()}{name[1:]}.{number}.member.")
