"""How the API shows a mapping: the members of one body, and its LastModified (R28 to R31, R36).

Decides which members there are and how each is written. What the state is at the moment is handed in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from afterbay.core.change.arn import parse_arn
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.lifecycle import USER_ACTION, State
from afterbay.core.mapping.result import LastResult
from afterbay.core.mapping.settings import MappingSettings, StartingPosition

__all__ = ["MappingStatus", "mapping_arn", "mapping_body"]

QUEUE_ACTION = "USER_INITIATED"
"""How the API calls a user's request where the source is a queue (Q5, recorded)."""


class MappingStatus(NamedTuple):
    """What a running mapping says of itself: ``State``, ``StateTransitionReason`` and ``LastProcessingResult``.

    ``source_over``: nothing will ever come from its source again, or it lets nobody read it; a mapping does not mind, a
    pipe stops (X5, X12).
    """

    state: State
    reason: str = USER_ACTION
    last_processing_result: str = LastResult.NONE.value
    source_over: bool = False


def mapping_arn(uuid: str, settings: MappingSettings) -> str:
    """The mapping's own ARN, in the partition, Region and account of its function (R30)."""
    function = parse_arn(settings.function_arn)
    return str(replace(function, resource=f"event-source-mapping:{uuid}"))


def mapping_body(
    uuid: str,
    settings: MappingSettings,
    status: MappingStatus,
    modified: datetime,
    *,
    exact: bool,
    listed: bool = False,
) -> dict[str, JsonValue]:
    """The body of a mapping: exactly the members of R28, or of Q5 for a queue's.

    ``exact`` writes LastModified to the millisecond, as Create and Update answer it; Get and List show the minute
    (R36). ``listed``: the body is an entry of List, which shows no filters that a customer's key encrypts (R17). What
    is not set is absent, but for DestinationConfig, which is then ``{"OnFailure": {}}``, and for -1 where there is no
    limit.
    """
    body: dict[str, JsonValue] = {
        "UUID": uuid,
        "EventSourceMappingArn": mapping_arn(uuid, settings),
        "EventSourceArn": settings.event_source_arn,
        "FunctionArn": settings.function_arn,
        "State": status.state.value,
        "StateTransitionReason": status.reason if settings.starting_position is not None else QUEUE_ACTION,
        "LastModified": _epoch_s(modified, exact=exact),
        "BatchSize": settings.batch_size,
        "MaximumBatchingWindowInSeconds": settings.batching_window_s,
        "FunctionResponseTypes": ["ReportBatchItemFailures"] if settings.report_batch_item_failures else [],
    }
    if settings.starting_position is not None:
        body |= _of_streams(settings, settings.starting_position, status)
    elif settings.concurrency_max is not None:
        body["ScalingConfig"] = {"MaximumConcurrency": settings.concurrency_max}
    if settings.filters:
        hidden = listed and settings.kms_key_arn is not None
        body["FilterCriteria"] = None if hidden else {"Filters": [{"Pattern": one} for one in settings.filters]}
    if settings.event_count:
        body["MetricsConfig"] = {"Metrics": ["EventCount"]}
    if settings.kms_key_arn is not None:
        body["KMSKeyArn"] = settings.kms_key_arn
    if settings.starting_at is not None:
        body["StartingPositionTimestamp"] = _epoch_s(settings.starting_at, exact=True)
    return body


def _of_streams(settings: MappingSettings, position: StartingPosition, status: MappingStatus) -> dict[str, JsonValue]:
    on_failure: dict[str, JsonValue] = {} if settings.on_failure is None else {"Destination": settings.on_failure}
    return {
        "LastProcessingResult": status.last_processing_result,
        "StartingPosition": position.value,
        "ParallelizationFactor": settings.parallelization_factor,
        "DestinationConfig": {"OnFailure": on_failure},
        "MaximumRecordAgeInSeconds": -1 if settings.record_age_max_s is None else settings.record_age_max_s,
        "BisectBatchOnFunctionError": settings.bisect,
        "MaximumRetryAttempts": -1 if settings.retry_attempts_max is None else settings.retry_attempts_max,
        "TumblingWindowInSeconds": settings.tumbling_window_s,
    }


def _epoch_s(moment: datetime, *, exact: bool) -> float:
    """Epoch seconds, as the REST-JSON protocol writes a timestamp in a body."""
    shown = (
        moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        if exact
        else moment.replace(second=0, microsecond=0)
    )
    return shown.timestamp()
