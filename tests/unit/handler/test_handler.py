"""What a function answers: every failure named in its caller's terms, and nothing else."""

from __future__ import annotations

import json
import random
import threading
from base64 import b64encode

import pytest

import afterbay
from afterbay.handler.environment import handler_from
from afterbay.sinks.memory import MemorySink
from contract.histories import KEYS, History


@pytest.fixture
def records():
    made = History(random.Random(1))
    for number, key in enumerate(KEYS[:3]):
        made.put(key, n={"N": str(number)})
    return made.records


def number(record):
    return record["dynamodb"]["SequenceNumber"]


def names(answer):
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def as_queue(records):
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": f"m{n}", "body": json.dumps(r)} for n, r in enumerate(records)
        ]
    }


def failing_second():
    seen = []

    @afterbay.each
    def handler(change):
        seen.append(change)
        if len(seen) == 2:
            raise afterbay.Poison("no retry mends it")

    return handler, seen


def test_each_reports_the_failed_record_and_tries_no_later_one(records):
    handler, seen = failing_second()
    assert names(handler({"Records": records}, None)) == [number(records[1])] and len(seen) == 2


def test_each_names_what_is_behind_where_unnamed_counts_as_done(records):
    assert names(failing_second()[0](as_queue(records), None)) == ["m1", "m2"]
    assert names(failing_second()[0](records, None)) == [records[1]["eventID"], records[2]["eventID"]]


def test_each_raises_where_nobody_reads_the_answer(records):
    @afterbay.each
    def handler(change):
        raise afterbay.Poison("no")

    with pytest.raises(afterbay.Poison):
        handler({"detail-type": "change", "detail": records[0]}, None)


def carriers(record):
    text = json.dumps(record)
    data = b64encode(text.encode()).decode()
    return {
        "pipe": [record],
        "bus": {"detail-type": "x", "detail": record},
        "queue": as_queue([record]),
        "topic": {"Records": [{"EventSource": "aws:sns", "Sns": {"MessageId": "1", "Message": text}}]},
        "kinesis": {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": "1", "data": data}}]},
        "pipe of kinesis": [{"eventSource": "aws:kinesis", "eventID": "e", "data": data}],
        "mapping": {"Records": [record]},
    }


@pytest.mark.parametrize("carrier", list(carriers({})))
def test_changes_reads_every_carrier(records, carrier):
    (change,) = afterbay.changes(carriers(records[0])[carrier])
    assert str(change.sequence_number) == number(records[0])


def test_get_records_needs_the_stream(records):
    arn = records[0].pop("eventSourceARN")
    assert [one.stream_arn for one in afterbay.changes({"Records": records[:1]}, stream_arn=arn)] == [arn]
    with pytest.raises(afterbay.RecordError, match="stream_arn"):
        list(afterbay.changes({"Records": records[:1]}))


@pytest.mark.parametrize("event", [None, "text", {}, {"name": 1}, {"Records": [{"s3": {}}]}])
def test_anything_else_is_refused_at_once(event):
    with pytest.raises(afterbay.SettingsError):
        afterbay.changes(event)


def test_into_reports_exactly_what_failed_and_prints_one_line(records, capsys):
    records[1]["dynamodb"]["NewImage"]["n"] = {"N": "many"}
    sink = MemorySink()
    assert names(afterbay.into(sink)({"Records": records}, None)) == [number(records[1])]
    assert len(sink.rows()) == 2
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert (told["records"], told["failed"]) == (3, 1)
    assert (told["sinks"][0]["applied"], told["sinks"][0]["poison"]) == (2, 1)
    assert "ключ" not in line and "plain" not in line


def test_the_worst_verdict_of_several_sinks_counts(records):
    class Away:
        def apply(self, changes):
            return [afterbay.Verdict(afterbay.Kind.RETRYABLE, "away")] * len(changes)

        def close(self): ...

    sink = MemorySink()
    assert names(afterbay.into(sink, Away())({"Records": records}, None)) == [number(one) for one in records]
    assert len(sink.rows()) == 3


def test_a_transform_projects_removes_and_fails_alone(records):
    def transform(change):
        match change.new["n"]:
            case 0:
                return {"twice": 0}
            case 1:
                return None
            case _:
                raise ValueError("mine")

    sink = MemorySink()
    answer = afterbay.into(sink, transform=transform)({"Records": records}, None)
    assert names(answer) == [number(records[2])]
    assert [one.item for one in sink.read_live()] == [{"pk": KEYS[0][0], "sk": KEYS[0][1], "twice": 0}]


def test_what_is_unfinished_when_the_time_is_over_is_reported(records):
    release = threading.Event()

    class Slow(MemorySink):
        def apply(self, changes):
            release.wait(30)
            return super().apply(changes)

    class Context:
        def get_remaining_time_in_millis(self):
            return 0

    try:
        assert names(afterbay.into(Slow())({"Records": records}, Context())) == [number(one) for one in records]
    finally:
        release.set()


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({}, "AFTERBAY_SINK"),
        ({"AFTERBAY_SINK": "mongodb://x/y"}, "mongodb"),
        ({"AFTERBAY_SINK": "dynamodb://table?tabel=x"}, "tabel"),
        ({"AFTERBAY_SINK": "memory:a", "AFTERBAY_TTL": "keep"}, "ttl"),
        ({"AFTERBAY_SINK": "memory:a", "AFTERBAY_WHERE": "{}"}, "AFTERBAY_WHERE"),
        ({"AFTERBAY_SINK": "memory:a", "AFTERBAY_POISON": "sqs://q"}, "AFTERBAY_POISON"),
    ],
)
def test_a_wrong_environment_is_refused_by_name(environment, word):
    with pytest.raises(afterbay.SettingsError, match=word):
        handler_from(environment)
