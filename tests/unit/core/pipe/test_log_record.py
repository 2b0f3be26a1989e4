"""One record of a log: its members, and what is cut (X103 to X105)."""

from __future__ import annotations

import msgspec
import pytest

from afterbay.core.pipe.log import Level, Step, lowest_level
from afterbay.core.pipe.log_record import RECORD_BYTES_MAX, LogRecord, StepError

PIPE = "arn:aws:pipes:us-east-1:111122223333:pipe/p"
FIXED = ["executionId", "timestamp", "messageType", "resourceArn", "logLevel"]


def record(step: Step = Step.TARGET_INVOCATION_FAILED, **given: object) -> LogRecord:
    values: dict = {
        "execution_id": "e",
        "timestamp_ms": 5,
        "step": step,
        "pipe_arn": PIPE,
        "level": Level.INFO,
        **given,
    }
    return LogRecord(**values)


def test_a_record_says_which_step_of_which_execution_it_is() -> None:
    assert record(Step.EXECUTION_STARTED, payload="[]").document(include_data=False) == {
        "executionId": "e",
        "timestamp": 5,
        "messageType": "ExecutionStarted",
        "resourceArn": PIPE,
        "logLevel": "INFO",
    }


def test_data_are_there_only_if_asked_for_and_known() -> None:
    one = record(aws_request="{}", payload="[]")
    assert list(one.document(include_data=True)) == [*FIXED, "awsRequest"]
    assert list(one.document(include_data=False)) == FIXED


def test_an_error_has_what_is_known_of_it() -> None:
    error = StepError(message="m", http_status_code=500, aws_service="lambda", request_id="r")
    assert record(error=error).document(include_data=False)["error"] == {
        "message": "m",
        "httpStatusCode": 500,
        "awsService": "lambda",
        "requestId": "r",
    }
    for step in Step:
        if lowest_level(step) is not Level.ERROR:
            with pytest.raises(AssertionError):
                record(step, error=error).document(include_data=False)


def test_a_record_that_fits_is_not_cut() -> None:
    document = record(aws_request="q", aws_response="a").document(include_data=True, bytes_max=RECORD_BYTES_MAX)
    assert "truncatedFields" not in document


def test_fields_are_cut_from_their_ends_and_each_wholly_before_the_next() -> None:
    one = record(aws_request="q" * 100, aws_response="a" * 100)
    whole = len(msgspec.json.encode(one.document(include_data=True)))
    slightly = one.document(include_data=True, bytes_max=whole - 1)
    assert slightly["truncatedFields"] == ["awsRequest"] and slightly["awsResponse"] == "a" * 100
    assert len(msgspec.json.encode(slightly)) == whole - 1
    much = one.document(include_data=True, bytes_max=whole - 100)
    assert much["truncatedFields"] == ["awsRequest", "awsResponse"]
    assert much["awsRequest"] == "" and "a" * 100 > str(much["awsResponse"]) > ""


def test_a_record_whose_fixed_members_are_too_long_keeps_them() -> None:
    document = record(aws_request="q", aws_response="a").document(include_data=True, bytes_max=10)
    assert [document[name] for name in ("awsRequest", "awsResponse")] == ["", ""]
    assert set(FIXED) < set(document)
