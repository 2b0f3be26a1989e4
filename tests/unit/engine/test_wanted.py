"""Files of ``afterbay run``: what they ask for, and what is refused by its place and its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterbay.aws.client import AwsSettings
from afterbay.engine.standalone import Standalone
from afterbay.engine.wanted import WantedPipe, read_mappings, read_pipes
from afterbay.errors import SettingsError
from unit.core.pipe.making import ACCOUNT, REGION, SOURCES, TARGETS, request

MAPPING = {"FunctionName": "f", "EventSourceArn": SOURCES["dynamodb"], "StartingPosition": "LATEST"}


def written(folder: Path, content: object, name: str = "pipe.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(content))
    return path


def read(folder: Path, content: object) -> tuple[WantedPipe, ...]:
    return read_pipes([written(folder, content)])


def test_a_pipe_lives_where_its_source_does_and_keeps_its_name_for_positions(tmp_path: Path) -> None:
    (one,) = read(tmp_path, request("dynamodb", "sqs"))
    (again,) = read(tmp_path, request("dynamodb", "sns", Description="other"))
    (other,) = read(tmp_path, request("dynamodb", "sqs", Name="other"))
    (moved,) = read(tmp_path, request("kinesis", "sqs"))
    assert one.pipe.arn == f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/orders-shipped"
    assert one.settings.function_arn == one.pipe.arn and one.settings.is_pipe
    assert one.uuid == again.uuid and len({one.uuid, other.uuid, moved.uuid}) == 3


def test_a_pipe_that_is_to_stand_still_is_not_enabled(tmp_path: Path) -> None:
    running, stopped = read(tmp_path, [request(Name="a"), request(Name="b", DesiredState="STOPPED")])
    assert (running.enabled, stopped.enabled) == (True, False)


def test_several_files_are_one_list_and_each_entry_knows_its_place(tmp_path: Path) -> None:
    first, second = written(tmp_path, [request(Name="a")], "a.json"), written(tmp_path, request(Name="b"), "b.json")
    assert [one.place for one in read_pipes([first, second])] == [f"{first}[0]", str(second)]
    with pytest.raises(SettingsError, match="the name is that of an earlier pipe") as caught:
        read_pipes([first, first])
    assert caught.value.where == f"{first}[0]"
    mapping = written(tmp_path, MAPPING, "m.json")
    with pytest.raises(SettingsError, match="same as in an earlier mapping"):
        read_mappings([mapping, mapping])


REFUSED = {
    "a misspelt name inside": (request(reading={"BatchSise": 1}), "'SourceParameters.DynamoDBStreamParameters.BatchS"),
    "what the source needs": (
        request(SourceParameters={}),
        "SourceParameters.DynamoDBStreamParameters: Missing required parameter.",
    ),
    "no name": ({**request(), "Name": None}, "Name: Missing required parameter."),
    "a source that is no ARN": ({**request(), "Source": "orders"}, "Source: "),
    "a broker": (
        request("kafka", SourceParameters={"SelfManagedKafkaParameters": {"TopicName": "t"}}),
        "Source: smk://broker.example.com:9092 is a self-managed Kafka cluster",
    ),
    "another Region": (request(Target=TARGETS["sqs"].replace(REGION, "eu-west-1")), "cross-region"),
    "a number": (request(reading={"BatchSize": 0}), "SourceParameters.DynamoDBStreamParameters.BatchSize: "),
    "a template's name": (
        request(TargetParameters={"InputTemplate": "<aws.pipes.nothing>"}),
        "TargetParameters.InputTemplate: ",
    ),
    "a pattern": (
        request(SourceParameters={"FilterCriteria": {"Filters": [{"Pattern": "{"}]}, "SqsQueueParameters": {}}),
        "SourceParameters.",
    ),
    "tags": (request(Tags={"a": "b"}), "Tags: "),
    "a key": (request(KmsKeyIdentifier="alias/k"), "KmsKeyIdentifier: "),
    "an API by its ARN": (request("dynamodb", "apigateway", reading={"BatchSize": 1}), "Target: "),
    "an API as enrichment": (
        request(Enrichment=TARGETS["apigateway"], reading={"BatchSize": 1}),
        "Enrichment: arn:aws:execute-api",
    ),
    "a global endpoint": (
        request("dynamodb", "events", TargetParameters={"EventBridgeEventBusParameters": {"EndpointId": "abc123.xyz"}}),
        "TargetParameters.EventBridgeEventBusParameters.EndpointId: ",
    ),
}


@pytest.mark.parametrize(("content", "named"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_pipe_is_refused_by_place_and_member(tmp_path: Path, content: dict, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, [content])
    assert caught.value.where == f"{tmp_path / 'pipe.json'}[0]"
    assert named in str(caught.value)


@pytest.mark.parametrize("content", [[], ["text"], 5])
def test_a_file_without_a_pipe_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(SettingsError, match="pipe"):
        read(tmp_path, content)


def with_inline(folder: Path, *pipes: dict) -> Standalone:
    wanted = read(folder, list(pipes)) if pipes else ()
    return Standalone((), folder / "state", AwsSettings(), pipes=wanted, handler=lambda event, context: None)


def test_an_inline_function_needs_somebody_who_waits_for_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="calls a function"):
        with_inline(tmp_path, request("dynamodb", "sqs"))
    hidden = {"LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    with pytest.raises(SettingsError, match="FIRE_AND_FORGET"):
        with_inline(tmp_path, request("dynamodb", "lambda", TargetParameters=hidden))
    assert with_inline(tmp_path, request("dynamodb", "lambda")).told == "1 pipe(s)"
    assert with_inline(tmp_path, request("dynamodb", "sqs", Enrichment=TARGETS["lambda"])).told == "1 pipe(s)"
