"""What a pipe's parts make of one another: sizes, warnings, and the mapping that reads the source (X70, X71, X80)."""

from __future__ import annotations

import pytest

from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.settings import StartingPosition
from afterbay.core.pipe.target_service import PAYLOAD_BYTES_MAX

from .making import SOURCES, TARGETS, created, pipe, refused, request, updated

SIZE = "SourceParameters.DynamoDBStreamParameters.BatchSize"
ALLOWED = ["lambda", "states-express", "sqs", "sns", "events", "kinesis", "firehose", "logs"]


@pytest.mark.parametrize(
    ("source", "target", "size"),
    [
        ("dynamodb", "lambda", 100),
        ("dynamodb", "logs", 100),
        ("dynamodb", "kinesis", 100),
        ("dynamodb", "events", 10),
        ("kinesis", "sns", 10),
        ("sqs", "firehose", 10),
        ("sqs", "apigateway", 1),
    ],
)
def test_a_size_that_is_not_given_is_the_smaller_of_source_and_target(source: str, target: str, size: int) -> None:
    assert pipe(source, target).batch_size == size
    assert pipe(source, target).warnings == ()


def test_an_enrichment_of_one_record_makes_batches_of_one() -> None:
    assert pipe(Enrichment=TARGETS["api-destination"]).batch_size == 1
    params = request(reading={"BatchSize": 2}, Enrichment=TARGETS["api-destination"])
    assert [name for name, _ in refused(params)] == [SIZE]
    assert pipe(reading={"BatchSize": 1}, Enrichment=TARGETS["api-destination"]).batch_size == 1
    assert pipe(reading={"BatchSize": 2}, Enrichment=TARGETS["states-express"]).batch_size == 2


def test_a_size_that_was_not_given_follows_a_new_target() -> None:
    moved = updated(pipe("dynamodb", "events"), Target=TARGETS["lambda"])
    assert (moved.batch_size, moved.described()["SourceParameters"]["DynamoDBStreamParameters"]["BatchSize"]) == (
        100,
        100,
    )


@pytest.mark.parametrize("target", ALLOWED)
def test_a_size_that_a_call_does_not_take_is_accepted_with_a_warning(target: str) -> None:
    most = pipe("dynamodb", target).target_service.batch_max
    large = pipe("dynamodb", target, reading={"BatchSize": 10_000})
    assert bool(large.warnings) == (most is not None and most < 10_000)
    assert all(str(most) in one and "10000" in one for one in large.warnings)


@pytest.mark.parametrize("target", ["apigateway", "api-destination"])
def test_a_target_of_one_record_refuses_a_larger_batch(target: str) -> None:
    assert [name for name, _ in refused(request("dynamodb", target, reading={"BatchSize": 2}))] == [SIZE]
    assert pipe("dynamodb", target).batch_size == 1


@pytest.mark.parametrize(
    ("target", "most"), [("events", 1_048_576), ("states-express", 262_144), ("lambda", 6_291_456)]
)
def test_a_payload_is_bounded_by_the_target(target: str, most: int) -> None:
    assert pipe("dynamodb", target).target_service.payload_bytes_max == most <= PAYLOAD_BYTES_MAX


def test_a_stream_is_read_as_the_parameters_say() -> None:
    letters = "arn:aws:sqs:us-east-1:111122223333:letters"
    reading = {
        "StartingPosition": "LATEST",
        "BatchSize": 20,
        "MaximumBatchingWindowInSeconds": 5,
        "MaximumRecordAgeInSeconds": 30,
        "MaximumRetryAttempts": 2,
        "ParallelizationFactor": 4,
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
        "DeadLetterConfig": {"Arn": letters},
    }
    made = pipe(reading=reading)
    settings = made.source_settings()
    assert (settings.event_source_arn, settings.function_arn) == (SOURCES["dynamodb"], made.arn)
    assert settings.starting_position is StartingPosition.LATEST
    assert (settings.batch_size, settings.batching_window_s, settings.parallelization_factor) == (20, 5, 4)
    assert (settings.record_age_max_s, settings.retry_attempts_max) == (30, 2), "a pipe's age may be below a minute"
    assert (settings.bisect, settings.on_failure, settings.report_batch_item_failures) == (True, letters, True)
    assert settings.kind is made.kind is SourceKind.TABLE


def test_no_limit_is_the_default_of_age_and_retries() -> None:
    for reading in ({}, {"MaximumRecordAgeInSeconds": -1, "MaximumRetryAttempts": -1}):
        settings = pipe(reading=reading).source_settings()
        assert (settings.record_age_max_s, settings.retry_attempts_max) == (None, None)
    assert pipe(reading={"MaximumRetryAttempts": 0}).source_settings().retry_attempts_max == 0


def test_a_queue_without_a_window_gives_what_one_receive_has() -> None:
    large = pipe("sqs", reading={"BatchSize": 50})
    assert (large.batch_size, large.source_settings().batch_size) == (50, 10)
    (warning,) = large.warnings
    assert "50" in warning and "window" in warning
    windowed = pipe("sqs", reading={"BatchSize": 50, "MaximumBatchingWindowInSeconds": 1})
    assert (windowed.source_settings().batch_size, windowed.source_settings().batching_window_s) == (50, 1)
    assert windowed.warnings == () and windowed.source_settings().starting_position is None


def test_a_fifo_queue_has_no_window() -> None:
    params = request("sqs", reading={"MaximumBatchingWindowInSeconds": 1}, Source=SOURCES["sqs"] + ".fifo")
    assert [name for name, _ in refused(params)] == [
        "SourceParameters.SqsQueueParameters.MaximumBatchingWindowInSeconds"
    ]


def test_filters_are_kept_byte_for_byte() -> None:
    params = request()
    text = '{ "eventName" : ["MODIFY"] }'
    params["SourceParameters"]["FilterCriteria"] = {"Filters": [{"Pattern": text}]}
    assert created(params).filters == created(params).source_settings().filters == (text,)
