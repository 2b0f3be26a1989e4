"""What the API shows of a mapping, beyond what the recorded bodies hold (R28 to R30, R36)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from afterbay.core.mapping.body import MappingStatus, mapping_arn, mapping_body
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.settings import MappingSettings, StartingPosition

UUID = "11111111-1111-4111-8111-111111111111"
MODIFIED = datetime(2026, 9, 17, 12, 50, 36, 194999, tzinfo=UTC)
PLAIN = MappingSettings(
    event_source_arn="arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-02T03:04:05.678",
    function_arn="arn:aws-cn:lambda:cn-north-1:123456789012:function:orders:live",
    starting_position=StartingPosition.LATEST,
)
STATUS = MappingStatus(State.ENABLED)


def body(settings: MappingSettings = PLAIN, *, exact: bool = False) -> dict[str, object]:
    return dict(mapping_body(UUID, settings, STATUS, MODIFIED, exact=exact))


def test_the_mapping_lives_where_its_function_does() -> None:
    wanted = f"arn:aws-cn:lambda:cn-north-1:123456789012:event-source-mapping:{UUID}"
    assert mapping_arn(UUID, PLAIN) == body()["EventSourceMappingArn"] == wanted
    assert body()["FunctionArn"] == PLAIN.function_arn, "the qualifier stays (R29)"


def test_the_time_of_change_is_exact_to_the_millisecond_at_first_and_then_to_the_minute() -> None:
    assert body(exact=True)["LastModified"] == 1789649436.194
    assert body()["LastModified"] == 1789649400.0


def test_no_limit_is_minus_one_and_what_is_not_set_is_absent() -> None:
    shown = body()
    assert (shown["MaximumRecordAgeInSeconds"], shown["MaximumRetryAttempts"]) == (-1, -1)
    assert shown["DestinationConfig"] == {"OnFailure": {}}
    assert not {"FilterCriteria", "StartingPositionTimestamp", "MetricsConfig", "KMSKeyArn", "Tags"} & set(shown)


def test_a_body_has_exactly_these_members() -> None:
    """R28."""
    assert body() == {
        "UUID": UUID,
        "EventSourceMappingArn": mapping_arn(UUID, PLAIN),
        "EventSourceArn": PLAIN.event_source_arn,
        "FunctionArn": PLAIN.function_arn,
        "State": "Enabled",
        "StateTransitionReason": "User action",
        "LastModified": 1789649400.0,
        "LastProcessingResult": "No records processed",
        "StartingPosition": "LATEST",
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "DestinationConfig": {"OnFailure": {}},
        "MaximumRecordAgeInSeconds": -1,
        "BisectBatchOnFunctionError": False,
        "MaximumRetryAttempts": -1,
        "TumblingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
    }
    other = body(replace(PLAIN, report_batch_item_failures=True, record_age_max_s=60, on_failure="arn:dlq"))
    assert other["FunctionResponseTypes"] == ["ReportBatchItemFailures"] and other["MaximumRecordAgeInSeconds"] == 60
    assert other["DestinationConfig"] == {"OnFailure": {"Destination": "arn:dlq"}}


def test_the_body_of_a_queues_mapping_has_exactly_these_members() -> None:
    """Q5."""
    queue = MappingSettings(
        event_source_arn="arn:aws:sqs:eu-west-1:000000000000:jobs",
        function_arn=PLAIN.function_arn,
        starting_position=None,
        batch_size=10,
        concurrency_max=7,
    )
    assert body(queue) == {
        "UUID": UUID,
        "EventSourceMappingArn": mapping_arn(UUID, PLAIN),
        "EventSourceArn": queue.event_source_arn,
        "FunctionArn": PLAIN.function_arn,
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
        "LastModified": 1789649400.0,
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "ScalingConfig": {"MaximumConcurrency": 7},
    }
    assert "ScalingConfig" not in body(replace(queue, concurrency_max=None))


@pytest.mark.parametrize("limit", [0, 7])
def test_a_limit_of_retries_is_shown_as_it_is(limit: int) -> None:
    assert body(replace(PLAIN, retry_attempts_max=limit))["MaximumRetryAttempts"] == limit


def test_patterns_are_echoed_byte_for_byte() -> None:
    patterns = ('{"eventName" : ["INSERT"]}', '{ "a":["\\u00e9"] }')
    shown = body(replace(PLAIN, filters=patterns))
    assert shown["FilterCriteria"] == {"Filters": [{"Pattern": one} for one in patterns]}


def test_a_start_in_time_is_shown() -> None:
    at = datetime(2026, 9, 17, 12, 50, 36, 194000, tzinfo=UTC)
    settings = replace(PLAIN, starting_position=StartingPosition.AT_TIMESTAMP, starting_at=at)
    assert body(settings)["StartingPositionTimestamp"] == at.timestamp()


def test_asked_for_metrics_and_a_key_are_shown() -> None:
    key = "arn:aws:kms:eu-west-1:000000000000:key/k"
    shown = body(replace(PLAIN, event_count=True, kms_key_arn=key))
    assert (shown["MetricsConfig"], shown["KMSKeyArn"]) == ({"Metrics": ["EventCount"]}, key)


def test_filters_under_a_key_are_shown_to_who_asks_for_the_mapping_and_not_in_a_listing() -> None:
    """R17."""

    def listed(settings: MappingSettings) -> dict[str, object]:
        return dict(mapping_body(UUID, settings, STATUS, MODIFIED, exact=False, listed=True))

    plain = replace(PLAIN, filters=('{"a": [1]}',))
    keyed = replace(plain, kms_key_arn="arn:aws:kms:eu-west-1:000000000000:key/k")
    assert body(keyed)["FilterCriteria"] == listed(plain)["FilterCriteria"] == {"Filters": [{"Pattern": '{"a": [1]}'}]}
    assert listed(keyed)["FilterCriteria"] is None
    assert "FilterCriteria" not in listed(replace(keyed, filters=()))
