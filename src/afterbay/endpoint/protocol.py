"""What a service of the local address is handed and what it answers, and how AWS errors look on the wire.

A service is one async callable, ``Service``: the address has routed the request to it, and only that. Whatever is wrong
with the request a service raises as ``EndpointError``; the address writes it in the service's own form with
``error_response``. Reading JSON out of a body is here too, so that every service refuses broken JSON alike.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from typing import Protocol as Structural
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.errors import EndpointError

__all__ = [
    "ACCOUNT",
    "Protocol",
    "Request",
    "Response",
    "Service",
    "TimeKeeper",
    "error_response",
    "json_object",
    "json_response",
    "nested_too_deep",
    "service_fault",
]

ACCOUNT = "000000000000"
"""The one account of the local address (interfaces.md section 5)."""

Protocol: TypeAlias = Literal["json-1.0", "json-1.1", "rest-json", "query"]

# The modelled errors of the Lambda API whose text member is written ``Message`` (botocore's lambda model); the others,
# and the unmodelled ValidationException, write ``message``.
_CAPITAL_MESSAGE = frozenset(
    {
        "ResourceNotFoundException",
        "ResourceInUseException",
        "ResourceNotReadyException",
        "ServiceException",
        "EC2AccessDeniedException",
        "EC2ThrottledException",
        "ENILimitReachedException",
        "InvalidRuntimeException",
        "InvalidZipFileException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "SubnetIPAddressLimitReachedException",
    }
)


class TimeKeeper(Structural):
    """What the address asks of the clock that it shares with the engine."""

    def now(self) -> datetime: ...

    async def sleep_until(self, when: datetime) -> None: ...

    async def advance(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request that was routed to a service.

    ``path`` is still percent-encoded (an ARN may be one segment of it: see ``segments``); ``query`` is the raw query
    string without the question mark. Header names are lower case. ``region`` comes from the credential scope;
    ``client_host`` is the peer's address.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    region: str
    client_host: str = "127.0.0.1"

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts, each decoded: ``/a/arn%3Aaws/b`` is ``("a", "arn:aws", "b")``."""
        return tuple(unquote(part) for part in self.path.split("/") if part)

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, decoded; of one that is repeated the last counts."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back. Header names are lower case; length, date and request id are the address's to add."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Service: TypeAlias = Callable[[Request], Awaitable[Response]]


def json_object(body: bytes) -> dict[str, JsonValue]:
    """Read a request body that must be a JSON object; no body at all is an empty one. Raises ``EndpointError``."""
    if not body:
        return {}
    try:
        value: JsonValue = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EndpointError("SerializationException", f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise nested_too_deep() from error
    if not isinstance(value, dict):
        raise EndpointError("SerializationException", f"the body must be a JSON object, not {type(value).__name__}")
    return value


def nested_too_deep() -> EndpointError:
    """For JSON that whoever carries the call out cannot go through."""
    return EndpointError("SerializationException", "the body is not JSON: nested too deep")


def json_response(value: object, *, status: int = 200, protocol: Protocol = "rest-json") -> Response:
    """Answer ``value`` (anything msgspec can encode) as JSON. The JSON-RPC forms carry a CRC-32 of the body (S3)."""
    return _json(msgspec.json.encode(value), status=status, protocol=protocol)


def service_fault(code: str) -> EndpointError:
    """A planned fault as the error that its code means (S104)."""
    status = 503 if "Unavailable" in code else 500 if "Internal" in code or code == "ServiceException" else 400
    if code == "TooManyRequestsException":
        status = 429
    text = _FAULT_TEXTS.get(code, "A fault planned at /_afterbay/faults")
    return EndpointError(code, text, status=status)


def error_response(error: EndpointError, protocol: Protocol) -> Response:
    """Write an error the way SDKs read it: by header and ``Type`` for rest-json, by ``__type`` for JSON-RPC (S3)."""
    if protocol == "query":
        return _xml_error(error)
    if protocol != "rest-json":
        name = error.code if "#" in error.code else f"{_NAMESPACES[protocol]}#{error.code}"
        body: dict[str, str] = {"__type": name, "message": error.message}
        return _json(msgspec.json.encode(body), status=error.status, protocol=protocol)
    member = "Message" if error.code in _CAPITAL_MESSAGE else "message"
    document: dict[str, str] = {member: error.message}
    if error.code != "ValidationException":
        document = {"Type": "User" if error.status < 500 else "Service", **document}
    answer = _json(msgspec.json.encode(document), status=error.status, protocol=protocol)
    return Response(answer.status, answer.body, {**answer.headers, "x-amzn-errortype": error.code})


_FAULT_TEXTS = {
    "ExpiredIteratorException": "The provided iterator exceeds the maximum age allowed.",
    "ThrottlingException": "Rate exceeded",
    "TrimmedDataAccessException": "The data you are trying to access has been trimmed",
}
_NAMESPACES: dict[Protocol, str] = {"json-1.0": "com.amazonaws.dynamodb.v20120810", "json-1.1": "com.amazonaws"}
_CONTENT_TYPES: dict[Protocol, str] = {
    "json-1.0": "application/x-amz-json-1.0",
    "json-1.1": "application/x-amz-json-1.1",
    "rest-json": "application/json",
    "query": "text/xml",
}


def _xml_error(error: EndpointError) -> Response:
    """A document that S3's readers take as well as the query services'."""
    kind = "Sender" if error.status < 500 else "Receiver"
    inner = f"<Type>{kind}</Type><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    body = f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>"
    return Response(error.status, body.encode(), {"content-type": _CONTENT_TYPES["query"]})


def _json(body: bytes, *, status: int, protocol: Protocol) -> Response:
    headers = {"content-type": _CONTENT_TYPES[protocol]}
    if protocol != "rest-json":
        headers["x-amz-crc32"] = str(zlib.crc32(body))
    return Response(status, body, headers)
