"""Functions, versions, aliases and layers over a restart: the calls that made them are made again.

Nothing here knows what a call means, but for what it is about: whatever the Lambda API of the address learns comes
back. Revision ids are drawn anew; a condition on one is met once and for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime

import msgspec

from afterbay.core.change.arn import parse_function_name
from afterbay.endpoint.protocol import Request, Response, Service, json_object
from afterbay.endpoint.services.lambda_code import FetchObject
from afterbay.endpoint.state.calls import Call, CallLog, Kept
from afterbay.endpoint.state.moto_keeper import tell_failure
from afterbay.endpoint.state.state import State
from afterbay.errors import EndpointError, SettingsError

__all__ = ["SERVICE", "FunctionCalls"]

SERVICE = "lambda"
_CODE = "code"

_fetched: ContextVar[list[bytes] | None] = ContextVar("fetched", default=None)
"""What the call that is being carried out has read from buckets."""


class FunctionCalls:
    """Between the address and its functions' service. For the event loop."""

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self._again: Call | None = None
        self._left: list[bytes] = []

    def now(self) -> datetime:
        """The time for what is made: of a call that is made again, that of the first time."""
        return self._now() if self._again is None else self._again.at

    def remembering(self, fetch: FetchObject) -> FetchObject:
        """``fetch``, whose objects are kept with the call: they may have changed at the next start."""

        async def fetched(bucket: str, key: str, region: str) -> bytes:
            if self._again is not None:
                return self._left.pop(0)
            content = await fetch(bucket, key, region)
            kept = _fetched.get()
            if kept is not None:
                kept.append(content)
            return content

        return fetched

    async def around(self, request: Request, service: Service) -> Response:
        """Answer a request, and note it if it has to be made again."""
        about = _about(request)
        if about is None:
            return await service(request)
        at = self._now()
        token = _fetched.set([])
        try:
            response = await service(request)
            fetched = tuple(_fetched.get() or ())
        finally:
            _fetched.reset(token)
        if response.status < 400:
            call = Call(SERVICE, f"{request.method} {request.path}", at, 0, request, fetched)
            if about.ends:
                self._state.note([("DELETE FROM calls WHERE service = ? AND scope = ?", (SERVICE, about.scope))])
            else:
                self._state.note(CallLog.ops(call, about))
        return response

    async def restore(self, calls: Iterable[Call], service: Service) -> None:
        """Make the calls again. What fails is told and left out."""
        try:
            for call in calls:
                self._again, self._left = call, list(call.fetched)
                try:
                    response = await service(_unconditional(call.request))
                except EndpointError as error:
                    response = Response(error.status, str(error).encode())
                if response.status >= 400:
                    tell_failure(call, response)
        finally:
            self._again = None


def _about(request: Request) -> Kept | None:
    """What a call is about, if it changes something."""
    path = request.segments
    if request.method == "GET" or len(path) < 2 or path[-1] in ("invocations", "invoke-async"):
        return None
    if path[1] == "layers":
        return Kept(f"{request.region}/layers")
    if path[1:] == ("functions",):
        members = _members(request)
        return Kept(_scope(request, str(members.get("FunctionName", ""))))
    if len(path) < 3:
        return None
    scope, call = _scope(request, path[2]), (request.method, path[3:])
    match call:
        case "DELETE", () if path[1] == "functions" and "Qualifier" not in request.parameters:
            qualified = parse_function_name(path[2]).qualifier is not None
            return Kept(scope, ends=not qualified)
        case "PUT", ("code",):
            members = _members(request)
            if members.get("DryRun"):
                return None
            return Kept(scope, part=None if members.get("Publish") else _CODE)
        case "POST", ("versions",):
            return Kept(scope, pins=((scope, _CODE),))
        case _:
            return Kept(scope)


def _scope(request: Request, name: str) -> str:
    with suppress(SettingsError):  # the service refuses it
        name = parse_function_name(name).name
    return f"{request.region}/functions/{name}"


def _members(request: Request) -> dict[str, object]:
    try:
        return dict(json_object(request.body))
    except EndpointError:
        return {}


def _unconditional(request: Request) -> Request:
    members = _members(request)
    if members.pop("RevisionId", None) is None:
        return request
    return replace(request, body=msgspec.json.encode(members))
