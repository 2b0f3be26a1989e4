"""What Secrets Manager keeps of a connection (B33): credentials in the form that EventBridge gives them.

The form is recorded for the three kinds of credentials. How single parameters are kept there whose values are secret is
not public; here they are kept as they were given (ours).
"""

from __future__ import annotations

from collections.abc import Mapping

from afterbay.core.bus.authorization import ApiKey, AuthorizationType, AuthParameters, Basic, OAuth, read_auth
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members, text
from afterbay.errors import SettingsError

__all__ = ["auth_of", "secret_of"]

_Members = Mapping[str, JsonValue]

_KEPT = {
    AuthorizationType.BASIC: ("BasicAuthParameters", {"Username": "username", "Password": "password"}),
    AuthorizationType.API_KEY: ("ApiKeyAuthParameters", {"ApiKeyName": "api_key_name", "ApiKeyValue": "api_key_value"}),
    AuthorizationType.OAUTH_CLIENT_CREDENTIALS: (
        "OAuthParameters",
        {"AuthorizationEndpoint": "authorization_endpoint", "HttpMethod": "http_method"},
    ),
}
_CLIENT = {"ClientID": "client_id", "ClientSecret": "client_secret"}
_KINDS = ("HeaderParameters", "QueryStringParameters", "BodyParameters")


def secret_of(auth: AuthParameters) -> dict[str, JsonValue]:
    """The JSON of the secret."""
    kept: dict[str, JsonValue]
    match auth.authorization:
        case Basic(username, password):
            kept = {"username": username, "password": password}
        case ApiKey(name, value):
            kept = {"api_key_name": name, "api_key_value": value}
        case OAuth() as oauth:
            kept = {
                "client_id": oauth.client_id,
                "client_secret": oauth.client_secret,
                "authorization_endpoint": oauth.endpoint,
                "http_method": oauth.method,
            }
    if auth.invocation is not None:
        kept["invocation_http_parameters"] = auth.body(secrets=True)["InvocationHttpParameters"]
    return kept


def auth_of(kind: AuthorizationType, shown: _Members, secret: _Members) -> AuthParameters:
    """AuthParameters as the connection was given them: ``shown`` is what DescribeConnection tells of them.

    Raises ``SettingsError`` for a parameter whose value is secret, and for a secret of another form; no value of it is
    told.
    """
    group, names = _KEPT[kind]
    own: dict[str, JsonValue] = {name: _text(secret, kept) for name, kept in names.items()}
    whole: dict[str, JsonValue] = {group: own}
    if kind is AuthorizationType.OAUTH_CLIENT_CREDENTIALS:
        own["ClientParameters"] = {name: _text(secret, kept) for name, kept in _CLIENT.items()}
        described = members(members(shown, group) or {}, "OAuthHttpParameters")
        if described is not None:
            own["OAuthHttpParameters"] = _open(described)
    described = members(shown, "InvocationHttpParameters")
    if described:
        whole["InvocationHttpParameters"] = _open(described)
    return read_auth(kind, whole)


def _text(secret: _Members, name: str) -> str:
    found = secret.get(name)
    if not isinstance(found, str):
        raise SettingsError(f"its secret is not as EventBridge writes it: {name} is not there")
    return found


def _open(parameters: _Members) -> dict[str, JsonValue]:
    """Parameters whose values are all shown."""
    for name in _KINDS:
        for one in items(parameters, name) or ():
            if isinstance(one, dict) and one.get("Value") is None:
                raise SettingsError(
                    f"the value of {text(one, 'Key')!r} in {name} is secret",
                    hint="how AWS stores it is not public: make it a value that is no secret, or the credential itself",
                )
    return dict(parameters)
