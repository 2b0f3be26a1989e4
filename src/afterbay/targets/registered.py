"""API destinations as EventBridge knows them: looked up when they are called, with the secrets of their connections.

The secrets of a connection are in Secrets Manager, under the ARN that DescribeConnection tells; ``core.bus.secret``
reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import msgspec

from afterbay.aws.regions import AwsRegions
from afterbay.core.bus.authorization import AuthorizationType, AuthParameters
from afterbay.core.bus.connection import Connection, ConnectionState
from afterbay.core.bus.destination import RATE_MAX, ApiDestination
from afterbay.core.bus.secret import auth_of
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import integer, members, text
from afterbay.errors import NotFoundError, ServiceError, SettingsError
from afterbay.targets.destination import Found

__all__ = ["KEPT_FOR", "RegisteredDestinations"]

KEPT_FOR = timedelta(minutes=5)
"""How long a destination and its credentials are used before they are looked up again. A refusal looks at once."""

_Members = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class _Kept:
    found: Found
    until: datetime


class RegisteredDestinations:
    """``look_up`` a destination, then ``find`` it."""

    def __init__(self, aws: AwsRegions, now: Callable[[], datetime]) -> None:
        self._aws = aws
        self._now = now
        self._kept: dict[str, _Kept] = {}

    def find(self, arn: str) -> Found | None:
        """What was found when it was looked up last."""
        kept = self._kept.get(arn)
        return None if kept is None else kept.found

    def forget(self, arn: str) -> None:
        """Look it up anew before the next call."""
        self._kept.pop(arn, None)

    async def look_up(self, arn: str) -> None:
        """See that ``find`` knows it. Raises ``ServiceError``, ``NotFoundError`` too, and ``SettingsError`` for a
        connection that cannot be used from here."""
        kept = self._kept.get(arn)
        if kept is None or kept.until <= self._now():
            self._kept[arn] = _Kept(await self._found(arn), self._now() + KEPT_FOR)

    async def _found(self, arn: str) -> Found:
        told = await self._ask(arn, "events", "describe_api_destination", Name=_name(arn))
        if text(told, "ApiDestinationArn") != arn:  # one of the same name, made since
            raise NotFoundError(f"API destination {arn} does not exist", code="ResourceNotFoundException")
        connection = text(told, "ConnectionArn") or ""
        destination = ApiDestination(
            name=_name(arn),
            arn=arn,
            connection_arn=connection,
            endpoint=text(told, "InvocationEndpoint") or "",
            method=text(told, "HttpMethod") or "",
            created_s=0.0,
            modified_s=0.0,
            rate=integer(told, "InvocationRateLimitPerSecond") or RATE_MAX,
        )
        return destination, await self._connection(connection)

    async def _connection(self, arn: str) -> Connection:
        told = await self._ask(arn, "events", "describe_connection", Name=_name(arn))
        named = text(told, "AuthorizationType")
        kind = next((one for one in AuthorizationType if one.value == named), None)
        if kind is None:
            raise SettingsError(f"connection {arn} is authorized by {named}, which is not implemented")
        deauthorized = text(told, "ConnectionState") == ConnectionState.DEAUTHORIZED.value
        shown, secret_arn = members(told, "AuthParameters") or {}, text(told, "SecretArn") or ""
        for holder, name in ((told, "InvocationConnectivityParameters"), (shown, "ConnectivityParameters")):
            if members(holder, name):
                raise SettingsError(f"connection {arn} has {name}: endpoints are reached directly from here")
        auth: AuthParameters | None = None
        if not deauthorized:
            secret = await self._secret(secret_arn)
            try:
                auth = auth_of(kind, shown, secret)
            except SettingsError as error:
                raise SettingsError(f"connection {arn}: {error.message}", hint=error.hint) from error
        return Connection(
            name=_name(arn),
            arn=arn,
            secret_arn=secret_arn,
            kind=kind,
            auth=auth,
            state=ConnectionState.DEAUTHORIZED if deauthorized else ConnectionState.AUTHORIZED,
            created_s=0.0,
            modified_s=0.0,
            authorized_s=0.0,
        )

    async def _secret(self, arn: str) -> _Members:
        told = await self._ask(arn, "secretsmanager", "get_secret_value", SecretId=arn)
        try:
            secret: JsonValue = msgspec.json.decode(text(told, "SecretString") or "")
        except msgspec.DecodeError:
            secret = None
        if not isinstance(secret, dict):
            raise ServiceError(f"secret {arn} is no JSON object", code="UnreadableAnswer")
        return secret

    async def _ask(self, arn: str, service: str, operation: str, **parameters: object) -> _Members:
        answer = await self._aws.of(parse_arn(arn).region).call(service, operation, **parameters)
        return cast("_Members", answer)


def _name(arn: str) -> str:
    """``api-destination/NAME/ID`` and ``connection/NAME/ID``."""
    return parse_arn(arn).resource.split("/")[1]
