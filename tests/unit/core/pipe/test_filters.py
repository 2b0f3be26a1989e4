"""Which records a pipe takes in: what patterns see, and which are refused (X20 to X23, X26)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.message import queue_message
from afterbay.core.change.source import SourceKind
from afterbay.core.pipe.filters import HIDDEN, compile_filters, faults

from .making import SOURCES, created, refused, request

CHANGE = json.dumps(
    {
        "eventID": "1",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {"Keys": {"pk": {"S": "O"}}, "SequenceNumber": "1"},
        "eventSourceARN": SOURCES["dynamodb"],
    }
).encode()
CLICK = kinesis_record(
    stream_arn=SOURCES["kinesis"],
    shard="shardId-000000000000",
    sequence_number="1",
    partition_key="p",
    data=b'{"City": "Seattle"}',
    arrived=datetime(2026, 1, 2, tzinfo=UTC),
    role="arn:aws:iam::111122223333:role/pipe",
).body
MESSAGE = queue_message(
    queue_arn=SOURCES["sqs"],
    message_id="m",
    receipt="r",
    body="hello",
    md5_of_body="5d41402abc4b2a76b9719d911017c592",
    attributes={"SenderId": "S"},
    message_attributes={},
    md5_of_message_attributes=None,
).body
RECORDS = {SourceKind.TABLE: CHANGE, SourceKind.KINESIS: CLICK, SourceKind.QUEUE: MESSAGE}


def passes(kind: SourceKind, *patterns: dict) -> bool:
    test = compile_filters(tuple(json.dumps(one) for one in patterns), kind)
    assert test is not None
    return test(RECORDS[kind])


def test_without_filters_there_is_no_test() -> None:
    assert compile_filters((), SourceKind.TABLE) is None


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in HIDDEN.items() for name in sorted(names)])
def test_what_the_poller_adds_is_as_if_it_were_not_there(kind: SourceKind, name: str) -> None:
    assert not passes(kind, {name: [{"exists": True}]})
    assert passes(kind, {name: [{"exists": False}]})


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        (SourceKind.TABLE, {"eventName": ["MODIFY"], "eventID": ["1"]}),
        (SourceKind.TABLE, {"dynamodb": {"Keys": {"pk": {"S": ["O"]}}}, "awsRegion": [{"exists": False}]}),
        (SourceKind.KINESIS, {"partitionKey": ["p"], "sequenceNumber": ["1"], "kinesisSchemaVersion": ["1.0"]}),
        (SourceKind.KINESIS, {"data": {"City": ["Seattle"]}, "eventName": [{"exists": False}]}),
        (SourceKind.QUEUE, {"messageId": ["m"], "attributes": {"SenderId": ["S"]}, "body": ["hello"]}),
    ],
)
def test_what_the_source_itself_says_is_seen(kind: SourceKind, pattern: dict) -> None:
    assert passes(kind, pattern)


def test_kinesis_members_are_not_seen_where_lambda_nests_them() -> None:
    assert not passes(SourceKind.KINESIS, {"kinesis": {"partitionKey": ["p"]}})


def test_any_filter_lets_a_record_pass() -> None:
    assert passes(SourceKind.TABLE, {"eventName": ["INSERT"]}, {"eventName": ["MODIFY"]})
    assert not passes(SourceKind.TABLE, {"eventName": ["INSERT"]}, {"eventSource": ["aws:dynamodb"]})


@pytest.mark.parametrize(
    ("source", "pattern"),
    [
        ("dynamodb", '{"dynamodb": ["plain"]}'),
        ("kinesis", '{"data": ["plain"]}'),
        ("dynamodb", "{"),
        ("dynamodb", '{"eventName": "MODIFY"}'),
        ("sqs", '{"body": [{"nonsense": 1}]}'),
        ("dynamodb", ""),
    ],
)
def test_a_pattern_that_can_match_nothing_is_refused_when_the_pipe_is_saved(source: str, pattern: str) -> None:
    params = request(source)
    params["SourceParameters"]["FilterCriteria"] = {
        "Filters": [{"Pattern": '{"eventName":["A"]}'}, {"Pattern": pattern}]
    }
    assert [name for name, _ in refused(params)] == ["SourceParameters.FilterCriteria.Filters[1].Pattern"]


def test_plain_text_is_matched_in_queues() -> None:
    params = request("sqs")
    params["SourceParameters"]["FilterCriteria"] = {"Filters": [{"Pattern": '{"body": ["plain"]}'}]}
    assert created(params).filters == ('{"body": ["plain"]}',)


def test_a_filter_without_a_pattern_is_refused() -> None:
    ((name, sentence),) = faults([None], SourceKind.TABLE)
    assert name.endswith("Filters[0].Pattern") and "Pattern" in sentence
