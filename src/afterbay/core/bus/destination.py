"""API destinations: an address, a connection, a rate (B33, B54).

Decides what requests about them are answered and how fast calls may follow one another. The calls are ``call.py``'s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from afterbay.core.bus.authorization import HTTPS_ENDPOINT, checked_endpoint
from afterbay.core.bus.connection import Connections
from afterbay.core.bus.constraints import (
    ARN_MAX,
    AWS_NAME,
    DESCRIPTION,
    Text,
    Whole,
    check,
    limit_exceeded,
    not_found,
)
from afterbay.core.bus.names import Home
from afterbay.core.bus.pages import PAGING, page
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import integer, text
from afterbay.errors import EndpointError

__all__ = ["ApiDestination", "ApiDestinations", "Pace"]

DESTINATIONS_MAX = 3000  # AWS's quota of a region
RATE_MAX = 300  # B54, and the default [recorded]

_NAME = Text(name="Name", low=1, high=64, pattern=AWS_NAME, required=True)
_CONNECTION_ARN = Text(
    name="ConnectionArn",
    low=1,
    high=ARN_MAX,
    pattern=r"^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:connection\/[\.\-_A-Za-z0-9]+\/[\-A-Za-z0-9]+$",
    matches=r"arn:aws[a-z\-]*:events:[a-z\d\-]*:([0-9]{12})?:connection/[\.\-_A-Za-z0-9]+/[\-A-Za-z0-9]+",
    required=True,
)
_ENDPOINT = Text(name="InvocationEndpoint", low=1, high=2048, pattern=HTTPS_ENDPOINT, required=True)
_METHOD = Text(name="HttpMethod", choices=("HEAD", "POST", "PATCH", "DELETE", "PUT", "GET", "OPTIONS"), required=True)
_RATE = Whole(name="InvocationRateLimitPerSecond", low=1, high=RATE_MAX)
_CREATE = (_NAME, DESCRIPTION, _CONNECTION_ARN, _ENDPOINT, _METHOD, _RATE)
_UPDATE = (
    _NAME,
    DESCRIPTION,
    replace(_CONNECTION_ARN, required=False),
    replace(_ENDPOINT, required=False),
    replace(_METHOD, required=False),
    _RATE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDestination:
    """One destination. ``rate`` is in calls a second; moments are epoch seconds."""

    name: str
    arn: str
    connection_arn: str
    endpoint: str
    method: str
    created_s: float
    modified_s: float
    rate: int = RATE_MAX
    description: str | None = None


class ApiDestinations:
    """The destinations of one home, which call with ``connections``. ``saved`` are those of an earlier run."""

    def __init__(self, home: Home, connections: Connections, saved: Iterable[ApiDestination] = ()) -> None:
        self.home = home
        self._connections = connections
        self._by_name = {one.name: one for one in saved}

    def create(self, params: Mapping[str, JsonValue], *, new_id: str, now: datetime) -> dict[str, JsonValue]:
        """CreateApiDestination. ``new_id`` is a fresh UUID. Raises ``SettingsError``, ``EndpointError``."""
        check(params, _CREATE)
        name = text(params, "Name") or ""
        if name in self._by_name:
            raise EndpointError("ResourceAlreadyExistsException", f"An api-destination '{name}' already exists.")
        if len(self._by_name) >= DESTINATIONS_MAX:
            raise limit_exceeded()
        made = ApiDestination(
            name=name,
            arn=self.home.arn(f"api-destination/{name}/{new_id}"),
            connection_arn=self._connection(text(params, "ConnectionArn") or ""),
            endpoint=checked_endpoint(_ENDPOINT.name, text(params, "InvocationEndpoint") or ""),
            method=text(params, "HttpMethod") or "",
            created_s=now.timestamp(),
            modified_s=now.timestamp(),
            rate=integer(params, "InvocationRateLimitPerSecond") or RATE_MAX,
            description=text(params, "Description"),
        )
        self._by_name[name] = made
        return self._outcome(made)

    def update(self, params: Mapping[str, JsonValue], *, now: datetime) -> dict[str, JsonValue]:
        """UpdateApiDestination: what is left out stays."""
        check(params, _UPDATE)
        current = self._named(params)
        connection, endpoint = text(params, "ConnectionArn"), text(params, "InvocationEndpoint")
        changed = replace(
            current,
            connection_arn=current.connection_arn if connection is None else self._connection(connection),
            endpoint=current.endpoint if endpoint is None else checked_endpoint(_ENDPOINT.name, endpoint),
            method=text(params, "HttpMethod") or current.method,
            rate=integer(params, "InvocationRateLimitPerSecond") or current.rate,
            description=text(params, "Description") or current.description,
            modified_s=now.timestamp(),
        )
        self._by_name[current.name] = changed
        return self._outcome(changed)

    def describe(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        check(params, (_NAME,))
        found = self._named(params)
        described = {} if found.description is None else {"Description": found.description}
        return {**self._summary(found), **described}

    def listed(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        prefix = replace(_NAME, name="NamePrefix", required=False)
        check(params, (prefix, replace(_CONNECTION_ARN, required=False), *PAGING))
        start, connection = text(params, "NamePrefix") or "", text(params, "ConnectionArn")
        wanted = {
            name: one
            for name, one in self._by_name.items()
            if name.startswith(start) and connection in (None, one.connection_arn)
        }
        shown, more = page(wanted, params)
        return {"ApiDestinations": [self._summary(one) for one in shown], **more}

    def delete(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        check(params, (_NAME,))
        del self._by_name[self._named(params).name]
        return {}

    def find(self, arn: str) -> ApiDestination | None:
        """The destination that a target's ARN names."""
        return next((one for one in self._by_name.values() if one.arn == arn), None)

    def saved(self) -> tuple[ApiDestination, ...]:
        return tuple(self._by_name.values())

    def state(self, destination: ApiDestination) -> str:
        """INACTIVE until its connection is authorized (B33)."""
        connection = self._connections.find(destination.connection_arn)
        return "ACTIVE" if connection is not None and connection.usable else "INACTIVE"

    def _named(self, params: Mapping[str, JsonValue]) -> ApiDestination:
        name = text(params, "Name") or ""
        if name not in self._by_name:
            raise not_found(
                f"Failed to describe the api-destination(s). An api-destination '{name}' does not exist."
            )  # recorded
        return self._by_name[name]

    def _connection(self, arn: str) -> str:
        if self._connections.find(arn) is None:
            name = arn.rsplit("/", 2)[1]
            raise not_found(f"Failed to describe the connection(s). Connection '{name}' does not exist.")
        return arn

    def _outcome(self, destination: ApiDestination) -> dict[str, JsonValue]:
        return {
            "ApiDestinationArn": destination.arn,
            "ApiDestinationState": self.state(destination),
            "CreationTime": destination.created_s,
            "LastModifiedTime": destination.modified_s,
        }

    def _summary(self, destination: ApiDestination) -> dict[str, JsonValue]:
        return {
            **self._outcome(destination),
            "Name": destination.name,
            "ConnectionArn": destination.connection_arn,
            "InvocationEndpoint": destination.endpoint,
            "HttpMethod": destination.method,
            "InvocationRateLimitPerSecond": destination.rate,
        }


class Pace:
    """How fast calls of one destination follow one another: at most ``rate`` within any second (B54)."""

    def __init__(self, rate: int) -> None:
        self._taken_s: deque[float] = deque(maxlen=rate)

    def take(self, now_s: float) -> float:
        """Take the next place; how long the call must wait for it. What waits may outlive its event's age."""
        taken = self._taken_s
        at_s = max(now_s, taken[0] + 1.0) if len(taken) == taken.maxlen else now_s
        taken.append(at_s)
        return at_s - now_s
