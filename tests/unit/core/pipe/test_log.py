"""Steps of an execution: which there are, in which order, at which level (X101, X102)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from afterbay.core.pipe.execution import Execution, Result, StageEnd, StageRun
from afterbay.core.pipe.log import Level, Step, is_logged, steps

OK, FAILED = StageRun(StageEnd.SUCCEEDED), StageRun(StageEnd.FAILED)


def told(execution: Execution, level: Level = Level.TRACE) -> list[str]:
    return [str(step) for step in steps(execution) if is_logged(step, level)]


@pytest.mark.parametrize("stage", ["Enrichment", "Target"])
def test_a_template_that_fails_ends_its_stage_and_the_execution(stage: str) -> None:
    run = StageRun(StageEnd.TRANSFORMATION_FAILED, templated=True)
    execution = Execution(enrichment=run) if stage == "Enrichment" else Execution(target=run)
    assert told(execution) == [
        "ExecutionStarted",
        f"{stage}StageEntered",
        f"{stage}TransformationStarted",
        f"{stage}TransformationFailed",
        f"{stage}StageFailed",
        "ExecutionFailed",
    ]
    assert told(execution, Level.ERROR) == [f"{stage}TransformationFailed", f"{stage}StageFailed", "ExecutionFailed"]


def test_the_target_is_not_come_to_behind_an_enrichment_that_failed() -> None:
    assert told(Execution(enrichment=FAILED), Level.INFO) == [
        "ExecutionStarted",
        "EnrichmentStageEntered",
        "EnrichmentInvocationFailed",
        "EnrichmentStageFailed",
        "ExecutionFailed",
    ]
    with pytest.raises(AssertionError):
        Execution(enrichment=FAILED, target=OK)
    with pytest.raises(AssertionError):
        Execution(enrichment=StageRun(StageEnd.PARTLY_FAILED))


def test_what_takes_too_long_ends_with_what_it_was_at() -> None:
    execution = Execution(enrichment=OK, target=StageRun(StageEnd.TIMED_OUT))
    assert execution.result is Result.TIMED_OUT
    assert told(execution)[-3:] == ["TargetStageEntered", "TargetInvocationStarted", "ExecutionTimeout"]


def test_what_is_throttled_is_not_started() -> None:
    assert told(Execution()) == ["ExecutionThrottled"]


def test_a_level_has_all_that_the_levels_below_it_have() -> None:
    by_level = [{step for step in Step if is_logged(step, level)} for level in Level]
    assert [len(one) for one in by_level] == [0, 12, 19, len(Step)]
    assert all(low < high for low, high in pairwise(by_level))
