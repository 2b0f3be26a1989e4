"""How a pipe is shown (X1, X8, X11): members that were given, and the defaults of the source."""

from __future__ import annotations

from afterbay.core.pipe.described import accepted, described, summary
from afterbay.core.pipe.lifecycle import PipeState
from afterbay.core.pipe.resource import PipeResource

from .making import HOME, ROLE, SOURCES, TARGETS, created, pipe, request

SIX = {"Arn", "Name", "DesiredState", "CurrentState", "CreationTime", "LastModifiedTime"}


def resource(settings: object, state: PipeState = PipeState.RUNNING, **more: object) -> PipeResource:
    values: dict = {"settings": settings, "state": state, "created_s": 1.5, "modified_s": 2.5, **more}
    return PipeResource(**values)


def test_a_request_is_answered_with_six_members() -> None:
    assert set(accepted(resource(pipe(), tags={"a": "b"}, reason="r"))) == SIX


def test_a_plain_pipe_shows_nothing_that_was_not_given_but_the_sources_defaults() -> None:
    body = described(resource(pipe()))
    assert set(body) == SIX | {"Source", "SourceParameters", "Target", "RoleArn"}
    assert body["RoleArn"] == ROLE
    assert body["SourceParameters"] == {
        "DynamoDBStreamParameters": {
            "BatchSize": 100,
            "MaximumBatchingWindowInSeconds": 0,
            "MaximumRecordAgeInSeconds": -1,
            "MaximumRetryAttempts": -1,
            "ParallelizationFactor": 1,
            "StartingPosition": "TRIM_HORIZON",
        }
    }
    queue = described(resource(created(request("sqs", SourceParameters=None))))
    assert queue["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}}


def test_parameters_are_given_back_as_they_were_given() -> None:
    given = {
        "Description": "d",
        "Enrichment": TARGETS["apigateway"],
        "EnrichmentParameters": {
            "InputTemplate": "<$.eventID>",
            "HttpParameters": {"PathParameterValues": ["$.eventID"], "QueryStringParameters": {"a": "b"}},
        },
        "TargetParameters": {
            "InputTemplate": '{"id": <$.eventID>}',
            "EventBridgeEventBusParameters": {"Source": "shop", "Resources": ["$.eventSourceARN"]},
        },
        "LogConfiguration": {
            "Level": "INFO",
            "IncludeExecutionData": ["ALL"],
            "CloudwatchLogsLogDestination": {"LogGroupArn": f"arn:aws:logs:{HOME}:log-group:g"},
            "FirehoseLogDestination": {"DeliveryStreamArn": f"arn:aws:firehose:{HOME}:deliverystream/d"},
            "S3LogDestination": {"BucketName": "logs", "BucketOwner": "111122223333", "OutputFormat": "json"},
        },
        "KmsKeyIdentifier": "alias/k",
    }
    body = described(resource(pipe("dynamodb", "events", **given)))
    assert {name: body[name] for name in given} == given


def test_tags_and_the_reason_are_shown_if_there_are_any() -> None:
    body = described(resource(pipe(), PipeState.CREATE_FAILED, tags={"a": "b"}, reason="because"))
    assert (body["Tags"], body["StateReason"], body["CurrentState"]) == ({"a": "b"}, "because", "CREATE_FAILED")


def test_what_is_being_deleted_is_desired_deleted() -> None:
    for state in PipeState:
        wanted = "DELETED" if state in ("DELETING", "DELETE_FAILED") else "RUNNING"
        assert accepted(resource(pipe(), state))["DesiredState"] == wanted


def test_an_entry_of_a_list_has_the_ends_of_the_pipe() -> None:
    entry = summary(resource(pipe(Enrichment=TARGETS["lambda"]), reason="r"))
    assert set(entry) == SIX | {"StateReason", "Source", "Target", "Enrichment"}
    assert entry["Source"] == SOURCES["dynamodb"]
    assert set(summary(resource(pipe()))) == SIX | {"Source", "Target"}
