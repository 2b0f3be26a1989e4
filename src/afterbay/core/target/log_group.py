"""Events of a CloudWatch Logs group (X68, B67)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterbay.core.change.arn import parse_arn
from afterbay.core.target.call import AwsCall

__all__ = ["ENTRIES_MAX", "LogEvent", "group_name", "put_log_events"]

ENTRIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class LogEvent:
    timestamp_ms: int
    message: str


def group_name(group_arn: str) -> str:
    """``arn:aws:logs:...:log-group:NAME``, with or without ``:*`` behind it."""
    return parse_arn(group_arn).resource.removeprefix("log-group:").removesuffix(":*")


def put_log_events(group_arn: str, stream: str, events: Sequence[LogEvent]) -> AwsCall:
    """The service takes them in the order of their time only. The driver makes a stream that is missing."""
    ordered = sorted(events, key=lambda one: one.timestamp_ms)
    told = [{"timestamp": one.timestamp_ms, "message": one.message} for one in ordered]
    parameters = {"logGroupName": group_name(group_arn), "logStreamName": stream, "logEvents": told}
    return AwsCall("logs", "put_log_events", parse_arn(group_arn).region, parameters)
