"""The demo's judgement of its dead letter: each member of R110 is looked at, and none other is allowed."""

import json
from datetime import UTC, datetime

import pytest

from afterbay.cli.demo.letter import ExpectedLetter, faults
from afterbay.core.mapping.deadletter import Condition, Letter, document
from afterbay.core.mapping.outcome import ResponseContext

REQUEST = "5a3d6f3e-9f5c-4b5e-8d7a-3f1f0c9e2b11"
OTHER = "0b3d6f3e-9f5c-4b5e-8d7a-3f1f0c9e2b11"
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/orders/stream/2026-11-25T00:00:00.000"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:orders-cdc-processor"
SHARD = "shardId-00000001700000000000-0000000a"
NUMBER = 1400000003000000568382
SENT_S = 1_800_000_010.5


def expected(requests: tuple[str, ...] = (OTHER, *[REQUEST] * 4)) -> ExpectedLetter:
    return ExpectedLetter(
        function_arn=FUNCTION,
        stream_arn=STREAM,
        shard=SHARD,
        sequence=str(NUMBER),
        created_s=1_800_000_000,
        invoke_count=4,
        requests=requests,
        sent_between=(1_800_000_005, 1_800_000_020),
    )


def right() -> dict:
    letter = Letter(
        mapping="m",
        shard=SHARD,
        request_id=REQUEST,
        destination="arn:aws:sqs:us-east-1:000000000000:q",
        function_arn=FUNCTION,
        stream_arn=STREAM,
        condition=Condition.RETRY_ATTEMPTS_EXHAUSTED,
        invoke_count=4,
        first=NUMBER,
        last=NUMBER,
        first_created_s=1_800_000_000,
        last_created_s=1_800_000_000,
        count=1,
        response=ResponseContext("$LATEST", None),
    )
    return json.loads(json.dumps(document(letter, datetime.fromtimestamp(SENT_S, UTC))))


def test_the_engines_own_letter_has_no_fault():
    assert faults(json.dumps(right()), expected()) == []


@pytest.mark.parametrize("path", list(expected().members()))
def test_each_member_is_missed_and_its_value_is_looked_at(path):
    group, _, name = path.rpartition(".")

    def changed(change) -> list[str]:
        letter = right()
        change(letter[group] if group else letter)
        return faults(json.dumps(letter), expected())

    assert changed(lambda members: members.pop(name)) == [f"{path} is missing"]
    assert changed(lambda members: members.update({name: "else"})) == [f"{path} is 'else'"]
    assert changed(lambda members: members.update({name: True})) == [f"{path} is True"]


def test_a_member_that_r110_does_not_name_is_a_fault():
    assert faults(json.dumps(right() | {"payload": "{}"}), expected()) == ["payload does not belong there"]


def test_the_letters_request_is_the_one_of_every_attempt_of_its_batch():
    path = "requestContext.requestId"
    for requests in [(), (REQUEST,) * 3, (REQUEST, REQUEST, OTHER, REQUEST), (OTHER,) * 4]:
        assert faults(json.dumps(right()), expected(requests)) == [f"{path} is {REQUEST!r}"]


@pytest.mark.parametrize("moment", ["2027-01-15T08:00:10Z", "2027-01-15T07:00:10.500Z", "2027-01-15T08:00:10.500"])
def test_a_moment_of_another_form_or_another_hour_is_a_fault(moment):
    assert faults(json.dumps(right() | {"timestamp": moment}), expected()) == [f"timestamp is {moment!r}"]


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "null"])
def test_a_body_of_another_form_is_a_fault(body):
    assert len(faults(body, expected())) == 1
