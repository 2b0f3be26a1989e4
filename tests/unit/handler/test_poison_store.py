"""AFTERBAY_POISON: a poison record is stored with its reason, then acknowledged; never the other way round."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws

import afterbay
from afterbay.handler import poison_store
from afterbay.sinks.memory import MemorySink
from contract.histories import KEYS, History

REGION = "eu-west-1"


class Context:
    aws_request_id = "r-1"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:000000000000:function:copy"


@pytest.fixture
def records():
    """Three changes of three items; the second cannot be decoded by any sink."""
    import random

    made = History(random.Random(1))
    return [made.put(KEYS[0]), made.put(KEYS[2], n={"N": "many"}), made.put(KEYS[3])]


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    poison_store._opened.cache_clear()
    with mock_aws():
        yield


@pytest.fixture
def queue(monkeypatch):
    client = boto3.client("sqs", region_name=REGION)
    url = client.create_queue(QueueName="poison")["QueueUrl"]
    monkeypatch.setenv("AFTERBAY_POISON", "sqs://poison")

    def stored() -> list[dict]:
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(one["Body"]) for one in answer.get("Messages", [])]

    return stored


def failures(answer) -> list[str]:
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def number(record) -> str:
    return record["dynamodb"]["SequenceNumber"]


def test_what_a_sink_cannot_take_is_stored_and_acknowledged(records, queue, capsys):
    sink = MemorySink()
    assert failures(afterbay.into(sink)({"Records": records}, Context())) == []
    (told,) = queue()
    assert told.pop("record") == records[1]
    assert "NewImage.n" in told.pop("reason")
    assert told == {
        "afterbay": "poison",
        "identifier": number(records[1]),
        "requestId": "r-1",
        "functionArn": Context.invoked_function_arn,
    }
    assert len(sink.rows()) == 2, "its neighbours are in"
    line = json.loads(capsys.readouterr().out)
    assert (line["failed"], line["stored"]) == (0, 1)


def test_a_text_that_no_utf_8_spells_is_stored_as_it_came(records, queue, capsys):
    """A lone surrogate: JSON's escapes spell it, so a function gets it, and each time it is poison (E8)."""
    records[1]["dynamodb"]["NewImage"] |= {"n": {"N": "1"}, "\ud800": {"S": "\udfff"}}
    records[2]["dynamodb"]["NewImage"]["\ud801"] = {"N": "many"}
    unnumbered = {**records[0], "dynamodb": {**records[0]["dynamodb"], "SequenceNumber": "\ud800"}}
    sink = MemorySink()
    assert failures(afterbay.into(sink)({"Records": [*records, unnumbered]}, Context())) == []
    stored = {one["identifier"]: one for one in queue()}
    assert stored.pop("?")["record"] == unnumbered
    assert [stored[number(one)]["record"] for one in records[1:]] == records[1:]
    assert "NewImage.?.N" in stored[number(records[2])]["reason"]
    assert len(sink.rows()) == 1 and json.loads(capsys.readouterr().out)["stored"] == 3


def test_without_the_queue_it_is_reported_as_any_failure(records, monkeypatch, capsys):
    monkeypatch.setenv("AFTERBAY_POISON", "sqs://not-there")
    assert failures(afterbay.into(MemorySink())({"Records": records}, Context())) == [number(records[1])]
    line = json.loads(capsys.readouterr().out)
    assert line["failed"] == 1 and "not-there" in line["not_stored"]


def test_what_is_to_be_retried_is_not_stored_and_neither_is_what_stands_behind_it(records, queue):
    class Busy(MemorySink):
        def apply(self, changes):
            told = super().apply(changes)
            return [afterbay.Verdict(afterbay.Kind.RETRYABLE, "busy"), *told[1:]]

    assert failures(afterbay.into(Busy())({"Records": records}, Context())) == [number(one) for one in records[:2]]
    assert queue() == []


def test_one_sink_that_wants_the_record_again_keeps_it_from_being_acknowledged(records, queue):
    class Busy(MemorySink):
        def apply(self, changes):
            return [afterbay.Verdict(afterbay.Kind.RETRYABLE, "busy") for _ in changes]

    answer = afterbay.into(MemorySink(), Busy())({"Records": records[1:2]}, Context())
    assert failures(answer) == [number(records[1])] and queue() == []


def test_each_goes_on_behind_a_stored_record(records, queue):
    seen = []

    @afterbay.each
    def handler(change):
        seen.append(str(change.sequence_number))
        if change.keys["pk"] == KEYS[0][0]:
            raise afterbay.Poison("no such customer")
        return change.new

    assert failures(handler({"Records": records}, Context())) == []
    assert seen == [number(one) for one in records]
    assert sorted(one["reason"][:16] for one in queue()) == sorted(["no such customer", "dynamodb.NewImag"])


def test_any_other_exception_of_each_is_a_failure_as_before(records, queue):
    @afterbay.each
    def handler(change):
        raise ValueError("down")

    assert failures(handler({"Records": records}, Context())) == [number(records[0])] and queue() == []


def test_a_bucket_has_one_object_for_a_record_however_often_it_comes(records, monkeypatch):
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="letters", CreateBucketConfiguration={"LocationConstraint": REGION})
    monkeypatch.setenv("AFTERBAY_POISON", "s3://letters/orders")
    handler = afterbay.into(MemorySink())
    for _ in range(2):
        assert failures(handler({"Records": records}, Context())) == []
    (found,) = client.list_objects_v2(Bucket="letters")["Contents"]
    assert found["Key"].startswith("orders/2026-01-05T10.11.12.345_")
    assert json.loads(client.get_object(Bucket="letters", Key=found["Key"])["Body"].read())["record"] == records[1]


def test_a_fifo_queue_keeps_an_items_records_together(records, monkeypatch):
    client = boto3.client("sqs", region_name=REGION)
    url = client.create_queue(QueueName="poison.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    monkeypatch.setenv("AFTERBAY_POISON", "sqs://poison.fifo")
    handler = afterbay.into(MemorySink())
    for _ in range(2):
        handler({"Records": records}, Context())
    answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    (message,) = answer["Messages"]
    assert len(message["Attributes"]["MessageGroupId"]) == 64


def test_nothing_is_stored_once_the_time_is_over(records, queue):
    class Over(Context):
        calls = 0

        def get_remaining_time_in_millis(self):
            self.calls += 1
            return 10_000 if self.calls < 3 else 0

    assert failures(afterbay.into(MemorySink())({"Records": records}, Over())) == [number(records[1])]
    assert queue() == []


@pytest.mark.parametrize("address", ["poison", "sqs://", "sqs://a/b", "s3://", "kafka://x", "sqs://q?colour=red"])
def test_another_address_is_refused_by_name(records, monkeypatch, address):
    monkeypatch.setenv("AFTERBAY_POISON", address)
    with pytest.raises(afterbay.SettingsError, match="AFTERBAY_POISON"):
        afterbay.into(MemorySink())({"Records": records}, Context())
