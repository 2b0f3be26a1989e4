"""What an execution tells the pipe's log: a record for each step that its level takes (X100 to X105)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from afterbay.core.pipe.log import Level, Stage, Step, is_logged, lowest_level, steps
from afterbay.core.pipe.log_record import LogRecord, StepError
from afterbay.core.pipe.machine import PipeExecution, StageCourse
from afterbay.core.pipe.plan import Plan
from afterbay.core.target.call import Answered, AwsCall, Call, DestinationCall, FunctionCall, Refused, Reply

__all__ = ["log_records"]


def log_records(plan: Plan, execution: PipeExecution, execution_id: str) -> Iterator[LogRecord]:
    """The records of an execution that is over, in their order; none for a pipe that logs nothing."""
    log = plan.settings.log
    if log is None or log.level is Level.OFF:
        return
    stages = {Stage.ENRICHMENT: execution.enrichment, Stage.TARGET: execution.target}
    for step in steps(execution.execution()):
        if not is_logged(step, log.level):
            continue
        stage = next((course for name, course in stages.items() if step.startswith(name)), None)
        yield LogRecord(
            execution_id=execution_id,
            timestamp_ms=int(_moment(step, execution, stage).timestamp() * 1000),
            step=step,
            pipe_arn=plan.settings.arn,
            level=log.level,
            payload=_payload(step, execution, stage) if log.includes_data else None,
            aws_request=_request(stage) if log.includes_data else None,
            aws_response=_response(stage) if log.includes_data else None,
            error=_error(step, execution, stage) if lowest_level(step) is Level.ERROR else None,
        )


def _moment(step: Step, execution: PipeExecution, stage: StageCourse | None) -> datetime:
    if stage is None:
        return execution.began if step is Step.EXECUTION_STARTED else execution.ended or execution.began
    if "Transformation" in step or step.endswith("Entered"):
        return stage.entered
    if step.endswith("InvocationStarted"):
        return stage.invoked or stage.entered
    return stage.left or stage.entered


def _payload(step: Step, execution: PipeExecution, stage: StageCourse | None) -> str | None:
    if stage is None:
        return "[" + ",".join(body.decode() for body in execution.bodies) + "]"
    if step.endswith("TransformationSucceeded"):
        return stage.sent
    return None if stage.answer is None else _said(stage.answer) or None


def _said(answer: Reply) -> str:
    """What a function or a server answered; of a state machine its ``output``."""
    output = answer.members.get("output") if isinstance(answer, Answered) else None
    return output if isinstance(output, str) else answer.payload.decode(errors="replace")


def _request(stage: StageCourse | None) -> str | None:
    """The call as JSON; credentials are no part of it."""
    return None if stage is None or stage.call is None else _text(_shown(stage.call))


def _shown(call: Call) -> Mapping[str, object]:
    match call:
        case AwsCall(operation=operation, parameters=parameters):
            return {"operation": operation, **parameters}
        case FunctionCall(arn=arn, payload=payload):
            return {"functionArn": arn, "payload": payload.decode()}
        case DestinationCall(arn=arn, body=body):
            return {"apiDestinationArn": arn, "body": body.decode()}


def _response(stage: StageCourse | None) -> str | None:
    if stage is None or stage.answer is None:
        return None
    match stage.answer:
        case Refused(code=code, message=message):
            return _text({"errorCode": code, "errorMessage": message})
        case answered:
            return answered.payload.decode(errors="replace") or _text(answered.members)


def _error(step: Step, execution: PipeExecution, stage: StageCourse | None) -> StepError:
    """X105: of the stage that failed; of the execution, that of its last stage."""
    at_fault = stage or execution.target or execution.enrichment
    assert at_fault is not None, "what fails was in a stage"
    told, reply = at_fault.fault, at_fault.answer
    service, resource = (None, None) if at_fault.call is None else _called(at_fault.call)
    if isinstance(reply, Refused):
        return StepError(
            message=told or reply.message,
            http_status_code=reply.status or None,
            details=reply.payload.decode(errors="replace") or None,
            aws_service=service,
            exception_type=reply.code or None,
            resource_arn=resource,
        )
    if told is None:
        told = "the execution took too long" if step is Step.EXECUTION_TIMEOUT else "records failed by its answer"
    return StepError(message=told, aws_service=service, resource_arn=resource)


def _called(call: Call) -> tuple[str | None, str | None]:
    """The service and, where the call names it, the resource."""
    match call:
        case AwsCall(service=service, queue=queue):
            return service, queue
        case FunctionCall(arn=arn):
            return "lambda", arn
        case DestinationCall(arn=arn):
            return None, arn


def _text(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
