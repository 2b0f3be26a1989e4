"""Executions of a Step Functions state machine (X55, X63, B66)."""

from __future__ import annotations

from afterbay.core.change.arn import parse_arn
from afterbay.core.target.call import AwsCall

__all__ = ["INPUT_CHARS_MAX", "START_SYNC", "start", "start_sync"]

INPUT_CHARS_MAX = 262_144
START_SYNC = "start_sync_execution"
"""The one call that takes as long as the state machine does."""


def start(machine_arn: str, payload: str) -> AwsCall:
    """StartExecution: answered at once."""
    return _call("start_execution", machine_arn, payload)


def start_sync(machine_arn: str, payload: str) -> AwsCall:
    """StartSyncExecution of an Express state machine: its ``output`` is the answer."""
    return _call(START_SYNC, machine_arn, payload)


def _call(operation: str, machine_arn: str, payload: str) -> AwsCall:
    parameters = {"stateMachineArn": machine_arn, "input": payload}
    return AwsCall("stepfunctions", operation, parse_arn(machine_arn).region, parameters)
