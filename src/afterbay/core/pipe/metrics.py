"""What a pipe tells CloudWatch (X93, X106), one datum at a time.

Decides which metrics there are, of which dimensions, unit and value. Gathering and sending them are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from afterbay.core.change.arn import Arn, arn_in, parse_arn
from afterbay.core.mapping.metrics import COUNT, MILLISECONDS, Datum, Series
from afterbay.core.pipe.execution import Execution, Result, StageEnd, StageRun

__all__ = ["NAMESPACE", "Metric", "of_concurrency", "of_execution", "of_unsent_letter"]

NAMESPACE = "AWS/EventBridge/Pipes"
PIPE, ACCOUNT = "PipeName", "AwsAccountId"
BYTES = "Bytes"
UNSENT = "DestinationDeliveryFailures"
"""Lambda's name for it: AWS gives a pipe no such metric (X93)."""


class _Kind(NamedTuple):
    name: str
    unit: str
    dimensions: tuple[str, ...] = (PIPE,)


class Metric(Enum):
    """The guide's catalogue. A metric with two dimensions is told once for each."""

    CONCURRENCY = _Kind("Concurrency", COUNT, (ACCOUNT,))
    DURATION = _Kind("Duration", MILLISECONDS)
    EVENT_COUNT = _Kind("EventCount", COUNT)
    EVENT_SIZE = _Kind("EventSize", BYTES)
    EXECUTION_THROTTLED = _Kind("ExecutionThrottled", COUNT, (PIPE, ACCOUNT))
    EXECUTION_TIMEOUT = _Kind("ExecutionTimeout", COUNT)
    EXECUTION_FAILED = _Kind("ExecutionFailed", COUNT)
    EXECUTION_PARTIALLY_FAILED = _Kind("ExecutionPartiallyFailed", COUNT)
    ENRICHMENT_STAGE_DURATION = _Kind("EnrichmentStageDuration", MILLISECONDS)
    ENRICHMENT_STAGE_FAILED = _Kind("EnrichmentStageFailed", COUNT)
    INVOCATIONS = _Kind("Invocations", COUNT, (PIPE, ACCOUNT))
    TARGET_STAGE_DURATION = _Kind("TargetStageDuration", MILLISECONDS)
    TARGET_STAGE_FAILED = _Kind("TargetStageFailed", COUNT)
    TARGET_STAGE_PARTIALLY_FAILED = _Kind("TargetStagePartiallyFailed", COUNT)
    TARGET_STAGE_SKIPPED = _Kind("TargetStageSkipped", COUNT)


_OF_RESULT = {
    Result.FAILED: Metric.EXECUTION_FAILED,
    Result.PARTLY_FAILED: Metric.EXECUTION_PARTIALLY_FAILED,
    Result.TIMED_OUT: Metric.EXECUTION_TIMEOUT,
    Result.THROTTLED: Metric.EXECUTION_THROTTLED,
}
_OF_TARGET = {
    StageEnd.FAILED: Metric.TARGET_STAGE_FAILED,
    StageEnd.TRANSFORMATION_FAILED: Metric.TARGET_STAGE_FAILED,
    StageEnd.NOT_CALLED: Metric.TARGET_STAGE_FAILED,
    StageEnd.PARTLY_FAILED: Metric.TARGET_STAGE_PARTIALLY_FAILED,
    StageEnd.SKIPPED: Metric.TARGET_STAGE_SKIPPED,
}
_ENRICHMENT_FAILURES = (StageEnd.FAILED, StageEnd.TRANSFORMATION_FAILED, StageEnd.NOT_CALLED)


def of_execution(
    pipe_arn: str, execution: Execution, *, events: int, event_bytes: int, began: datetime, duration: timedelta
) -> Iterator[Datum]:
    """One execution. ``events`` and ``event_bytes`` are what passed the filters and came in (X20).

    A failure is told when it happens, and no zero otherwise (ours). What is throttled counts as nothing else.
    """
    pipe, ended = parse_arn(pipe_arn), began + duration
    result = execution.result
    if result in _OF_RESULT:
        yield from _data(_OF_RESULT[result], pipe, 1, ended)
    if result is Result.THROTTLED:
        return
    yield from _data(Metric.INVOCATIONS, pipe, 1, began)
    yield from _data(Metric.EVENT_COUNT, pipe, events, began)
    yield from _data(Metric.EVENT_SIZE, pipe, event_bytes, began)
    yield from _data(Metric.DURATION, pipe, duration / timedelta(milliseconds=1), ended)
    if execution.enrichment is not None:
        yield from _data(Metric.ENRICHMENT_STAGE_DURATION, pipe, execution.enrichment.duration_ms, ended)
        if execution.enrichment.ended in _ENRICHMENT_FAILURES:
            yield from _data(Metric.ENRICHMENT_STAGE_FAILED, pipe, 1, ended)
    if execution.target is not None:
        yield from _of_target(pipe, execution.target, ended)


def of_concurrency(account: str, region: str, executions: int, at: datetime) -> Iterator[Datum]:
    """How many executions of all pipes of the account run at a moment."""
    yield from _data(Metric.CONCURRENCY, arn_in(region, "pipes", account, "pipe/*"), executions, at)


def of_unsent_letter(pipe_arn: str, at: datetime) -> Iterator[Datum]:
    """A dead letter whose destination did not take it, which an alarm is to tell (X93)."""
    pipe = parse_arn(pipe_arn)
    yield Datum(Series(pipe.region, UNSENT, ((PIPE, _name(pipe)),), COUNT), 1, at)


def _of_target(pipe: Arn, target: StageRun, ended: datetime) -> Iterator[Datum]:
    if target.ended is not StageEnd.SKIPPED:
        yield from _data(Metric.TARGET_STAGE_DURATION, pipe, target.duration_ms, ended)
    if target.ended in _OF_TARGET:
        yield from _data(_OF_TARGET[target.ended], pipe, 1, ended)


def _data(metric: Metric, pipe: Arn, value: float, at: datetime) -> Iterator[Datum]:
    kind = metric.value
    values = {PIPE: _name(pipe), ACCOUNT: pipe.account}
    for name in kind.dimensions:
        yield Datum(Series(pipe.region, kind.name, ((name, values[name]),), kind.unit), value, at)


def _name(pipe: Arn) -> str:
    return pipe.resource.removeprefix("pipe/")
