"""The steps that a pipe logs, the level of each, and their order (X100 to X102).

What a record of the log says is ``log_record.py``'s; where it goes, the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from afterbay.core.pipe.execution import Execution, Result, StageEnd, StageRun

__all__ = ["Level", "Stage", "Step", "is_logged", "lowest_level", "stage_steps", "steps"]


class Level(StrEnum):
    """How much is logged, from nothing to everything (X100)."""

    OFF = "OFF"
    ERROR = "ERROR"
    INFO = "INFO"
    TRACE = "TRACE"


class Stage(StrEnum):
    ENRICHMENT = "Enrichment"
    TARGET = "Target"


class Step(StrEnum):
    """``messageType`` (X101). The guide spells steps in three ways; this one is in AWS's list of errors (X103)."""

    EXECUTION_STARTED = "ExecutionStarted"
    EXECUTION_SUCCEEDED = "ExecutionSucceeded"
    EXECUTION_FAILED = "ExecutionFailed"
    EXECUTION_PARTIALLY_FAILED = "ExecutionPartiallyFailed"
    EXECUTION_THROTTLED = "ExecutionThrottled"
    EXECUTION_TIMEOUT = "ExecutionTimeout"
    ENRICHMENT_STAGE_ENTERED = "EnrichmentStageEntered"
    ENRICHMENT_STAGE_SUCCEEDED = "EnrichmentStageSucceeded"
    ENRICHMENT_STAGE_FAILED = "EnrichmentStageFailed"
    ENRICHMENT_TRANSFORMATION_STARTED = "EnrichmentTransformationStarted"
    ENRICHMENT_TRANSFORMATION_SUCCEEDED = "EnrichmentTransformationSucceeded"
    ENRICHMENT_TRANSFORMATION_FAILED = "EnrichmentTransformationFailed"
    ENRICHMENT_INVOCATION_STARTED = "EnrichmentInvocationStarted"
    ENRICHMENT_INVOCATION_SUCCEEDED = "EnrichmentInvocationSucceeded"
    ENRICHMENT_INVOCATION_FAILED = "EnrichmentInvocationFailed"
    ENRICHMENT_INVOCATION_SKIPPED = "EnrichmentInvocationSkipped"
    TARGET_STAGE_ENTERED = "TargetStageEntered"
    TARGET_STAGE_SUCCEEDED = "TargetStageSucceeded"
    TARGET_STAGE_FAILED = "TargetStageFailed"
    TARGET_STAGE_PARTIALLY_FAILED = "TargetStagePartiallyFailed"
    TARGET_STAGE_SKIPPED = "TargetStageSkipped"
    TARGET_TRANSFORMATION_STARTED = "TargetTransformationStarted"
    TARGET_TRANSFORMATION_SUCCEEDED = "TargetTransformationSucceeded"
    TARGET_TRANSFORMATION_FAILED = "TargetTransformationFailed"
    TARGET_INVOCATION_STARTED = "TargetInvocationStarted"
    TARGET_INVOCATION_SUCCEEDED = "TargetInvocationSucceeded"
    TARGET_INVOCATION_FAILED = "TargetInvocationFailed"
    TARGET_INVOCATION_PARTIALLY_FAILED = "TargetInvocationPartiallyFailed"
    TARGET_INVOCATION_SKIPPED = "TargetInvocationSkipped"


_ORDER = tuple(Level)
_INFO = frozenset(
    {
        Step.EXECUTION_STARTED,
        Step.EXECUTION_SUCCEEDED,
        Step.ENRICHMENT_INVOCATION_SKIPPED,
        Step.ENRICHMENT_STAGE_ENTERED,
        Step.ENRICHMENT_STAGE_SUCCEEDED,
        Step.TARGET_STAGE_ENTERED,
        Step.TARGET_STAGE_SUCCEEDED,
    }
)
_ERROR_ENDS = ("Failed", "Throttled", "Timeout")

_LAST = {
    Result.SUCCEEDED: Step.EXECUTION_SUCCEEDED,
    Result.FAILED: Step.EXECUTION_FAILED,
    Result.PARTLY_FAILED: Step.EXECUTION_PARTIALLY_FAILED,
    Result.TIMED_OUT: Step.EXECUTION_TIMEOUT,
}
_END_WORDS = {
    StageEnd.SUCCEEDED: "Succeeded",
    StageEnd.FAILED: "Failed",
    StageEnd.PARTLY_FAILED: "PartiallyFailed",
}


def lowest_level(step: Step) -> Level:
    """The level from which on a step is logged (X101)."""
    if step.endswith(_ERROR_ENDS):
        return Level.ERROR
    return Level.INFO if step in _INFO else Level.TRACE


def is_logged(step: Step, level: Level) -> bool:
    """True if a pipe that logs at ``level`` logs the step."""
    return _ORDER.index(lowest_level(step)) <= _ORDER.index(level)


def steps(execution: Execution) -> tuple[Step, ...]:
    """All steps of an execution, in order (X102). What is throttled is not started."""
    if execution.result is Result.THROTTLED:
        return (Step.EXECUTION_THROTTLED,)
    taken = [Step.EXECUTION_STARTED]
    if execution.enrichment is not None:
        taken += stage_steps(Stage.ENRICHMENT, execution.enrichment)
    if execution.target is not None:
        taken += stage_steps(Stage.TARGET, execution.target)
    return (*taken, _LAST[execution.result])


def stage_steps(stage: Stage, run: StageRun) -> Iterator[Step]:
    """The steps of one stage: entered, transformation, invocation, left (X102).

    A stage that the limit of the execution cuts off ends with what it was at: the next step is ExecutionTimeout.
    """
    if run.ended is StageEnd.SKIPPED:
        yield Step(f"{stage}StageSkipped")
        return
    yield Step(f"{stage}StageEntered")
    if run.templated:
        yield Step(f"{stage}TransformationStarted")
        if run.ended is StageEnd.TRANSFORMATION_FAILED:
            yield Step(f"{stage}TransformationFailed")
            yield Step(f"{stage}StageFailed")
            return
        yield Step(f"{stage}TransformationSucceeded")
    if run.ended is StageEnd.NOT_CALLED:
        yield Step(f"{stage}StageFailed")
        return
    yield Step(f"{stage}InvocationStarted")
    if run.ended is not StageEnd.TIMED_OUT:
        word = _END_WORDS[run.ended]
        yield Step(f"{stage}Invocation{word}")
        yield Step(f"{stage}Stage{word}")
