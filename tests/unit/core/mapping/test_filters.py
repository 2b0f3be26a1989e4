"""Filters before batching, in the machine (R71 to R78)."""

from __future__ import annotations

import json

import pytest

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.message import queue_message
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.events import UpdateRequested
from afterbay.core.mapping.filters import check_pattern, compile_filters
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, Outcome
from afterbay.core.shard.position import ShardId, TrimHorizon
from afterbay.errors import SettingsError

from .driving import T0, World, after, record, settings

EVEN = '{"dynamodb": {"NewImage": {"kind": {"S": ["even"]}}}}'


def one(position: int, kind: str, key: str = "k", **more: object):
    body = {"eventName": "INSERT", "dynamodb": {"NewImage": {"kind": {"S": kind}}}}
    return record(position, key, body=json.dumps(body).encode(), **more)


def kinds(*names: str):
    return [one(position, name) for position, name in enumerate(names, start=1)]


def test_a_record_that_no_filter_wants_takes_no_place_in_a_batch() -> None:
    stream = {"s": kinds("even", "odd", "even", "odd", "even", "even")}
    world = World(settings(filters=(EVEN,), batch_size=2), stream).start().run(1)
    assert world.delivered == [[1, 3], [5, 6]]
    assert (world.mapping.counters.polled, world.mapping.counters.filtered_out) == (6, 2)
    assert world.saved() == after(6)


def test_a_tables_pattern_may_name_any_member() -> None:
    """What Kinesis' ``data`` must be holds for Kinesis alone."""
    assert check_pattern('{"data": ["x"]}') == '{"data": ["x"]}'


def test_any_filter_lets_a_record_pass() -> None:
    world = World(settings(filters=(EVEN, '{"eventName": ["REMOVE"]}')), {"s": kinds("odd", "even")}).start().run(1)
    assert world.delivered == [[2]]


def test_nothing_is_invoked_when_nothing_passes_and_the_position_moves_on() -> None:
    world = World(settings(filters=(EVEN,)), {"s": kinds("odd", "odd")}).start().run(1)
    assert world.delivered == [] and world.saved() == after(2)


def test_the_position_of_what_is_left_out_never_passes_an_unfinished_batch() -> None:
    def fails(batch: object) -> Outcome:
        return Failed(Cause.FUNCTION_ERROR)

    world = World(settings(filters=(EVEN,)), {"s": kinds("odd", "even", "odd", "odd")}, fails).start().run(60)
    assert set(map(tuple, world.delivered)) == {(2,)} and world.saved() == after(1)


def test_what_is_left_out_moves_the_position_past_no_other_lanes_batch() -> None:
    """R65, R78."""

    def fails(batch: Batch) -> Outcome:
        return Failed(Cause.FUNCTION_ERROR) if batch.records[0].position == 1 else Delivered()

    stream = {"s": [one(1, "even", "a"), one(2, "even", "d"), one(3, "odd", "a")]}
    world = World(settings(filters=(EVEN,), parallelization_factor=2), stream, fails).start().run(60)
    assert [2] in world.delivered and world.saved() == TrimHorizon()


def test_a_shard_of_which_nothing_passes_comes_to_its_end() -> None:
    stream = {"s": kinds("odd"), "child": kinds("even")}
    world = World(settings(filters=(EVEN,)), stream, parents={"child": ("s",)}, closed={"s"}).start().run(1)
    assert world.delivered == [[1]] and ShardId("s") not in world.mapping.shards


def test_new_filters_judge_what_was_read_but_not_delivered() -> None:
    world = World(settings(filters=(EVEN,), batching_window_s=100), {"s": kinds("odd", "even", "odd")}).start().run(1)
    world.tell(UpdateRequested(settings(filters=())))
    assert world.run(1).delivered == [[2, 3]], "the first was done as filtered out, the rest is judged anew"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (None, "object with a Pattern"),
        ("{", ""),
        ("null", ""),
        ('{"a": 1}', "a"),
        ('{"a": []}', "a"),
        ('{"a": [{"starts-with": "x"}]}', "starts-with"),
    ],
)
def test_a_wrong_pattern_is_refused_with_awss_text_and_a_hint_that_says_why(wrong: str | None, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        check_pattern(wrong)
    assert refused.value.message == "Invalid filter pattern definition." and refused.value.hint
    assert why in refused.value.hint


def test_without_filters_there_is_nothing_to_ask() -> None:
    assert compile_filters(()) is None


# ---- payloads that the sender wrote (R77)


def kinesis(data: bytes) -> bytes:
    return kinesis_record(
        stream_arn="arn:aws:kinesis:eu-west-1:000000000000:stream/s",
        shard="shardId-1",
        sequence_number="7",
        partition_key="p",
        data=data,
        arrived=T0,
        role="",
    ).body


@pytest.mark.parametrize(
    ("pattern", "data", "passes"),
    [
        ('{"data": {"n": [{"numeric": [">", 1]}]}}', b'{"n": 1.5}', True),
        ('{"data": {"n": [{"numeric": [">", 1]}]}}', b'{"n": "2"}', False),
        ('{"data": {"n": [1]}}', b' {"n": 1.0}\n', True),
        ('{"data": {"n": [1]}}', b'[{"n": 2}, {"n": 1}]', True),
        ('{"data": {"n": [{"exists": false}]}}', b'{"m": 1}', True),
        ('{"data": {"n": [{"exists": false}]}}', b"plain", False),
        ('{"data": {"n": [{"exists": false}]}}', b'"a text"', False),
        ('{"data": {"n": [{"exists": false}]}}', b'{"n": "\xff"}', False),
        ('{"data": {"n": [1]}, "partitionKey": ["q"]}', b'{"n": 1}', False),
        ('{"partitionKey": ["p"], "eventID": ["shardId-1:7"]}', b"plain", True),
        ('{"kinesis": {"partitionKey": ["p"]}}', b"{}", False),
    ],
)
def test_kinesis_data_are_judged_as_json_beside_the_members_of_the_record(
    pattern: str, data: bytes, passes: bool
) -> None:
    judged = compile_filters((pattern,), SourceKind.KINESIS)
    assert judged is not None and judged(kinesis(data)) is passes


def test_filters_of_both_sorts_pass_what_any_of_them_wants() -> None:
    judged = compile_filters(('{"data": {"n": [1]}}', '{"partitionKey": ["p"]}'), SourceKind.KINESIS)
    assert judged is not None and judged(kinesis(b"plain")) and judged(kinesis(b'{"n": 2}'))


def message(body: str) -> bytes:
    return queue_message(
        queue_arn="arn:aws:sqs:eu-west-1:000000000000:q",
        message_id="m",
        receipt="r",
        body=body,
        md5_of_body="5",
        attributes={"ApproximateReceiveCount": "1"},
        message_attributes={},
        md5_of_message_attributes=None,
    ).body


@pytest.mark.parametrize(
    ("pattern", "body", "passes"),
    [
        ('{"body": {"n": [1]}}', '{"n": 1}', True),
        ('{"body": {"n": [1]}}', '{"n": "1"}', False),
        ('{"body": {"n": [1]}}', "plain", False),
        ('{"body": ["plain"]}', "plain", True),
        ('{"body": [{"prefix": "pl"}]}', "plain", True),
        ('{"body": ["plain"]}', '{"n": 1}', False),
        ('{"body": [{"exists": true}]}', "7", True),
        ('{"messageId": ["m"]}', "plain", True),
        ('{"attributes": {"ApproximateReceiveCount": ["1"]}}', '{"n": 1}', True),
        ('{"body": {"emoji": ["\\ud83d\\ude00"]}}', '{"emoji": "\U0001f600"}', True),
    ],
)
def test_bodies_of_messages_are_judged_as_json_or_as_text(pattern: str, body: str, passes: bool) -> None:
    judged = compile_filters((check_pattern(pattern, SourceKind.QUEUE),), SourceKind.QUEUE)
    assert judged is not None and judged(message(body)) is passes
