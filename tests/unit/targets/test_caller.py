"""Every kind of call is made, and every error has its kind (X68, X85)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from afterbay.core.target import log_group, queue
from afterbay.core.target.call import Answered, AwsCall, DestinationCall, Fault, FunctionCall, Refused, Reply
from afterbay.errors import (
    AfterbayError,
    ConflictError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    SettingsError,
    ThrottledError,
    UnavailableError,
)
from afterbay.ports import Answer
from afterbay.targets.caller import TargetCaller, refusal_of

HOME = "eu-west-1:000000000000"
QUEUE = f"arn:aws:sqs:{HOME}:out"
GROUP = f"arn:aws:logs:{HOME}:log-group:out"
FUNCTION = f"arn:aws:lambda:{HOME}:function:f"
DESTINATION = DestinationCall("arn", (), {}, {}, b"")


class Aws:
    """AWS's APIs; ``fail`` answers an error for a call, or None."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, dict[str, object]]] = []
        self.fail: Callable[[str], AfterbayError | None] = lambda operation: None
        self.region = ""

    def of(self, region: str) -> Aws:
        self.region = region
        return self

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        self.calls.append((self.region, service, operation, parameters))
        error = self.fail(operation)
        if error is not None:
            raise error
        return {"QueueUrl": "http://queue"} if operation == "get_queue_url" else {"Done": operation}

    @property
    def operations(self) -> list[str]:
        return [operation for _, _, operation, _ in self.calls]


class Function:
    def __init__(self, answer: Answer | AfterbayError) -> None:
        self.answer = answer
        self.ids: list[str] = []

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        self.ids.append(request_id)
        if isinstance(self.answer, AfterbayError):
            raise self.answer
        return self.answer


def caller(aws: Aws, function: Function | None = None, reply: Reply | AfterbayError | None = None) -> TargetCaller:
    async def destination(call: DestinationCall) -> Reply:
        if isinstance(reply, AfterbayError):
            raise reply
        assert reply is not None, "nobody calls it"
        return reply

    return TargetCaller(aws, lambda arn: function, destination)  # type: ignore[arg-type, return-value]


async def test_an_api_is_called_in_the_region_of_its_call() -> None:
    aws = Aws()
    call = AwsCall("sns", "publish", "us-east-2", {"Message": "m"})
    assert await caller(aws)(call, "") == Answered(members={"Done": "publish"})
    assert aws.calls == [("us-east-2", "sns", "publish", {"Message": "m"})]


async def test_a_queue_is_called_by_its_url_which_is_asked_for_once() -> None:
    aws = Aws()
    one = caller(aws)
    for _ in range(2):
        await one(queue.send_messages(QUEUE, [queue.QueueMessage("m")]), "")
    assert aws.operations == ["get_queue_url", "send_message_batch", "send_message_batch"]
    assert aws.calls[1][3]["QueueUrl"] == "http://queue"


async def test_a_function_that_is_waited_for_answers() -> None:
    function = Function(Answer(b"[]", None, "7"))
    assert await caller(Aws(), function)(FunctionCall(FUNCTION, b"[]"), "id") == Answered(b"[]", executed_version="7")
    assert function.ids == ["id"]


async def test_a_functions_error_is_its_own_kind_and_keeps_what_it_said() -> None:
    function = Function(Answer(b'{"errorType": "E"}', "Unhandled"))
    reply = await caller(Aws(), function)(FunctionCall(FUNCTION, b"[]"), "id")
    assert isinstance(reply, Refused)
    assert (reply.fault, reply.code, reply.payload) == (Fault.FUNCTION_ERROR, "Unhandled", b'{"errorType": "E"}')


async def test_a_function_that_is_not_waited_for_is_handed_to_lambda() -> None:
    aws = Aws()
    assert await caller(aws)(FunctionCall(FUNCTION, b"[]", waits=False), "id") == Answered(status=202)
    ((region, service, operation, parameters),) = aws.calls
    assert (region, service, operation) == ("eu-west-1", "lambda", "invoke")
    assert parameters == {"FunctionName": FUNCTION, "Payload": b"[]", "InvocationType": "Event"}


async def test_an_api_destinations_reply_is_handed_on_and_a_missing_one_is_not_found() -> None:
    assert await caller(Aws(), reply=Answered(b"OK"))(DESTINATION, "") == Answered(b"OK")
    missing = NotFoundError("gone", code="ResourceNotFoundException")
    reply = await caller(Aws(), reply=missing)(DESTINATION, "")
    assert isinstance(reply, Refused) and reply.fault is Fault.NOT_FOUND


LOG = log_group.put_log_events(GROUP, "s", [log_group.LogEvent(1, "m")])
NO_STREAM = NotFoundError("no such stream", code="ResourceNotFoundException")


@pytest.mark.parametrize("made", [None, ServiceError("it exists", code="ResourceAlreadyExistsException")])
async def test_a_missing_log_stream_is_made_by_whoever_is_first(made) -> None:
    aws, failures = Aws(), [NO_STREAM, made]
    aws.fail = lambda operation: failures.pop(0) if failures else None
    assert isinstance(await caller(aws)(LOG, ""), Answered)
    assert aws.operations == ["put_log_events", "create_log_stream", "put_log_events"]
    assert aws.calls[1][3] == {"logGroupName": "out", "logStreamName": "s"}


async def test_a_missing_log_group_is_not_made() -> None:
    aws = Aws()
    aws.fail = lambda operation: NO_STREAM
    reply = await caller(aws)(LOG, "")
    assert isinstance(reply, Refused) and reply.fault is Fault.NOT_FOUND
    assert aws.operations == ["put_log_events", "create_log_stream"]


@pytest.mark.parametrize(
    "error, fault, status",
    [
        (ThrottledError("m", code="Throttling", retry_after_s=7.0), Fault.THROTTLED, 429),
        (UnavailableError("m", code="InternalError"), Fault.UNAVAILABLE, 503),
        (ConflictError("m", code="ResourceConflictException"), Fault.CONFLICT, 409),
        (DeniedError("m", code="AccessDenied"), Fault.DENIED, 403),
        (NotFoundError("m", code="NotFound"), Fault.NOT_FOUND, 404),
        (PayloadTooLargeError("m", code="RequestTooLargeException"), Fault.TOO_LARGE, 413),
        (ServiceError("m", code="ValidationException"), Fault.REFUSED, 0),
        (SettingsError("m"), Fault.REFUSED, 0),
    ],
)
async def test_every_error_has_its_kind(error, fault, status) -> None:
    reply = refusal_of(error)
    assert (reply.fault, reply.status, reply.message) == (fault, status, "m")
    assert reply.retry_after_s == (7.0 if fault is Fault.THROTTLED else None)
    aws = Aws()
    aws.fail = lambda operation: error
    assert await caller(aws)(AwsCall("sns", "publish", "r", {}), "") == reply
    assert await caller(Aws(), Function(error))(FunctionCall(FUNCTION, b""), "") == reply
