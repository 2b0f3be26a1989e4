"""Functions, versions, aliases and layers over a restart: the calls that made them are made again.

Nothing here knows what a call means, but for what it is about: whatever the Lambda API of the address learns comes
back. Revision ids are drawn anew; a condition on one is met once and for all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from afterbay.core.change.arn import parse_function_name
from afterbay.endpoint.protocol import Request, Response, Service, json_object
from afterbay.endpoint.services.lambda_code import FetchObject
from afterbay.endpoint.state.calls import Call, CallLog, Kept, tell_failure
from afterbay.endpoint.state.state import State
from afterbay.errors import EndpointError, SettingsError

__all__ = ["SERVICE", "FunctionCalls"]

SERVICE = "lambda"
_CODE = "code"


@dataclass(slots=True)
class _Running:
    """The call that is being carried out: its time, None once it is over; and what it has read from buckets."""

    at: datetime | None
    fetched: list[bytes] = field(default_factory=list[bytes])


_running: ContextVar[_Running | None] = ContextVar("running", default=None)


class FunctionCalls:
    """Between the address and its functions' service. For the event loop."""

    def __init__(self, state: State, now: Callable[[], datetime]) -> None:
        self._state = state
        self._now = now
        self._left: list[bytes] | None = None  # while calls are made again: what this one fetched

    def now(self) -> datetime:
        """The time for what a call makes, the same whenever it is made again; outside of calls the clock's."""
        running = _running.get()
        return self._now() if running is None or running.at is None else running.at

    def remembering(self, fetch: FetchObject) -> FetchObject:
        """``fetch``, whose objects are kept with the call: they may have changed at the next start."""

        async def fetched(bucket: str, key: str, region: str) -> bytes:
            if self._left is not None:
                return self._left.pop(0)
            content = await fetch(bucket, key, region)
            running = _running.get()
            if running is not None:
                running.fetched.append(content)
            return content

        return fetched

    async def around(self, request: Request, service: Service) -> Response:
        """Answer a request, and note it if it has to be made again."""
        about = _about(request)
        if about is None:
            return await service(request)
        at = self._now()
        with _one_call(at) as running:
            response = await service(request)
        if response.status < 400:
            call = Call(SERVICE, f"{request.method} {request.path}", at, 0, request, tuple(running.fetched))
            if about.ends:
                self._state.note([("DELETE FROM calls WHERE service = ? AND scope = ?", (SERVICE, about.scope))])
            else:
                self._state.note(CallLog.ops(call, about))
        return response

    async def restore(self, calls: Iterable[Call], service: Service) -> None:
        """Make the calls again. What fails is told and left out."""
        for call in calls:
            self._left = list(call.fetched)
            with _one_call(call.at):
                try:
                    await service(_unconditional(call.request))
                except EndpointError as error:
                    tell_failure(call, error.message)
        self._left = None


@contextmanager
def _one_call(at: datetime) -> Generator[_Running]:
    running = _Running(at)
    token = _running.set(running)
    try:
        yield running
    finally:
        _running.reset(token)
        running.at = None  # tasks that it started see it still


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
            return Kept(scope, pins=((scope, _CODE),)) if members.get("Publish") else Kept(scope, part=_CODE)
        case "POST", ("versions",):
            return Kept(scope, pins=((scope, _CODE),))
        case "PUT", ("configuration",):
            return Kept(scope, kind="configuration")
        case _, ("concurrency",):
            return Kept(scope, part="concurrency")
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
