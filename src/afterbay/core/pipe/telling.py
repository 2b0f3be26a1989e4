"""What an execution tells the pipe's log: a record for each step that its level takes (X100 to X105)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from afterbay.core.pipe.log import Level, Stage, Step, is_logged, lowest_level, steps
from afterbay.core.pipe.log_record import LogRecord, StepError
from afterbay.core.pipe.machine import PipeExecution, StageCourse
from afterbay.core.pipe.plan import Plan
from afterbay.core.target.call import AwsCall, Call, DestinationCall, FunctionCall, Refused, Reply

__all__ = ["log_records"]

_AT_LAST = ("Succeeded", "Failed", "Skipped", "Timeout")


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
            error=_error(execution, stage) if lowest_level(step) is Level.ERROR else None,
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
    return None if stage.answer is None else stage.answer.payload.decode(errors="replace") or None


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


def _error(execution: PipeExecution, stage: StageCourse | None) -> StepError:
    """X105: of the stage that failed; of the execution, that of its last stage."""
    at_fault = stage or execution.target or execution.enrichment
    reply: Reply | None = None if at_fault is None else at_fault.answer
    told = None if at_fault is None else at_fault.fault
    if isinstance(reply, Refused):
        details = reply.payload.decode(errors="replace") or None
        return StepError(
            message=told or reply.message,
            http_status_code=reply.status or None,
            details=details,
            exception_type=reply.code,
        )
    return StepError(message=told or "the execution failed")


def _text(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
