"""Which condition left a record out."""

from __future__ import annotations

import json

from afterbay.engine.left_out import judge
from unit.core.mapping.driving import settings

SHIPPED = '{"dynamodb": {"NewImage": {"status": {"S": ["SHIPPED"]}}}}'
REMOVED = '{"eventName": ["REMOVE"]}'
PENDING = json.dumps(
    {"eventName": "MODIFY", "awsRegion": "eu-west-1", "dynamodb": {"NewImage": {"status": {"S": "PENDING"}}}}
).encode()


def test_each_filter_says_what_it_found_and_what_it_wanted() -> None:
    first, second = judge(settings(filters=(SHIPPED, REMOVED)), PENDING)
    assert (first.number, first.matched) == (1, False)
    assert first.because == ('dynamodb.NewImage.status.S was "PENDING", wanted "SHIPPED"',)
    assert second.because == ('eventName was "MODIFY", wanted "REMOVE"',)


def test_what_is_not_there_is_called_so() -> None:
    (only,) = judge(settings(filters=('{"dynamodb": {"OldImage": {"v": {"N": ["1"]}}}}',)), PENDING)
    assert only.because == ('dynamodb.OldImage.v.N was not there, wanted "1"',)


def test_a_filter_that_holds_has_nothing_to_say() -> None:
    (only,) = judge(settings(filters=('{"eventName": ["MODIFY"]}',)), PENDING)
    assert only.matched and only.because == ()


def test_without_filters_there_is_no_verdict() -> None:
    assert judge(settings(), PENDING) == ()


def test_a_pipe_does_not_see_what_was_added_to_the_record() -> None:
    pattern = '{"awsRegion": ["eu-west-1"]}'
    assert judge(settings(filters=(pattern,)), PENDING)[0].matched
    of_pipe = settings(filters=(pattern,), function_arn="arn:aws:pipes:eu-west-1:000000000000:pipe/p")
    assert not judge(of_pipe, PENDING)[0].matched


def test_a_payload_of_kinesis_is_not_judged() -> None:
    stream = "arn:aws:kinesis:eu-west-1:000000000000:stream/s"
    assert judge(settings(event_source_arn=stream, filters=('{"data": {"a": ["b"]}}',)), b"{}") == ()
