"""Targets: what is taken, what is refused, what they mean (B25, B31, B36, B37, B40, B50, B61, B65)."""

from __future__ import annotations

from typing import Any

import pytest

from afterbay.core.bus.call import HttpParameters
from afterbay.core.bus.names import Home
from afterbay.core.bus.target import (
    RetryPolicy,
    Target,
    TargetKind,
    parse_target,
    target_violations,
)
from afterbay.core.template import Event, TargetInput
from afterbay.errors import SettingsError

HOME = Home("111122223333", "eu-west-1")
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:q"


def target(**members: Any) -> Target:
    given = {"Id": "t", "Arn": QUEUE, **members}
    assert list(target_violations(given, 1)) == []
    return parse_target(given, HOME)


def refused(**members: Any) -> str:
    with pytest.raises(SettingsError) as error:
        target(**members)
    assert error.value.code == "ValidationException"
    return error.value.message


def sentences(**members: Any) -> list[str]:
    return list(target_violations({"Id": "t", "Arn": QUEUE, **members}, 1))


def test_what_is_not_given_has_awss_defaults() -> None:
    made = target()
    assert (made.id, made.arn, made.kind, made.retry) == ("t", QUEUE, TargetKind.QUEUE, RetryPolicy())
    assert (made.retry.attempts_max, made.retry.age_max_s) == (185, 86_400)
    assert (made.input, made.dead_letter_arn) == (TargetInput(), None)
    assert made.body() == {"Id": "t", "Arn": QUEUE}


def test_every_setting_has_its_place_and_is_shown_as_it_was_given() -> None:
    given = {
        "RoleArn": "role",
        "InputTransformer": {"InputPathsMap": {"a": "$.a"}, "InputTemplate": '"<a> <aws.events.rule-name>"'},
        "RetryPolicy": {"MaximumRetryAttempts": 0},
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-west-1:999988887777:dlq"},
        "SqsParameters": {"MessageGroupId": "g"},
        "KinesisParameters": {"PartitionKeyPath": "$.id"},
        "HttpParameters": {
            "PathParameterValues": ["p"],
            "HeaderParameters": {"h": "1"},
            "QueryStringParameters": {"q": "2"},
        },
    }
    made = target(**given)
    assert made.body() == {"Id": "t", "Arn": QUEUE, **given}
    assert made.role_arn == "role"
    assert made.input.payload(Event({"a": 1}), {"rule_name": "r"}) == '"1 r"'
    assert made.input is made.input, "a template is compiled once"
    assert made.retry == RetryPolicy(attempts_max=0)
    assert made.dead_letter_arn == "arn:aws:sqs:eu-west-1:999988887777:dlq"
    assert (made.message_group_id, made.partition_key_path) == ("g", "$.id")
    assert made.http == HttpParameters(path_values=("p",), headers=(("h", "1"),), query=(("q", "2"),))


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:sns:eu-west-1:111122223333:topic", TargetKind.TOPIC),
        ("arn:aws:lambda:eu-west-1:111122223333:function:f:live", TargetKind.FUNCTION),
        ("arn:aws:states:eu-west-1:111122223333:stateMachine:m", TargetKind.STATE_MACHINE),
        ("arn:aws:kinesis:eu-west-1:111122223333:stream/s", TargetKind.STREAM),
        ("arn:aws:firehose:eu-west-1:111122223333:deliverystream/d", TargetKind.DELIVERY_STREAM),
        ("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/events/x", TargetKind.LOG_GROUP),
        ("arn:aws:execute-api:eu-west-1:111122223333:api/prod/POST/*", TargetKind.API_GATEWAY),
        ("arn:aws:events:us-east-1:999988887777:event-bus/b", TargetKind.BUS),
        ("arn:aws:events:eu-west-1:111122223333:api-destination/d/1", TargetKind.API_DESTINATION),
    ],
)
def test_the_arn_says_what_a_target_is(arn: str, kind: TargetKind) -> None:
    assert target(Arn=arn).kind is kind


@pytest.mark.parametrize(
    ("arn", "told"),
    [
        ("queue", "Parameter queue is not valid. Reason: Provided Arn is not in correct format."),
        ("arn:aws:s3:::bucket", "s3 is not a supported service for a target."),
        ("arn:aws:events:eu-west-1:111122223333:rule/r", "events is not a supported service for a target."),
    ],
)
def test_what_is_no_target_is_refused(arn: str, told: str) -> None:
    assert refused(Arn=arn) == told


def test_what_nothing_here_calls_is_refused_by_name() -> None:
    assert "does not send events to ecs" in refused(Arn="arn:aws:ecs:eu-west-1:111122223333:cluster/c")
    assert refused(EcsParameters={"TaskDefinitionArn": "x"}).startswith("EcsParameters is not implemented")


@pytest.mark.parametrize(
    "given",
    [
        {"Input": "{}", "InputPath": "$"},
        {"Input": "{}", "InputTransformer": {"InputTemplate": "{}"}},
        {"InputPath": "$", "InputTransformer": {"InputTemplate": "{}"}},
        {"Input": "{}", "InputPath": "$", "InputTransformer": {"InputTemplate": "{}"}},
    ],
)
def test_there_is_one_way_of_input(given: dict[str, Any]) -> None:
    """B36."""
    assert refused(**given) == ("Only one of Input, InputPath, or InputTransformer must be provided for target t.")


@pytest.mark.parametrize(
    "name",
    ["rule-arn", "rule-name", "event.ingestion-time", "event", "event.json"],
)
def test_aws_own_placeholders_need_no_path(name: str) -> None:
    """B45, B46."""
    assert target(InputTransformer={"InputTemplate": f'{{"a": <aws.events.{name}>}}'}).input.template


@pytest.mark.parametrize("name", ["b", "aws.events.other", "A-1_x"])
def test_a_placeholder_without_a_value_is_refused(name: str) -> None:
    """B40; a map entry may be unused."""
    told = refused(InputTransformer={"InputPathsMap": {"a": "$.a"}, "InputTemplate": f'"<{name}>"'})
    assert told == f"InputTemplate for target t contains invalid placeholder {name}."


def test_comparison_signs_are_no_placeholders() -> None:
    assert target(InputTransformer={"InputTemplate": '"1 < 2 and 3 > 2, <>"'}).input.template


def test_names_of_aws_are_reserved() -> None:
    told = refused(InputTransformer={"InputPathsMap": {"AWSx": "$"}, "InputTemplate": "{}"})
    assert "AWSx" in told


def test_a_bus_of_another_account_gets_the_event_as_it_is() -> None:
    """B25."""
    ours, theirs = HOME.bus_arn("b"), Home("999988887777", "eu-west-1").bus_arn("b")
    assert target(Arn=ours, InputPath="$.detail").kind is TargetKind.BUS
    assert "InputPath is not available" in refused(Arn=theirs, InputPath="$.detail")


def test_a_fifo_queue_wants_a_group() -> None:
    """B65."""
    told = "Parameter(s) SqsParameters must be specified for target: t."
    assert refused(Arn=QUEUE + ".fifo") == told == refused(Arn=QUEUE + ".fifo", SqsParameters={})
    assert target(Arn=QUEUE + ".fifo", SqsParameters={"MessageGroupId": "g"}).message_group_id == "g"


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        (QUEUE + ".fifo", "FIFO"),
        ("arn:aws:sns:eu-west-1:111122223333:t", "SQS queue"),
        ("arn:aws:sqs:us-east-1:111122223333:q", "eu-west-1"),
        ("queue", "correct format"),
    ],
)
def test_a_dead_letter_queue_is_a_standard_one_of_the_region(arn: str, reason: str) -> None:
    """B61; whether it exists is not looked up."""
    assert reason in refused(DeadLetterConfig={"Arn": arn})


def test_an_empty_dead_letter_config_is_none() -> None:
    assert target(DeadLetterConfig={}).dead_letter_arn is None


@pytest.mark.parametrize("name", ["X-Amz-Date", "x-amzn-trace"])
def test_headers_of_aws_are_its_own(name: str) -> None:
    """X56."""
    assert name in refused(HttpParameters={"HeaderParameters": {name: "1"}})


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"Id": None}, "id"),
        ({"Arn": ""}, "arn"),
        ({"RoleArn": ""}, "roleArn"),
        ({"Input": "x" * 8193}, "input"),
        ({"InputPath": "x" * 257}, "inputPath"),
        ({"InputTransformer": {}}, "inputTransformer.inputTemplate"),
        ({"InputTransformer": {"InputTemplate": "x" * 8193}}, "inputTransformer.inputTemplate"),
        (
            {"InputTransformer": {"InputTemplate": "{}", "InputPathsMap": {f"a{n}": "$" for n in range(101)}}},
            "inputTransformer.inputPathsMap",
        ),
        (
            {"InputTransformer": {"InputTemplate": "{}", "InputPathsMap": {"a": "x" * 257}}},
            "inputTransformer.inputPathsMap",
        ),
        (
            {"InputTransformer": {"InputTemplate": "{}", "InputPathsMap": {"a b": "$"}}},
            "inputTransformer.inputPathsMap",
        ),
        ({"KinesisParameters": {}}, "kinesisParameters.partitionKeyPath"),
        ({"SqsParameters": {"MessageGroupId": "x" * 101}}, "sqsParameters.messageGroupId"),
        ({"DeadLetterConfig": {"Arn": ""}}, "deadLetterConfig.arn"),
        ({"RetryPolicy": {"MaximumRetryAttempts": 186}}, "retryPolicy.maximumRetryAttempts"),
        ({"RetryPolicy": {"MaximumEventAgeInSeconds": 59}}, "retryPolicy.maximumEventAgeInSeconds"),
        ({"HttpParameters": {"PathParameterValues": [" "]}}, "httpParameters.pathParameterValues.1.member"),
        ({"HttpParameters": {"HeaderParameters": {"a b": "1"}}}, "httpParameters.headerParameters"),
        ({"HttpParameters": {"HeaderParameters": {"a": "\n"}}}, "httpParameters.headerParameters.a"),
        ({"HttpParameters": {"QueryStringParameters": {"\n": "1"}}}, "httpParameters.queryStringParameters"),
    ],
)
def test_the_model_is_asked_of_every_member(given: dict[str, Any], path: str) -> None:
    (sentence, *_) = sentences(**given)
    assert f"{path}' failed to satisfy constraint: M" in sentence
    assert "'targets.1.member." in sentence
