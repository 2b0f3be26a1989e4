"""What a pipe tells CloudWatch of an execution (X106)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from afterbay.core.mapping.metrics import Datum
from afterbay.core.pipe.execution import Execution, StageEnd, StageRun
from afterbay.core.pipe.metrics import NAMESPACE, Metric, of_concurrency, of_execution

PIPE = "arn:aws:pipes:us-east-1:111122223333:pipe/p"
T0 = datetime(2026, 1, 2, tzinfo=UTC)
STEADY = {"Invocations": 1, "EventCount": 3, "EventSize": 900, "Duration": 250.0}

# The guide's table, by name: its unit and dimensions.
TABLE = {
    "Concurrency": ("Count", {"AwsAccountId"}),
    "Duration": ("Milliseconds", {"PipeName"}),
    "EventCount": ("Count", {"PipeName"}),
    "EventSize": ("Bytes", {"PipeName"}),
    "ExecutionThrottled": ("Count", {"PipeName", "AwsAccountId"}),
    "ExecutionTimeout": ("Count", {"PipeName"}),
    "ExecutionFailed": ("Count", {"PipeName"}),
    "ExecutionPartiallyFailed": ("Count", {"PipeName"}),
    "EnrichmentStageDuration": ("Milliseconds", {"PipeName"}),
    "EnrichmentStageFailed": ("Count", {"PipeName"}),
    "Invocations": ("Count", {"PipeName", "AwsAccountId"}),
    "TargetStageDuration": ("Milliseconds", {"PipeName"}),
    "TargetStageFailed": ("Count", {"PipeName"}),
    "TargetStagePartiallyFailed": ("Count", {"PipeName"}),
    "TargetStageSkipped": ("Count", {"PipeName"}),
}


def told(execution: Execution) -> list[Datum]:
    took = timedelta(milliseconds=250)
    return list(of_execution(PIPE, execution, events=3, event_bytes=900, began=T0, duration=took))


def of_pipe(execution: Execution) -> dict[str, float]:
    return {one.series.metric: one.value for one in told(execution) if one.series.dimensions == (("PipeName", "p"),)}


def test_the_catalogue_is_that_of_the_guide() -> None:
    assert {one.value.name: (one.value.unit, set(one.value.dimensions)) for one in Metric} == TABLE
    assert NAMESPACE == "AWS/EventBridge/Pipes"


@pytest.mark.parametrize(
    ("enrichment", "target", "beside"),
    [
        (None, StageRun(StageEnd.SUCCEEDED, duration_ms=9), {"TargetStageDuration": 9}),
        (
            StageRun(StageEnd.SUCCEEDED, duration_ms=4),
            StageRun(StageEnd.FAILED, duration_ms=9),
            {"EnrichmentStageDuration": 4, "TargetStageDuration": 9, "TargetStageFailed": 1, "ExecutionFailed": 1},
        ),
        (
            StageRun(StageEnd.FAILED, duration_ms=4),
            None,
            {"EnrichmentStageDuration": 4, "EnrichmentStageFailed": 1, "ExecutionFailed": 1},
        ),
        (
            None,
            StageRun(StageEnd.PARTLY_FAILED, duration_ms=9),
            {"TargetStageDuration": 9, "TargetStagePartiallyFailed": 1, "ExecutionPartiallyFailed": 1},
        ),
        (
            StageRun(StageEnd.SUCCEEDED, duration_ms=4),
            StageRun(StageEnd.SKIPPED),
            {"EnrichmentStageDuration": 4, "TargetStageSkipped": 1},
        ),
        (
            None,
            StageRun(StageEnd.TRANSFORMATION_FAILED, templated=True, duration_ms=1),
            {"TargetStageDuration": 1, "TargetStageFailed": 1, "ExecutionFailed": 1},
        ),
        (None, StageRun(StageEnd.TIMED_OUT, duration_ms=9), {"TargetStageDuration": 9, "ExecutionTimeout": 1}),
    ],
)
def test_an_execution_is_told_with_what_became_of_it(
    enrichment: StageRun | None, target: StageRun | None, beside: dict[str, float]
) -> None:
    assert of_pipe(Execution(enrichment=enrichment, target=target)) == {**STEADY, **beside}


def test_what_is_throttled_counts_as_nothing_else() -> None:
    assert of_pipe(Execution()) == {"ExecutionThrottled": 1}


def test_a_datum_is_told_once_for_each_dimension_of_its_metric() -> None:
    found = [one.series for one in told(Execution(target=StageRun(StageEnd.SUCCEEDED)))]
    of_account = [one.metric for one in found if one.dimensions == (("AwsAccountId", "111122223333"),)]
    assert of_account == ["Invocations"] and {one.region for one in found} == {"us-east-1"}
    (datum,) = of_concurrency("111122223333", "us-east-1", 7, T0)
    assert datum.value == 7 and datum.series.dimensions == (("AwsAccountId", "111122223333"),)
