"""Calls to an OpenSearch cluster: how it is reached and signed in to, and what its refusals become.

The one place where the client's exceptions become ours, by HTTP status and the server's own error type. Numbers are
read with every digit. What to call, and what an error means for a record, is the callers'.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import msgspec
import urllib3
from opensearchpy import JSONSerializer, OpenSearch, TransportError, Urllib3AWSV4SignerAuth
from opensearchpy.exceptions import ConnectionTimeout, SerializationError

from afterbay.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    SettingsError,
    ThrottledError,
    UnavailableError,
)

__all__ = ["TIMED_OUT", "Answer", "Cluster", "ClusterAddress", "objects", "within"]

Answer = Mapping[str, object]
"""A JSON object: of an answer, or a part of one."""

TIMED_OUT = "timed_out"
"""The code of a call that was not answered in time. To wait for a second one would take a function's whole time."""

_CONNECTIONS = 8
_WAIT_S = urllib3.Timeout(connect=3, read=15)

_BY_STATUS: Mapping[int, type[ServiceError]] = {
    401: DeniedError,
    403: DeniedError,
    404: NotFoundError,
    408: UnavailableError,
    409: ConflictError,
    413: PayloadTooLargeError,
    429: ThrottledError,
}

_CLIENTS_LOG = logging.getLogger("opensearch")
if _CLIENTS_LOG.level == logging.NOTSET:
    # It warns of every failed request, traceback and all: 200 lines for a record while a cluster is away. What came
    # of the record is in the verdicts. A level that somebody has set stays.
    _CLIENTS_LOG.setLevel(logging.ERROR)

_EXACT = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """``url`` is ``http(s)://HOST:PORT``. ``user`` and ``password`` go by basic auth; ``auth`` (``es`` or ``aoss``)
    signs requests with the machine's AWS credentials for ``region`` instead."""

    url: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    auth: str = ""
    region: str = ""


class Cluster:
    """One client for all threads. ``shown`` names the sink in errors. Nothing is opened before the first call."""

    def __init__(self, address: ClusterAddress, shown: str, *, client: OpenSearch | None = None) -> None:
        self._shown = shown
        self._client = client or OpenSearch(
            hosts=[address.url],
            http_auth=_auth(address, shown),
            timeout=_WAIT_S,
            pool_maxsize=_CONNECTIONS,
            # Repeating is ours: it reads again what came of the first time.
            max_retries=0,
            retry_on_status=(),
            serializer=_AsText(),
        )

    def call(
        self,
        method: str,
        path: str,
        body: bytes | Answer | None = None,
        *,
        lines: bool = False,
        **parameters: str,
    ) -> Answer:
        """One request, once. ``lines``: the body is one JSON text per line.

        Raises ``ServiceError`` with the server's error type as its code, ``SettingsError`` where something else
        answers.
        """
        sent = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        kind = "application/x-ndjson" if lines else "application/json"
        transport = cast("Any", self._client.transport)
        try:
            told: object = transport.perform_request(
                method, path, params=dict(parameters), body=sent, headers={"content-type": kind} if sent else {}
            )
        except TransportError as fault:
            raise _read(fault, self._shown) from fault
        except SerializationError as foreign:
            raise self._no_opensearch() from foreign
        try:
            read: object = _EXACT.decode(cast("str", told))
        except (msgspec.DecodeError, TypeError) as foreign:
            raise self._no_opensearch() from foreign
        if not isinstance(read, dict):
            raise self._no_opensearch()
        return cast("Answer", read)

    def close(self) -> None:
        cast("Any", self._client).close()

    def _no_opensearch(self) -> SettingsError:
        return SettingsError(
            f"{self._shown}: what answers there is no OpenSearch", hint="see the host and port of the sink's address"
        )


class _AsText(JSONSerializer):
    """Bodies go out as they are made, answers come in as text: the client's own reading makes numbers inexact."""

    def loads(self, s: str) -> str:
        return s


def within(answer: object, *names: str) -> object:
    """The member under ``names``, one below the other; None where there is none."""
    for name in names:
        if not isinstance(answer, dict):
            return None
        answer = cast("Answer", answer).get(name)
    return answer


def objects(answer: object, *names: str) -> Sequence[Answer]:
    """The list under ``names``, its members as objects; empty where there is none."""
    found = within(answer, *names)
    if not isinstance(found, list):
        return ()
    return [cast("Answer", one) for one in cast("list[object]", found) if isinstance(one, dict)]


def _read(fault: TransportError, shown: str) -> ServiceError:
    status: object = fault.status_code
    if not isinstance(status, int):
        timed_out = isinstance(fault, ConnectionTimeout)
        code = TIMED_OUT if timed_out else type(cast("object", fault.info)).__name__
        return UnavailableError(f"{shown}: {'no answer in time' if timed_out else f'not reached ({code})'}", code=code)
    told: object = within(fault.info, "error", "type")
    code = told if isinstance(told, str) else str(status)
    kind = _BY_STATUS.get(status, UnavailableError if status >= 500 else ServiceError)
    return kind(f"{shown}: {code} (HTTP {status})", code=code)


def _auth(address: ClusterAddress, shown: str) -> object:
    if not address.auth:
        return (address.user, address.password) if address.user else None
    try:
        import boto3
    except ModuleNotFoundError as missing:
        raise SettingsError(
            f"{shown}: auth={address.auth} needs the AWS SDK", hint="install it: pip install 'afterbay[aws]'"
        ) from missing
    session = boto3.Session()
    region = address.region or session.region_name
    credentials = session.get_credentials()
    if not region:
        raise SettingsError(f"{shown}: no region to sign requests for", hint="add region= to the address")
    if credentials is None:
        raise SettingsError(f"{shown}: no AWS credentials to sign requests with", hint="as for any AWS SDK")
    return Urllib3AWSV4SignerAuth(credentials, region, address.auth)
