"""Service error codes become our errors, by code; none that a service model declares is left to chance."""

from __future__ import annotations

import botocore.exceptions as theirs
import pytest
from botocore.session import Session

from afterbay.aws.errors import KNOWN_CODES, bare_code, from_botocore, service_error
from afterbay.errors import (
    AfterbayError,
    ConflictError,
    DeniedError,
    IteratorExpiredError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    SettingsError,
    ThrottledError,
    TrimmedError,
    UnavailableError,
)

CALLED = {
    "dynamodbstreams": ["ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"],
    "kinesis": ["ListShards", "GetShardIterator", "GetRecords", "PutRecords"],
    "sqs": [
        *("GetQueueUrl", "GetQueueAttributes", "SendMessage", "ReceiveMessage"),
        *("DeleteMessageBatch", "ChangeMessageVisibilityBatch", "SendMessageBatch"),
    ],
    "sns": ["Publish", "PublishBatch"],
    "s3": ["PutObject"],
    "lambda": ["Invoke"],
    "events": ["PutEvents", "DescribeApiDestination", "DescribeConnection"],
    "secretsmanager": ["GetSecretValue"],
    "stepfunctions": ["StartExecution", "StartSyncExecution", "DescribeStateMachine"],
    "firehose": ["PutRecordBatch"],
    "logs": ["PutLogEvents", "CreateLogStream"],
    "ecs": ["RunTask"],
    "batch": ["SubmitJob"],
    "redshift-data": ["BatchExecuteStatement"],
    "sagemaker": ["StartPipelineExecution"],
    "timestream-write": ["WriteRecords"],
    "inspector": ["StartAssessmentRun"],
}


def declared_codes() -> list[tuple[str, str]]:
    """Every code that the service models name for the operations we call, as shape and as wire code."""
    session = Session()
    found: set[tuple[str, str]] = set()
    for service, operations in CALLED.items():
        model = session.get_service_model(service)
        for operation in operations:
            for shape in model.operation_model(operation).error_shapes:
                found |= {(service, shape.name), (service, shape.error_code)}
    return sorted(found)


@pytest.mark.parametrize(("service", "code"), declared_codes())
def test_every_code_of_the_service_models_is_mapped(service: str, code: str) -> None:
    assert code in KNOWN_CODES, f"{service} can answer {code}: say in aws/errors.py what it means"


@pytest.mark.parametrize(
    "code",
    [
        "ThrottlingException",
        "ValidationException",
        "AccessDeniedException",
        "ExpiredTokenException",
        "UnrecognizedClientException",
    ],
)
def test_the_codes_that_streams_answers_without_a_model_are_mapped(code: str) -> None:
    """S4."""
    assert code in KNOWN_CODES


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("com.amazonaws.dynamodb.v20120810#ExpiredIteratorException", IteratorExpiredError),
        ("TrimmedDataAccessException", TrimmedError),
        ("ResourceNotFoundException:http://internal.amazon.com/", NotFoundError),
        ("AWS.SimpleQueueService.NonExistentQueue", NotFoundError),
        ("LimitExceededException", ThrottledError),
        ("InternalServerError", UnavailableError),
        ("AccessDenied", DeniedError),
        ("ResourceConflictException", ConflictError),
        ("RequestTooLargeException", PayloadTooLargeError),
        ("ValidationException", ServiceError),
    ],
)
def test_a_code_names_its_error_whatever_the_status(code: str, kind: type[ServiceError]) -> None:
    for status in (400, 500):
        error = service_error(code, "text", status=status)
        assert type(error) is kind
        assert error.code == bare_code(code)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ServiceError),
        (403, DeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, PayloadTooLargeError),
        (429, ThrottledError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_an_unknown_code_is_judged_by_its_status(status: int, kind: type[ServiceError]) -> None:
    assert type(service_error("SomethingNew", "ThrottlingException", status=status)) is kind


def test_the_services_advice_on_waiting_is_kept() -> None:
    error = service_error("TooManyRequestsException", "", status=429, retry_after_s=3.0)
    assert isinstance(error, ThrottledError)
    assert error.retry_after_s == 3.0


def client_error(code: str, status: int) -> theirs.ClientError:
    meta = {"HTTPStatusCode": status, "HTTPHeaders": {"retry-after": "7"}}
    return theirs.ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": meta}, "Publish")  # type: ignore[arg-type]


def test_a_client_error_keeps_code_text_and_action() -> None:
    error = from_botocore(client_error("NotFound", 404), action="sns publish")
    assert type(error) is NotFoundError
    assert "sns publish: no" in str(error)


def test_a_throttled_client_call_keeps_the_services_advice() -> None:
    error = from_botocore(client_error("Throttling", 400), action="sns publish")
    assert isinstance(error, ThrottledError)
    assert error.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (theirs.NoCredentialsError(), DeniedError),
        (theirs.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), DeniedError),
        (theirs.EndpointConnectionError(endpoint_url="http://x"), UnavailableError),
        (theirs.ConnectTimeoutError(endpoint_url="http://x"), UnavailableError),
        (theirs.ReadTimeoutError(endpoint_url="http://x"), UnavailableError),
        (theirs.ConnectionClosedError(endpoint_url="http://x"), UnavailableError),
        (theirs.NoRegionError(), SettingsError),
        (theirs.ProfileNotFound(profile="p"), SettingsError),
        (theirs.ParamValidationError(report="r"), SettingsError),
        (theirs.DataNotFoundError(data_path="p"), ServiceError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_fails_before_an_answer_is_told_apart_by_its_class(
    error: theirs.BotoCoreError, kind: type[AfterbayError]
) -> None:
    assert type(from_botocore(error, action="sqs send_message")) is kind


def test_a_page_of_another_server_is_not_told_as_it_came():
    page = theirs.ClientError({"Error": {"Code": "501", "Message": "<!DOCTYPE html>\n<html>"}}, "DescribeTable")
    assert str(from_botocore(page, action="dynamodb describe_table")) == (
        "501: dynamodb describe_table: what answers there is no service of AWS's"
    )


def test_a_wrong_parameter_is_told_in_one_line():
    error = from_botocore(theirs.ParamValidationError(report="Invalid length\n  of TableName"), action="dynamodb x")
    assert str(error) == "dynamodb x: Parameter validation failed: Invalid length of TableName"


def test_a_code_is_told_once_whether_a_service_answered_or_was_not_reached():
    answered = service_error("ResourceNotFoundException", "DescribeStream: gone", status=400)
    assert answered.told == "ResourceNotFoundException: DescribeStream: gone"
    assert service_error("HTTP502", "", status=502).told == "HTTP502 (HTTP status 502)"
    unreached = UnavailableError("GetRecords at http://a: refused", code="ConnectError")
    assert unreached.told == "ConnectError: GetRecords at http://a: refused"
