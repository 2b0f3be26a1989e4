"""The Invoke call of the Lambda API."""

from __future__ import annotations

import base64
import binascii
import uuid
from http import HTTPStatus

import msgspec

from afterbay.endpoint.protocol import Request, Response
from afterbay.endpoint.services.lambda_events import Event
from afterbay.endpoint.services.lambda_names import qualified
from afterbay.endpoint.services.lambda_registry import FunctionRegistry, not_found
from afterbay.errors import (
    EndpointError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    ThrottledError,
    UnavailableError,
)

__all__ = ["invoke"]


async def invoke(registry: FunctionRegistry, name: str, request: Request) -> Response:
    """Run the function and answer what it answered; an error of the function is a 200 with a header. An ``Event`` is
    taken (202), and run behind the caller's back.

    Raises ``EndpointError`` for a function that is not there, an event that is no JSON or too large, a planned fault.
    """
    reference = qualified(name, request)
    kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
    if kind not in ("RequestResponse", "DryRun", "Event"):
        raise EndpointError("InvalidParameterValueException", f"InvocationType {kind} is not one")
    request_id, client_context = str(uuid.uuid4()), _client_context(request)
    try:
        if kind != "RequestResponse":
            found = registry.resolve(reference, request.region)
            if found is None:
                raise not_found(reference, request.region)
            if kind == "DryRun":
                return Response(HTTPStatus.NO_CONTENT, headers={"x-amz-executed-version": found[1].number})
            registry.events.put(Event(reference, request.region, _event(request.body), request_id, client_context))
            return Response(HTTPStatus.ACCEPTED)
        logged = await registry.invoke(
            reference, request.region, _event(request.body), request_id=request_id, client_context=client_context
        )
    except ServiceError as error:
        raise EndpointError(error.code, error.message, status=_status(error)) from error
    answer = logged.answer
    headers = {"content-type": "application/json", "x-amz-executed-version": answer.executed_version}
    if answer.function_error is not None:
        headers["x-amz-function-error"] = answer.function_error
    if request.headers.get("x-amz-log-type") == "Tail":
        headers["x-amz-log-result"] = base64.b64encode(logged.log_tail).decode()
    return Response(HTTPStatus.OK, answer.payload, headers)


def _event(body: bytes) -> bytes:
    """The event, checked to be JSON; none at all is an empty object, as on AWS."""
    if not body:
        return b"{}"
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise EndpointError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error
    return body


def _client_context(request: Request) -> str | None:
    """What the SDK sent as base64, as the JSON that the runtime takes."""
    given = request.headers.get("x-amz-client-context")
    if given is None:
        return None
    try:
        text = base64.b64decode(given, validate=True)
        msgspec.json.decode(text)
        return msgspec.json.format(text, indent=-1).decode("ascii")
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EndpointError(
            "InvalidRequestContentException", f"ClientContext must be base64 of JSON in ASCII: {error}"
        ) from error


def _status(error: ServiceError) -> int:
    match error:
        case NotFoundError():
            return HTTPStatus.NOT_FOUND
        case ThrottledError():
            return HTTPStatus.TOO_MANY_REQUESTS
        case PayloadTooLargeError():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        case UnavailableError():
            return HTTPStatus.SERVICE_UNAVAILABLE if "Unavailable" in error.code else HTTPStatus.INTERNAL_SERVER_ERROR
        case _:
            return HTTPStatus.FORBIDDEN
