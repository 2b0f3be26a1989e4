"""The connections of a region: made, changed, deauthorized, shown (B33).

Decides which state a connection is in and what its requests are answered. ``authorization.py`` knows what its secrets
mean; a client's token is the driver's to get, which then says ``authorized``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from afterbay.core.bus.authorization import (
    AuthorizationType,
    AuthParameters,
    OAuth,
    auth_violations,
    merged,
    read_auth,
)
from afterbay.core.bus.constraints import (
    AWS_NAME,
    DESCRIPTION,
    KMS_KEY,
    Text,
    check,
    limit_exceeded,
    not_found,
    refuse_members,
    violations,
)
from afterbay.core.bus.names import Home
from afterbay.core.bus.pages import PAGING, page
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import members, text, validation_error
from afterbay.errors import EndpointError

__all__ = ["Connection", "ConnectionState", "Connections"]

CONNECTIONS_MAX = 3000  # AWS's quota of a region


class ConnectionState(StrEnum):
    CREATING = "CREATING"
    UPDATING = "UPDATING"
    DELETING = "DELETING"
    AUTHORIZED = "AUTHORIZED"
    DEAUTHORIZED = "DEAUTHORIZED"
    AUTHORIZING = "AUTHORIZING"
    DEAUTHORIZING = "DEAUTHORIZING"
    ACTIVE = "ACTIVE"
    FAILED_CONNECTIVITY = "FAILED_CONNECTIVITY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection. ``auth`` None: it was deauthorized and has none. Moments are epoch seconds."""

    name: str
    arn: str
    secret_arn: str
    kind: AuthorizationType
    auth: AuthParameters | None
    state: ConnectionState
    created_s: float
    modified_s: float
    authorized_s: float
    description: str | None = None
    kms_key: str | None = None

    @property
    def usable(self) -> bool:
        """True if calls can be made with it."""
        return self.state is ConnectionState.AUTHORIZED

    def summary(self) -> dict[str, JsonValue]:
        """As ListConnections shows it [recorded]."""
        return {"Name": self.name, "AuthorizationType": self.kind.value, **self.outcome()}

    def outcome(self) -> dict[str, JsonValue]:
        """As requests that change it are answered; CreateConnection leaves out LastAuthorizedTime [recorded]."""
        return {
            "ConnectionArn": self.arn,
            "ConnectionState": self.state.value,
            "CreationTime": self.created_s,
            "LastModifiedTime": self.modified_s,
            "LastAuthorizedTime": self.authorized_s,
        }

    def body(self) -> dict[str, JsonValue]:
        """As DescribeConnection shows it, without any secret [recorded]."""
        optional: dict[str, JsonValue] = {"Description": self.description, "KmsKeyIdentifier": self.kms_key}
        whole = {**self.summary(), "SecretArn": self.secret_arn}
        if self.auth is not None:
            whole["AuthParameters"] = self.auth.body()
        return {**whole, **{name: value for name, value in optional.items() if value is not None}}


_NAME = Text(name="Name", low=1, high=64, pattern=AWS_NAME, required=True)
_TYPE = Text(name="AuthorizationType", choices=tuple(AuthorizationType), required=True)
_STATE = Text(name="ConnectionState", choices=tuple(ConnectionState))
_PREFIX = Text(name="NamePrefix", low=1, high=64, pattern=AWS_NAME)


class Connections:
    """The connections of one home. ``saved`` are those of an earlier run."""

    def __init__(self, home: Home, saved: Iterable[Connection] = ()) -> None:
        self.home = home
        self._by_name = {one.name: one for one in saved}

    def create(self, params: Mapping[str, JsonValue], *, ids: tuple[str, str], now: datetime) -> dict[str, JsonValue]:
        """CreateConnection. ``ids``: fresh UUIDs for the connection and for the name of its secret.

        Rules: B33 with OAuth it starts AUTHORIZING, else AUTHORIZED. Raises ``SettingsError``, ``EndpointError``.
        """
        self._check(params, (_NAME, DESCRIPTION, _TYPE, KMS_KEY))
        name, kind = text(params, "Name") or "", AuthorizationType(text(params, "AuthorizationType") or "")
        if name in self._by_name:
            raise EndpointError("ResourceAlreadyExistsException", f"Connection {name} already exists.")
        if len(self._by_name) >= CONNECTIONS_MAX:
            raise limit_exceeded()
        auth = read_auth(kind, members(params, "AuthParameters") or {})
        resource = f"secret:events!connection/{name}/{ids[1]}"
        made = Connection(
            name=name,
            arn=self.home.arn(f"connection/{name}/{ids[0]}"),
            secret_arn=self.home.arn(resource).replace(":events:", ":secretsmanager:", 1),
            kind=kind,
            auth=auth,
            state=_state_with(auth),
            created_s=now.timestamp(),
            modified_s=now.timestamp(),
            authorized_s=now.timestamp(),
            description=text(params, "Description"),
            kms_key=text(params, "KmsKeyIdentifier"),
        )
        self._by_name[name] = made
        answer = made.outcome()
        del answer["LastAuthorizedTime"]
        return answer

    def update(self, params: Mapping[str, JsonValue], *, now: datetime) -> dict[str, JsonValue]:
        """UpdateConnection: what is left out stays. Other credentials are authorized anew."""
        self._check(params, (_NAME, DESCRIPTION, replace(_TYPE, required=False), KMS_KEY), whole=False)
        current = self._named(params)
        changed = replace(
            current,
            modified_s=now.timestamp(),
            description=text(params, "Description") or current.description,
            kms_key=text(params, "KmsKeyIdentifier") or current.kms_key,
        )
        kind = AuthorizationType(text(params, "AuthorizationType") or current.kind)
        given = members(params, "AuthParameters")
        if given is not None or kind is not current.kind:
            whole = merged(current.auth, given or {})
            broken = list(auth_violations(whole))
            if broken:
                raise validation_error(broken)
            auth = read_auth(kind, whole)
            changed = replace(changed, kind=kind, auth=auth, state=_state_with(auth), authorized_s=now.timestamp())
        self._by_name[current.name] = changed
        return changed.outcome()

    def describe(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        check(params, (_NAME,))
        return self._named(params).body()

    def listed(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        check(params, (_PREFIX, _STATE, *PAGING))
        prefix, state = text(params, "NamePrefix") or "", text(params, "ConnectionState")
        wanted = {
            name: one
            for name, one in self._by_name.items()
            if name.startswith(prefix) and state in (None, one.state.value)
        }
        shown, more = page(wanted, params)
        return {"Connections": [one.summary() for one in shown], **more}

    def delete(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """DeleteConnection: answered as DELETING, and gone [recorded]."""
        check(params, (_NAME,))
        gone = self._by_name.pop(self._named(params).name)
        return replace(gone, state=ConnectionState.DELETING).outcome()

    def deauthorize(self, params: Mapping[str, JsonValue], *, now: datetime) -> dict[str, JsonValue]:
        """DeauthorizeConnection: answered as DEAUTHORIZING; its secrets are gone."""
        check(params, (_NAME,))
        changed = replace(self._named(params), auth=None, modified_s=now.timestamp())
        self._by_name[changed.name] = replace(changed, state=ConnectionState.DEAUTHORIZED)
        return replace(changed, state=ConnectionState.DEAUTHORIZING).outcome()

    def authorized(self, name: str, *, now: datetime, token: bool) -> None:
        """The driver heard from the token's endpoint; without a ``token`` the connection is DEAUTHORIZED."""
        current = self._by_name.get(name)
        if current is None or current.auth is None:
            return
        state = ConnectionState.AUTHORIZED if token else ConnectionState.DEAUTHORIZED
        at_s = now.timestamp() if token else current.authorized_s
        self._by_name[name] = replace(current, state=state, authorized_s=at_s)

    def find(self, arn: str) -> Connection | None:
        """The connection of an ARN."""
        return next((one for one in self._by_name.values() if one.arn == arn), None)

    def saved(self) -> tuple[Connection, ...]:
        """What to keep, secrets included."""
        return tuple(self._by_name.values())

    def _named(self, params: Mapping[str, JsonValue]) -> Connection:
        name = text(params, "Name") or ""
        if name not in self._by_name:
            raise not_found(f"Failed to describe the connection(s). Connection '{name}' does not exist.")
        return self._by_name[name]

    def _check(self, params: Mapping[str, JsonValue], model: tuple[Text, ...], *, whole: bool = True) -> None:
        auth = members(params, "AuthParameters")
        broken = list(violations(params, model))
        if auth is None and whole:
            broken.append("Value null at 'authParameters' failed to satisfy constraint: Member must not be null")
        if auth is not None and whole:
            broken.extend(auth_violations(auth))
        if broken:
            raise validation_error(broken)
        refuse_members(params, ("InvocationConnectivityParameters",), "endpoints are reached directly")


def _state_with(auth: AuthParameters) -> ConnectionState:
    oauth = isinstance(auth.authorization, OAuth)
    return ConnectionState.AUTHORIZING if oauth else ConnectionState.AUTHORIZED
