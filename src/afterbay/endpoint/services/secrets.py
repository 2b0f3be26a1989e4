"""Secrets Manager, as far as buses need it: the secrets of connections, for who calls API destinations himself (B33).

No other secret is kept here.
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from afterbay.core.bus.connection import Connection
from afterbay.core.bus.secret import secret_of
from afterbay.core.mapping.constraints import text
from afterbay.endpoint.protocol import Request, Response, json_object, json_response
from afterbay.engine.homes import Homes
from afterbay.errors import EndpointError

__all__ = ["Secrets"]

_SERVED = "GetSecretValue"
_VERSION = "AWSCURRENT"


class Secrets:
    """The service: ``await secrets(request)``."""

    def __init__(self, homes: Homes) -> None:
        self._homes = homes

    async def __call__(self, request: Request) -> Response:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation != _SERVED:
            raise EndpointError(
                "UnknownOperationException",
                f"{operation} is not served: this address keeps the secrets of connections, for {_SERVED}",
                status=HTTPStatus.BAD_REQUEST,
            )
        secret = text(json_object(request.body), "SecretId") or ""
        for one in self._homes.of(request.region).connections.saved():
            if one.auth is not None and secret in (one.secret_arn, _name(one)):
                kept = msgspec.json.encode(secret_of(one.auth)).decode()
                answer = {
                    "ARN": one.secret_arn,
                    "Name": _name(one),
                    "SecretString": kept,
                    "VersionStages": [_VERSION],
                    "CreatedDate": one.created_s,
                }
                return json_response(answer, protocol="json-1.1")
        raise EndpointError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def _name(connection: Connection) -> str:
    return connection.secret_arn.partition(":secret:")[2]
