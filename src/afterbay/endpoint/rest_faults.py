"""Planned faults of services that speak REST: which operation a request is, how its error is written (S104, X7).

Decides by the service's published model, which is read when the first fault waits for one. The services that name their
operation in a header are ``routing.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, cast

from botocore.loaders import Loader

from afterbay.emulator.faults import FaultPlan
from afterbay.endpoint.protocol import Request, Response, error_response, service_fault
from afterbay.errors import EndpointError

__all__ = ["REST_SERVICES", "planned_answer"]

REST_SERVICES = frozenset({"lambda", "pipes"})

RETRY_AFTER_S = 1
"""What an error says that has a Retry-After."""

_MET_BELOW = ("lambda", "Invoke")
"""The registry of functions meets these, whoever calls."""

_LABEL = re.compile(r"\\\{[^}]+\\\}")


class _Operation(NamedTuple):
    method: str
    path: re.Pattern[str]
    query: str
    name: str


class _Error(NamedTuple):
    status: int
    has_retry_after: bool


class _Model(NamedTuple):
    operations: tuple[_Operation, ...]
    errors: Mapping[str, _Error]


def planned_answer(faults: FaultPlan, service: str, request: Request) -> Response | None:
    """The error that this request must answer, or None; counts the call."""
    if not faults.waits_for(service):
        return None
    operation = _operation_of(service, request)
    code = None if (service, operation) == _MET_BELOW else faults.take(service, operation)
    return None if code is None else _answer(service, code)


def _operation_of(service: str, request: Request) -> str:
    """The operation's name; empty: it is none of this service."""
    path = request.path.rstrip("/")
    for one in _model(service).operations:
        if one.method == request.method and one.path.fullmatch(path) and one.query in request.query:
            return one.name
    return ""


def _answer(service: str, code: str) -> Response:
    """An error that the model does not have is written as any other service's."""
    fault, modelled = service_fault(code), _model(service).errors.get(code)
    if modelled is None:
        return error_response(fault, "rest-json")
    answer = error_response(EndpointError(code, fault.message, status=modelled.status), "rest-json")
    told = {"retry-after": str(RETRY_AFTER_S)} if modelled.has_retry_after else {}
    return Response(answer.status, answer.body, {**answer.headers, **told})


@cache
def _model(service: str) -> _Model:
    read = cast("Mapping[str, Mapping[str, Mapping[str, object]]]", Loader().load_service_model(service, "service-2"))
    operations = [_operation(name, one) for name, one in read["operations"].items()]
    errors = {name: _error(shape) for name, shape in read["shapes"].items() if shape.get("exception")}
    return _Model(tuple(sorted(operations, key=lambda one: not one.query)), errors)


def _operation(name: str, operation: Mapping[str, object]) -> _Operation:
    http = cast("Mapping[str, str]", operation["http"])
    path, _, query = http["requestUri"].partition("?")
    form = _LABEL.sub("[^/]+", re.escape(path.rstrip("/")))
    return _Operation(http["method"], re.compile(form), query, name)


def _error(shape: Mapping[str, object]) -> _Error:
    error = cast("Mapping[str, int]", shape.get("error") or {})
    members = cast("Mapping[str, Mapping[str, str]]", shape.get("members") or {})
    has_retry_after = any(one.get("locationName") == "Retry-After" for one in members.values())
    return _Error(error.get("httpStatusCode", 500 if shape.get("fault") else 400), has_retry_after)
