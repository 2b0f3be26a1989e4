"""The calls of targets that have nothing of a record but parameters (X69)."""

from __future__ import annotations

from collections.abc import Mapping

from afterbay.core.change.wire import JsonValue
from afterbay.core.pipe.target_service import TargetKind
from afterbay.core.target import measure, run
from afterbay.core.target.call import AwsCall

__all__ = ["filled_call"]


def filled_call(kind: TargetKind, arn: str, parameters: Mapping[str, JsonValue]) -> AwsCall:
    """The one call for a record; ``parameters`` are resolved. What its template made goes nowhere."""
    match kind:
        case TargetKind.ECS:
            return run.run_task(arn, parameters)
        case TargetKind.BATCH:
            return run.submit_job(arn, parameters)
        case TargetKind.REDSHIFT:
            return run.execute_statements(arn, parameters)
        case TargetKind.SAGEMAKER:
            return run.start_pipeline(arn, parameters)
        case TargetKind.TIMESTREAM:
            return measure.write_records(arn, parameters)
        case TargetKind.INSPECTOR:
            return run.start_assessment(arn)
        case _:
            raise AssertionError(f"{kind.value} is sent the record")
