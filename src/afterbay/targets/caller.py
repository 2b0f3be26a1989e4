"""Performs calls of targets and says what came of them: AWS's APIs through the SDK, functions, API destinations.

Does; decides nothing. What a failure means to a pipe or a rule is theirs; here it gets its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never, cast

from afterbay.aws.queue import QueueCalls
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.target.call import Answered, AwsCall, Call, DestinationCall, Fault, FunctionCall, Refused, Reply
from afterbay.errors import (
    AfterbayError,
    ConflictError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    ThrottledError,
    UnavailableError,
)
from afterbay.ports import Function
from afterbay.targets.destination import DestinationCaller

__all__ = ["TargetCaller", "refusal_of"]

_EXISTS = "ResourceAlreadyExistsException"


class TargetCaller:
    """``function`` finds what invokes a function by its ARN. Raises nothing that a service can cause."""

    def __init__(self, aws: AwsRegions, function: Callable[[str], Function], destinations: DestinationCaller) -> None:
        self._aws = aws
        self._function = function
        self._destinations = destinations
        self._queues: dict[str, QueueCalls] = {}

    async def __call__(self, call: Call, request_id: str) -> Reply:
        """Make the call. ``request_id`` names an invocation of a function that is waited for."""
        try:
            match call:
                case AwsCall():
                    return Answered(members=await self._aws_call(call))
                case FunctionCall():
                    return await self._invoke(call, request_id)
                case DestinationCall():
                    return await self._destinations(call)
                case _:
                    assert_never(call)
        except AfterbayError as error:
            return refusal_of(error)

    async def _aws_call(self, call: AwsCall) -> Mapping[str, JsonValue]:
        parameters = dict(call.parameters)
        if call.queue is not None:
            found = self._queues.get(call.queue)
            if found is None:
                found = self._queues[call.queue] = QueueCalls(self._aws.of(call.region), call.queue)
            answer = await found.call(call.operation, **parameters)
        else:
            aws = self._aws.of(call.region)
            try:
                answer = await aws.call(call.service, call.operation, **parameters)
            except NotFoundError:
                if call.operation != "put_log_events":
                    raise
                stream = {name: parameters[name] for name in ("logGroupName", "logStreamName")}
                try:
                    await aws.call("logs", "create_log_stream", **stream)  # X68: nobody else makes it
                except ServiceError as error:
                    if error.code != _EXISTS:  # another call made it meanwhile
                        raise
                answer = await aws.call(call.service, call.operation, **parameters)
        return cast("Mapping[str, JsonValue]", answer)

    async def _invoke(self, call: FunctionCall, request_id: str) -> Reply:
        if not call.waits:
            aws = self._aws.of(parse_arn(call.arn).region)
            await aws.call("lambda", "invoke", FunctionName=call.arn, Payload=call.payload, InvocationType="Event")
            return Answered(status=202)
        answer = await self._function(call.arn).invoke(call.payload, request_id=request_id)
        if answer.function_error is not None:
            told = "the function failed"
            return Refused(Fault.FUNCTION_ERROR, answer.function_error, told, status=200, payload=answer.payload)
        return Answered(answer.payload, executed_version=answer.executed_version)


def refusal_of(error: AfterbayError) -> Refused:
    """The reply that an error of ours stands for."""
    code = error.code if isinstance(error, ServiceError) else type(error).__name__
    match error:
        case ThrottledError():
            return Refused(Fault.THROTTLED, code, error.message, 429, error.retry_after_s)
        case UnavailableError():
            return Refused(Fault.UNAVAILABLE, code, error.message, 503)
        case ConflictError():
            return Refused(Fault.CONFLICT, code, error.message, 409)
        case DeniedError():
            return Refused(Fault.DENIED, code, error.message, 403)
        case NotFoundError():
            return Refused(Fault.NOT_FOUND, code, error.message, 404)
        case PayloadTooLargeError():
            return Refused(Fault.TOO_LARGE, code, error.message, 413)
        case _:
            return Refused(Fault.REFUSED, code, error.message)
