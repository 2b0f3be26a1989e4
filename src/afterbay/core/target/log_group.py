"""Events of a CloudWatch Logs group (X68, B67)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.target.call import AwsCall, Rejected

__all__ = ["ENTRIES_MAX", "LogEvent", "group_name", "put_log_events", "rejected"]

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


def rejected(members: Mapping[str, JsonValue], entries: int) -> tuple[Rejected, ...]:
    """Which of ``entries``, in the order of their time, the service left out, though it answered well: those too old or
    too new for the group. The ends of the old ones are exclusive, and say one at least."""
    told = members.get("rejectedLogEventsInfo")
    if not isinstance(told, dict):
        return ()
    out: dict[int, Rejected] = {}
    for name, code in (("tooOldLogEventEndIndex", "TooOld"), ("expiredLogEventEndIndex", "Expired")):
        end = told.get(name)
        for index in range(min(max(end, 1), entries) if isinstance(end, int) else 0):
            out[index] = Rejected(index, code, "the event is older than the log group takes")
    start = told.get("tooNewLogEventStartIndex")
    for index in range(start if isinstance(start, int) else entries, entries):
        out[index] = Rejected(index, "TooNew", "the event is more than two hours in the future")
    return tuple(out[index] for index in sorted(out))
