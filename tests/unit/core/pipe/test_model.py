"""The model of the API, held against the service's published one, which botocore carries; and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from afterbay.core.pipe import model
from afterbay.core.pipe.request import unknown_parameters
from afterbay.core.pipe.shape import Choice, Entries, Flag, Items, Moment, Object, Text, Whole

from .making import refused, request

SERVICE = botocore.session.get_session().get_service_model("pipes")
OPERATIONS = {
    "CreatePipe": model.CREATE,
    "UpdatePipe": model.UPDATE,
    "ListPipes": model.LIST,
    "TagResource": model.TAG,
    "UntagResource": model.UNTAG,
}
IN_THE_PATH = {
    "CreatePipe": (),
    "UpdatePipe": ("Name",),
    "TagResource": ("resourceArn",),
    "UntagResource": ("resourceArn",),
}
"""Members of the address, which the endpoint reads. A pipe's name is looked up, not checked."""

LOOSE = {"PathParameter", "S3LogDestinationParametersBucketOwnerString", "HeaderKey", "QueryStringKey"}
"""Shapes whose form wants a character, which their lengths do not say."""


def differences(theirs: Shape, ours: object, path: str) -> Iterator[str]:
    low, high = theirs.metadata.get("min", 0), theirs.metadata.get("max", 2**63 - 1)
    enum = theirs.metadata.get("enum", ())
    match ours:
        case Object(closed=False):
            assert isinstance(theirs, StructureShape)
        case Object():
            assert isinstance(theirs, StructureShape)
            for name in set(theirs.members) ^ set(ours.members):
                yield f"{path}.{name} is in one of them only"
            if set(theirs.required_members) != set(ours.required):
                yield f"{path} requires {theirs.required_members}, not {ours.required}"
            for name in set(theirs.members) & set(ours.members):
                yield from differences(theirs.members[name], ours.members[name], f"{path}.{name}")
        case Items():
            assert isinstance(theirs, ListShape)
            if (low, high) != (ours.low, ours.high):
                yield f"{path}: {low} to {high}"
            yield from differences(theirs.member, ours.of, f"{path}[]")
        case Entries():
            assert isinstance(theirs, MapShape)
            if (low, high) != (ours.low, ours.high):
                yield f"{path}: {low} to {high}"
            yield from differences(theirs.key, ours.key, f"{path}.<key>")
            yield from differences(theirs.value, ours.value, f"{path}.<value>")
        case Choice():
            if set(enum) != set(ours.allowed):
                yield f"{path}: {enum}"
        case Whole():
            if (low, high) != (ours.low, ours.high):
                yield f"{path}: {low} to {high}"
        case Text():
            assert isinstance(theirs, StringShape) and not enum, path
            if high != ours.high or (low != ours.low and theirs.name not in LOOSE):
                yield f"{path}: {low} to {high}"
        case Flag():
            assert theirs.type_name == "boolean"
        case Moment():
            assert theirs.type_name == "timestamp"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_model_is_the_services_own(operation: str) -> None:
    theirs, ours = SERVICE.operation_model(operation).input_shape, OPERATIONS[operation]
    in_the_path = IN_THE_PATH.get(operation, ())
    found = [
        one
        for one in differences(theirs, ours, operation)
        if not any(one.startswith(f"{operation}.{name} ") for name in in_the_path)
        and not one.startswith(f"{operation} requires")
    ]
    assert found == []
    assert set(theirs.required_members) - set(ours.required) == set(in_the_path)


def logging(**given: object) -> dict:
    return {"LogConfiguration": {"Level": "OFF", **given}}


BUCKET = {"BucketName": "logs", "BucketOwner": "111122223333"}
ARN = "arn:aws:sqs:us-east-1:111122223333:q"
REFUSED = [
    ("Name", {"Name": ""}),
    ("Name", {"Name": "naïve"}),
    ("Description", {"Description": "x" * 513}),
    ("RoleArn", {"RoleArn": "arn:aws:iam::111122223333:user/me"}),
    ("Source", {"Source": "orders"}),
    ("Target", {"Target": "arn:aws:sqs:" + "x" * 1600}),
    ("KmsKeyIdentifier", {"KmsKeyIdentifier": "a key"}),
    ("DesiredState", {"DesiredState": "running"}),
    ("Tags", {"Tags": {str(number): "" for number in range(51)}}),
    ("Tags", {"Tags": {}}),
    ("Tags.k", {"Tags": {"k": "x" * 257}}),
    ("Tags." + "k" * 129, {"Tags": {"k" * 129: ""}}),
    ("EnrichmentParameters.InputTemplate", {"EnrichmentParameters": {"InputTemplate": "x" * 8193}}),
    ("LogConfiguration.Level", {"LogConfiguration": {"Level": "DEBUG"}}),
    ("LogConfiguration.IncludeExecutionData[0]", logging(IncludeExecutionData=["SOME"])),
    ("LogConfiguration.S3LogDestination.BucketOwner", logging(S3LogDestination={**BUCKET, "BucketOwner": "me"})),
    ("LogConfiguration.S3LogDestination.BucketName", logging(S3LogDestination={**BUCKET, "BucketName": None})),
    (
        "LogConfiguration.CloudwatchLogsLogDestination.LogGroupArn",
        logging(CloudwatchLogsLogDestination={"LogGroupArn": ARN}),
    ),
]


@pytest.mark.parametrize(("where", "changed"), REFUSED)
def test_what_the_model_does_not_take_is_refused_by_its_path(where: str, changed: dict) -> None:
    assert [name for name, _ in refused(request(**changed))] == [where]


TARGET_REFUSED = [
    ("events", "EventBridgeEventBusParameters", {"DetailType": ""}, "DetailType"),
    ("events", "EventBridgeEventBusParameters", {"Source": "x" * 257}, "Source"),
    ("events", "EventBridgeEventBusParameters", {"Source": "aws.s3"}, "Source"),
    ("events", "EventBridgeEventBusParameters", {"Time": "2026-01-02T03:04:05Z"}, "Time"),
    ("events", "EventBridgeEventBusParameters", {"Resources": ["orders"]}, "Resources[0]"),
    ("events", "EventBridgeEventBusParameters", {"EndpointId": "$.eventName"}, "EndpointId"),
    ("logs", "CloudWatchLogsParameters", {"Timestamp": "1767323045000"}, "Timestamp"),
    ("logs", "CloudWatchLogsParameters", {"Timestamp": "$.a..b"}, "Timestamp"),
    ("logs", "CloudWatchLogsParameters", {"LogStreamName": ""}, "LogStreamName"),
    ("sqs", "SqsQueueParameters", {"MessageGroupId": "x" * 101}, "MessageGroupId"),
    ("kinesis", "KinesisStreamParameters", {"PartitionKey": "x" * 257}, "PartitionKey"),
    ("kinesis", "KinesisStreamParameters", {}, "PartitionKey"),
    ("lambda", "LambdaFunctionParameters", {"InvocationType": "$.eventName"}, "InvocationType"),
    ("api-destination", "HttpParameters", {"HeaderParameters": {"X-Amz-Date": "now"}}, "HeaderParameters.X-Amz-Date"),
    ("api-destination", "HttpParameters", {"HeaderParameters": {"a b": "c"}}, "HeaderParameters.a b"),
    ("api-destination", "HttpParameters", {"HeaderParameters": {"a": "line\nend"}}, "HeaderParameters.a"),
    ("api-destination", "HttpParameters", {"QueryStringParameters": {"a": "x" * 513}}, "QueryStringParameters.a"),
    ("api-destination", "HttpParameters", {"PathParameterValues": [" "]}, "PathParameterValues[0]"),
]


@pytest.mark.parametrize(("target", "group", "given", "where"), TARGET_REFUSED)
def test_a_target_parameter_outside_the_model_is_refused(target: str, group: str, given: dict, where: str) -> None:
    params = request("dynamodb", target, reading={"BatchSize": 1}, TargetParameters={group: given})
    assert [name for name, _ in refused(params)] == [f"TargetParameters.{group}.{where}"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("10", "Member must be a whole number, not '10'"),
        (True, "Member must be a whole number, not True"),
        (0, "Member must have value greater than or equal to 1"),
        (10_001, "Member must have value less than or equal to 10000"),
    ],
)
def test_a_number_is_refused_with_the_reason(value: object, sentence: str) -> None:
    path = "SourceParameters.DynamoDBStreamParameters.BatchSize"
    assert refused(request(reading={"BatchSize": value})) == [(path, sentence)]


@pytest.mark.parametrize("given", [[], "x", 1])
def test_a_value_of_another_kind_is_refused_wherever_it_is(given: object) -> None:
    assert [name for name, _ in refused(request(SourceParameters=given))] == ["SourceParameters"]
    assert [name for name, _ in refused(request(Tags=given))] == ["Tags"]


def test_all_faults_of_the_model_are_told_at_once() -> None:
    params = request(Name="a b", RoleArn=None, reading={"BatchSize": 0, "StartingPosition": "AT_TIMESTAMP"})
    assert sorted(name for name, _ in refused(params)) == [
        "Name",
        "RoleArn",
        "SourceParameters.DynamoDBStreamParameters.BatchSize",
        "SourceParameters.DynamoDBStreamParameters.StartingPosition",
    ]


def test_null_says_as_much_as_absent() -> None:
    assert refused({**request(), "RoleArn": None}) == [("RoleArn", "Missing required parameter.")]


def test_a_misspelt_member_is_passed_over_and_told_of() -> None:
    params = request(reading={"BatchSise": 10}, Tagz={})
    params["SourceParameters"]["FilterCriteria"] = {"Filters": [{"Patern": "{}"}]}
    assert set(unknown_parameters(params)) == {
        "SourceParameters.DynamoDBStreamParameters.BatchSise",
        "SourceParameters.FilterCriteria.Filters[0].Patern",
        "Tagz",
    }
