"""One delivery as a call of its target, and what the target's reply means (B52, B62, B65 to B69)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from afterbay.core.bus.calls import call_of, outcome_of
from afterbay.core.bus.envelope import Event, encode_event
from afterbay.core.bus.names import Home
from afterbay.core.bus.outcome import Accepted, ErrorCode, Failed, Late, Refused, TokenRefused
from afterbay.core.bus.rule import Rule
from afterbay.core.bus.target import parse_target
from afterbay.core.target.call import Answered, AwsCall, DestinationCall, Fault, FunctionCall
from afterbay.core.target.call import Refused as CallRefused

HOME = Home("000000000000", "eu-west-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RULE = Rule(arn=HOME.rule_arn("orders", "r"), name="r", bus="orders", pattern="{}", created_by="000000000000")
EVENT = Event(
    id="e-1",
    detail_type="OrderShipped",
    source="shop",
    account="000000000000",
    time_s=1_700_000_000,
    region="eu-west-1",
    detail='{"id":"é/1","n":1.50,"yes":true,"none":null,"list":[1],"half":"\\ud800"}'.encode(),
)
WHOLE = encode_event(EVENT)
LOGS = "arn:aws:logs:eu-west-1:000000000000:log-group:/aws/events/orders"
DESTINATION = HOME.arn("api-destination/search/11111111-2222-4333-8444-555555555555")


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:eu-west-1:000000000000:{resource}"


def call(target_arn: str, **more: Any) -> Any:
    return call_of(EVENT, RULE, parse_target({"Id": "t", "Arn": target_arn, **more}, HOME), NOW)


def aws(target_arn: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    made = call(target_arn, **more)
    assert isinstance(made, AwsCall)
    assert made.region == "eu-west-1"
    return made.service, made.operation, dict(made.parameters)


def test_a_queue_gets_the_event_as_its_message() -> None:
    made = call(arn("sqs", "q"))
    assert (made.operation, made.queue, made.parameters) == (
        "send_message",
        arn("sqs", "q"),
        {"MessageBody": WHOLE.decode()},
    )


def test_a_fifo_queue_gets_the_group_of_the_target() -> None:
    _, _, told = aws(arn("sqs", "q.fifo"), SqsParameters={"MessageGroupId": "orders"})
    assert told == {"MessageBody": WHOLE.decode(), "MessageGroupId": "orders"}


def test_a_topic_gets_a_notification() -> None:
    told = {"TopicArn": arn("sns", "t"), "Message": WHOLE.decode()}
    assert aws(arn("sns", "t")) == ("sns", "publish", told)


def test_a_function_is_called_without_waiting() -> None:
    assert call(arn("lambda", "function:f:live")) == FunctionCall(arn("lambda", "function:f:live"), WHOLE, waits=False)


def test_a_state_machine_is_started() -> None:
    machine = arn("states", "stateMachine:m")
    told = {"stateMachineArn": machine, "input": WHOLE.decode()}
    assert aws(machine) == ("stepfunctions", "start_execution", told)


def test_a_delivery_stream_gets_one_record() -> None:
    told = {"DeliveryStreamName": "lake", "Records": [{"Data": WHOLE}]}
    assert aws(arn("firehose", "deliverystream/lake")) == ("firehose", "put_record_batch", told)


@pytest.mark.parametrize(
    ("path", "key"),
    [(None, "e-1"), ("$.detail.id", "é/1"), ("$.source", "shop"), ("$.detail.n", "1.50"), ("$.detail.yes", "true")],
)
def test_a_stream_gets_one_record_under_the_key_of_its_path(path: str | None, key: str) -> None:
    """B66: the event's id unless a path says otherwise."""
    more = {} if path is None else {"KinesisParameters": {"PartitionKeyPath": path}}
    service, operation, told = aws(arn("kinesis", "stream/s"), **more)
    assert (service, operation) == ("kinesis", "put_records")
    assert told == {"StreamARN": arn("kinesis", "stream/s"), "Records": [{"PartitionKey": key, "Data": WHOLE}]}


@pytest.mark.parametrize("path", ["$.detail.missing", "$.detail.none", "$.detail.list"])
def test_an_event_without_that_key_is_refused(path: str) -> None:
    refused = call(arn("kinesis", "stream/s"), KinesisParameters={"PartitionKeyPath": path})
    assert isinstance(refused, Refused)
    assert refused.code is ErrorCode.INVALID_JSON


@pytest.mark.parametrize("group", [LOGS, f"{LOGS}:*"])
def test_a_log_group_gets_the_event_at_its_own_time(group: str) -> None:
    """B67."""
    assert aws(group) == (
        "logs",
        "put_log_events",
        {
            "logGroupName": "/aws/events/orders",
            "logStreamName": "r",
            "logEvents": [{"timestamp": 1_700_000_000_000, "message": WHOLE.decode()}],
        },
    )


def test_a_log_groups_transformer_says_time_and_message() -> None:
    template = '{"timestamp": 1700000000123, "message": "order <id>"}'
    paths = {"id": "$.detail.id"}
    _, _, told = aws(LOGS, InputTransformer={"InputPathsMap": paths, "InputTemplate": template})
    assert told["logEvents"] == [{"timestamp": 1_700_000_000_123, "message": "order é/1"}]


@pytest.mark.parametrize(
    ("timestamp", "at_ms"),
    [
        ("<time>", 1_700_000_000_000),
        ('"2023-11-14T22:13:20.123Z"', 1_700_000_000_123),
        ('"2023-11-14T23:13:20.5+01:00"', 1_700_000_000_500),
    ],
)
def test_the_time_of_a_transformer_may_be_text_as_the_events_own_is(timestamp: str, at_ms: int) -> None:
    """B67: the CDK's targets put $.time there."""
    template = f'{{"timestamp": {timestamp}, "message": "m"}}'
    _, _, told = aws(LOGS, InputTransformer={"InputPathsMap": {"time": "$.time"}, "InputTemplate": template})
    assert told["logEvents"] == [{"timestamp": at_ms, "message": "m"}]


@pytest.mark.parametrize(
    "template", ['{"message": "m"}', '{"timestamp": "now", "message": "m"}', '{"timestamp": 1, "message": {}}', '"m"']
)
def test_a_transformer_that_says_something_else_is_refused(template: str) -> None:
    refused = call(LOGS, InputTransformer={"InputTemplate": template})
    assert isinstance(refused, Refused)
    assert refused.code is ErrorCode.INVALID_PARAMETER


def nested(levels: int) -> Event:
    return msgspec.structs.replace(EVENT, detail=b'{"a":' * levels + b"1" + b"}" * levels)


@pytest.mark.parametrize("target_arn", [arn("sqs", "q"), arn("kinesis", "stream/s"), DESTINATION])
@pytest.mark.parametrize(("constant", "sent"), [({}, encode_event(nested(999))), ({"Input": "1"}, b"1")])
def test_an_event_of_all_levels_goes_where_nothing_is_taken_out_of_it(
    target_arn: str, constant: dict[str, str], sent: bytes
) -> None:
    """B18, B36."""
    target = parse_target({"Id": "t", "Arn": target_arn, **constant}, HOME)
    made = call_of(nested(999), RULE, target, NOW)
    if isinstance(made, AwsCall):
        assert made.parameters.get("MessageBody") == sent.decode() or made.parameters["Records"][0]["Data"] == sent
    else:
        assert isinstance(made, DestinationCall) and made.body == sent


@pytest.mark.parametrize(
    "settings", [{"InputPath": "$"}, {"InputTransformer": {"InputTemplate": '{"e": <aws.events.event.json>}'}}]
)
def test_an_event_too_deep_to_be_looked_into_is_refused(settings: dict[str, Any]) -> None:
    """B44: a failed delivery, and not a fault of ours."""
    refused = call_of(nested(100_000), RULE, parse_target({"Id": "t", "Arn": arn("sqs", "q"), **settings}, HOME), NOW)
    assert isinstance(refused, Refused)
    assert refused.code is ErrorCode.INVALID_JSON


def test_an_api_destination_is_called_with_values_from_the_event_itself() -> None:
    """B69: dynamic paths see the original event, whatever the target's input says; names of headers take none."""
    made = call(
        DESTINATION,
        InputPath="$.detail.id",
        HttpParameters={
            "PathParameterValues": ["$.detail.id", "fixed"],
            "HeaderParameters": {"X-Order": "$.detail.n", "X-Fixed": "1"},
            "QueryStringParameters": {"half": "$.detail.half", "q": "$.source"},
        },
    )
    assert made == DestinationCall(
        DESTINATION,
        ("é/1", "fixed"),
        {"X-Order": "1.50", "X-Fixed": "1"},
        {"half": "\ud800", "q": "shop"},
        '"é/1"'.encode(),
        until_s=NOW.timestamp() + 86_400,
    )


def test_an_api_destination_is_called_within_the_events_age_or_not_at_all() -> None:
    """B54."""
    made = call(DESTINATION, RetryPolicy={"MaximumEventAgeInSeconds": 60})
    assert isinstance(made, DestinationCall)
    assert made.until_s == NOW.timestamp() + 60


def test_an_api_destination_without_its_value_is_not_called() -> None:
    refused = call(DESTINATION, HttpParameters={"HeaderParameters": {"X-Order": "$.detail.missing"}})
    assert isinstance(refused, Refused)
    assert refused.code is ErrorCode.INVALID_JSON


def test_input_settings_make_the_payload() -> None:
    assert aws(arn("sqs", "q"), Input='{"fixed": 1}')[2] == {"MessageBody": '{"fixed": 1}'}
    assert aws(arn("sqs", "q"), InputPath="$.source")[2] == {"MessageBody": '"shop"'}
    reserved = '{"rule": <aws.events.rule-name>, "arn": <aws.events.rule-arn>, "event": <aws.events.event.json>}'
    _, _, told = aws(arn("sqs", "q"), InputTransformer={"InputTemplate": reserved})
    assert json.loads(told["MessageBody"]) == {"rule": "r", "arn": RULE.arn, "event": json.loads(WHOLE)}


REPLIES = [
    (Fault.THROTTLED, 429, Failed(ErrorCode.THROTTLING, "C: m", 7.0)),
    (Fault.UNAVAILABLE, 503, Failed(ErrorCode.ERROR_FROM_TARGET, "C: m", 7.0)),
    (Fault.TIMED_OUT, 0, Failed(ErrorCode.TIMEOUT, "C: m")),
    (Fault.NOT_CONNECTED, 0, Failed(ErrorCode.CONNECTION_FAILURE, "C: m")),
    (Fault.NO_SUCH_HOST, 0, Refused(ErrorCode.CONNECTION_FAILURE, "C: m")),
    (Fault.CONFLICT, 409, Failed(ErrorCode.RESOURCE_MODIFICATION_COLLISION, "C: m")),
    (Fault.TOKEN_REFUSED, 401, TokenRefused("C: m")),
    (Fault.TOO_LATE, 0, Late()),
    (Fault.DENIED, 403, Refused(ErrorCode.NO_PERMISSIONS, "C: m")),
    (Fault.NOT_FOUND, 404, Refused(ErrorCode.NO_RESOURCE, "C: m")),
    (Fault.TOO_LARGE, 413, Refused(ErrorCode.INVALID_PARAMETER, "C: m")),
    (Fault.REFUSED, 400, Refused(ErrorCode.ERROR_FROM_TARGET, "C: m")),
    (Fault.REFUSED, 0, Refused(ErrorCode.SDK_CLIENT_ERROR, "C: m")),
    (Fault.FUNCTION_ERROR, 200, Refused(ErrorCode.ERROR_FROM_TARGET, "C: m")),
]


@pytest.mark.parametrize(("fault", "status", "outcome"), REPLIES, ids=lambda one: str(getattr(one, "name", one)))
def test_every_fault_means_something(fault: Fault, status: int, outcome: Any) -> None:
    assert outcome_of(CallRefused(fault, "C", "m", status, retry_after_s=7.0)) == outcome


def test_no_fault_is_left_out() -> None:
    assert {fault for fault, _, _ in REPLIES} == set(Fault)


@pytest.mark.parametrize("members", [{}, {"Records": [{"SequenceNumber": "1"}]}, {"RequestResponses": [{}]}])
def test_an_answer_without_a_failed_entry_is_taken(members: dict[str, Any]) -> None:
    assert outcome_of(Answered(members=members)) == Accepted()


@pytest.mark.parametrize(
    "rejected", [{"tooOldLogEventEndIndex": 0}, {"expiredLogEventEndIndex": 1}, {"tooNewLogEventStartIndex": 0}]
)
def test_an_event_whose_time_a_log_group_does_not_take_is_refused(rejected: dict[str, int]) -> None:
    """B52, B67: the service answers well, and the event would be nowhere."""
    assert isinstance(outcome_of(Answered(members={"rejectedLogEventsInfo": rejected})), Refused)


@pytest.mark.parametrize(
    ("name", "code", "outcome"),
    [
        ("Records", "ProvisionedThroughputExceededException", Failed),
        ("RequestResponses", "ServiceUnavailableException", Failed),
        ("Records", "InternalFailure", Failed),
        ("Records", "KMSNotFoundException", Refused),
    ],
)
def test_a_failed_entry_of_a_taken_call_is_a_failure(name: str, code: str, outcome: type) -> None:
    answer = Answered(members={name: [{"ErrorCode": code, "ErrorMessage": "m"}]})
    assert isinstance(outcome_of(answer), outcome)
