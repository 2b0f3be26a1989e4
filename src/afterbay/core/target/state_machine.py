"""Executions of a Step Functions state machine (X55, X63, B66)."""

from __future__ import annotations

from afterbay.core.change.arn import parse_arn
from afterbay.core.target.call import Answered, AwsCall, Call, Fault, Refused, Reply

__all__ = ["INPUT_CHARS_MAX", "START_SYNC", "ended", "start", "start_sync"]

INPUT_CHARS_MAX = 262_144
START_SYNC = "start_sync_execution"
"""The one call that takes as long as the state machine does."""

_UNDONE = ("FAILED", "TIMED_OUT")
"""What ``status`` says of an execution that has no output."""


def start(machine_arn: str, payload: str) -> AwsCall:
    """StartExecution: answered at once."""
    return _call("start_execution", machine_arn, payload)


def start_sync(machine_arn: str, payload: str) -> AwsCall:
    """StartSyncExecution of an Express state machine: its ``output`` is the answer."""
    return _call(START_SYNC, machine_arn, payload)


def ended(call: Call, reply: Reply) -> Reply:
    """What an execution that was waited for came to: StartSyncExecution answers well of one that failed or timed out
    too, which is the state machine's error (X54, X85). Any other reply is what it is."""
    if not isinstance(call, AwsCall) or call.operation != START_SYNC or not isinstance(reply, Answered):
        return reply
    status = reply.members.get("status")
    if status not in _UNDONE:
        return reply
    error, cause = (str(reply.members.get(name) or "") for name in ("error", "cause"))
    return Refused(Fault.FUNCTION_ERROR, error or f"Execution {status}", cause or f"the execution ended {status}")


def _call(operation: str, machine_arn: str, payload: str) -> AwsCall:
    parameters = {"stateMachineArn": machine_arn, "input": payload}
    return AwsCall("stepfunctions", operation, parse_arn(machine_arn).region, parameters)
