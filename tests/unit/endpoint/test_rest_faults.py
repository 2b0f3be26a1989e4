"""Faults of services that speak REST are met by the operation that they were planned for, as its model has them."""

from __future__ import annotations

import json

import pytest

from afterbay.emulator.faults import Fault, FaultPlan
from afterbay.endpoint.protocol import Request
from afterbay.endpoint.rest_faults import planned_answer

ARN = "arn%3Aaws%3Apipes%3Aus-east-1%3A000000000000%3Apipe%2Fp"


def request(method: str, path: str, query: str = "") -> Request:
    return Request(method, path, query, {}, b"", "us-east-1")


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("pipes", "ListPipes", request("GET", "/v1/pipes", "Limit=1")),
        ("pipes", "CreatePipe", request("POST", "/v1/pipes/p")),
        ("pipes", "UpdatePipe", request("PUT", "/v1/pipes/p")),
        ("pipes", "StopPipe", request("POST", "/v1/pipes/p/stop")),
        ("pipes", "UntagResource", request("DELETE", f"/tags/{ARN}", "tagKeys=a")),
        ("lambda", "ListFunctions", request("GET", "/2015-03-31/functions/")),
        ("lambda", "CreateEventSourceMapping", request("POST", "/2015-03-31/event-source-mappings")),
        ("lambda", "GetEventSourceMapping", request("GET", "/2015-03-31/event-source-mappings/uuid")),
        ("lambda", "GetLayerVersionByArn", request("GET", "/2018-10-31/layers", "find=LayerVersion&Arn=a")),
        ("lambda", "ListLayers", request("GET", "/2018-10-31/layers")),
    ],
)
def test_a_fault_is_met_by_its_operation_and_by_no_other(service: str, operation: str, asked: Request) -> None:
    faults = FaultPlan()
    for other in ("DescribePipe", "GetFunction", operation):
        faults.plan(Fault(service, other, "InternalException", 1))
    assert planned_answer(faults, service, asked) is not None
    assert planned_answer(faults, service, asked) is None
    assert {one.operation for one in faults.pending()} == {"DescribePipe", "GetFunction"} - {operation}


@pytest.mark.parametrize(
    ("service", "operation", "path", "code", "status", "retry_after"),
    [
        ("pipes", "DescribePipe", "/v1/pipes/p", "ThrottlingException", 429, "1"),
        ("pipes", "DescribePipe", "/v1/pipes/p", "InternalException", 500, "1"),
        ("pipes", "DescribePipe", "/v1/pipes/p", "ServiceQuotaExceededException", 402, None),
        ("pipes", "DescribePipe", "/v1/pipes/p", "ConflictException", 409, None),
        ("pipes", "DescribePipe", "/v1/pipes/p", "AccessDeniedException", 400, None),
        ("lambda", "GetFunction", "/2015-03-31/functions/f", "TooManyRequestsException", 429, "1"),
        ("lambda", "GetFunction", "/2015-03-31/functions/f", "ServiceException", 500, None),
        ("lambda", "GetFunction", "/2015-03-31/functions/f", "ResourceConflictException", 409, None),
    ],
)
def test_an_error_has_its_status_and_its_retry_after(
    service: str, operation: str, path: str, code: str, status: int, retry_after: str | None
) -> None:
    """X7."""
    faults = FaultPlan()
    faults.plan(Fault(service, operation, code, 1))
    answer = planned_answer(faults, service, request("GET", path))
    assert answer is not None and (answer.status, answer.headers["x-amzn-errortype"]) == (status, code)
    assert answer.headers.get("retry-after") == retry_after
    assert json.loads(answer.body).keys() & {"message", "Message"}


def test_an_invocation_is_met_where_functions_are_called() -> None:
    faults = FaultPlan()
    faults.plan(Fault("lambda", "Invoke", "TooManyRequestsException", 1))
    assert planned_answer(faults, "lambda", request("POST", "/2015-03-31/functions/f/invocations")) is None
    assert faults.take("lambda", "Invoke") == "TooManyRequestsException"
