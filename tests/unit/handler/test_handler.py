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


def test_a_function_that_a_call_does_not_run_is_refused_at_once():
    """E8: it would have every record told as done, and nothing done."""

    async def waits(change): ...

    def yields(change):
        yield change

    for function in (waits, yields):
        with pytest.raises(afterbay.SettingsError, match="does not run it"):
            afterbay.each(function)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: afterbay.sink(None), "a sink address is text, not NoneType"),
        (lambda: afterbay.ledger(b"sqlite:///x?table=t"), "text, not bytes"),
        (lambda: afterbay.into("memory:x"), r"into\(\) takes sinks, not str"),
        (lambda: afterbay.into(afterbay.sink("memory:x"), transform="f"), "a function of a change, not str"),
        (lambda: afterbay.each(None), "a function of one change, not NoneType"),
        (lambda: afterbay.once(None, None), "takes a change, not NoneType"),
        (lambda: afterbay.once({"dynamodb": {}}, afterbay.ledger("sqlite:///x?table=t")), "takes a change, not dict"),
    ],
)
def test_what_is_none_of_it_is_refused_where_it_is_given(made, words):
    with pytest.raises(afterbay.SettingsError, match=words):
        made()


def test_a_sink_is_no_ledger(records):
    with pytest.raises(afterbay.SettingsError, match="takes a ledger, not MemorySink"):
        afterbay.once(afterbay.ChangeRecord(records[0]), afterbay.sink("memory:x"))


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


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([1], "a transform makes an item"),
        ("text", "a transform makes an item"),
        (False, "a transform makes an item"),
        (({} for _ in ()), "a transform makes an item"),
        ({1: "x"}, "names are text"),
        ({b"x": 1}, "names are text"),
        ({"x": 1.5}, "a float is not exact"),
        ({"x": set()}, "at least one member"),
        ({"x": object()}, "no attribute type"),
        ({"pk": "another"}, "cannot change the key"),
    ],
)
def test_what_a_transform_makes_that_is_no_item_is_poison_with_its_reason(records, capsys, made, words):
    sink = MemorySink()
    assert names(afterbay.into(sink, transform=lambda _: made)({"Records": records[:1]}, None)) == [number(records[0])]
    told = json.loads(capsys.readouterr().out)
    assert told["sinks"][0]["poison"] == 1 and words in told["reasons"][0]["reason"]
    assert not sink.rows()


def test_the_line_tells_of_each_sink_though_two_are_called_alike(records, capsys):
    """E8: a table of one name in two regions; the one that fails must not hide behind the other."""

    class Away:
        def apply(self, changes):
            return [afterbay.Verdict(afterbay.Kind.RETRYABLE, "away")] * len(changes)

        def close(self): ...

    class Busy(Away): ...

    Busy.__name__ = "Away"
    handler = afterbay.into(Away(), MemorySink(), Busy(), MemorySink())
    assert names(handler({"Records": records}, None)) == [number(one) for one in records]
    told = json.loads(capsys.readouterr().out)
    shown = [(one["sink"], one["applied"], one["retryable"]) for one in told["sinks"]]
    assert shown == [("Away", 0, 3), ("memory:", 3, 0), ("Away (2)", 0, 3), ("memory: (2)", 3, 0)]
    assert told["failed"] == 3 and [one["sink"] for one in told["reasons"]] == ["Away", "Away (2)"]


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
        ({"AFTERBAY_SINK": "memory:a", "AFTERBAY_TTL": "keep"}, "AFTERBAY_TTL=keep is not known"),
        ({"AFTERBAY_SINK": "memory:a?ttl=skip", "AFTERBAY_TTL": "MIRROR"}, "AFTERBAY_TTL=MIRROR"),
        ({"AFTERBAY_SINK": "memory:a", "AFTERBAY_WHERE": "{}"}, "AFTERBAY_WHERE: Empty objects are not allowed"),
        ({"AFTERBAY_SINK": 'memory:a memory:a?where={"n":{"N":["1"]}}'}, "memory:a twice"),
        ({"AFTERBAY_SINK": "memory:a", "AFTERBAY_POISON": "kafka://q"}, "AFTERBAY_POISON"),
    ],
)
def test_a_wrong_environment_is_refused_by_name(environment, word):
    with pytest.raises(afterbay.SettingsError, match=word):
        handler_from(environment)


WHERE = '{"n":{"N":["1"]}}'


@pytest.fixture
def forget():
    yield
    for name in ("where-a", "where-b"):
        MemorySink.forget(name)


def numbers(name):
    return sorted(one.item["n"] for one in afterbay.sink(f"memory:{name}").read_live())


def test_the_environments_filter_counts_where_an_address_has_none(records, forget, capsys):
    own = "%7B%22n%22%3A%7B%22N%22%3A%5B%220%22,%222%22%5D%7D%7D"
    environment = {"AFTERBAY_SINK": f"memory:where-a memory:where-b?where={own}", "AFTERBAY_WHERE": WHERE}
    assert names(handler_from(environment)({"Records": records}, None)) == []
    assert (numbers("where-a"), numbers("where-b")) == ([1], [0, 2])
    told = json.loads(capsys.readouterr().out)["sinks"]
    assert [(one["sink"], one["applied"]) for one in told] == [("memory:where-a", 3), ("memory:where-b", 3)]


def test_one_store_named_twice_under_one_filter_is_taken(records, forget):
    environment = {"AFTERBAY_SINK": "memory:where-a memory:where-a", "AFTERBAY_WHERE": WHERE}
    assert names(handler_from(environment)({"Records": records}, None)) == []
    assert numbers("where-a") == [1]


def test_a_filter_judges_the_tables_item_and_spares_the_transform_the_rest(records, forget):
    asked = []

    def transform(change):
        asked.append(change.new["n"])
        return {"n": change.new["n"] * 10}

    one = afterbay.sink("memory:where-a", where={"n": {"N": ["1"]}})
    other = afterbay.sink("memory:where-b", where={"n": {"N": ["1", "2"]}})
    assert names(afterbay.into(one, other, transform=transform)({"Records": records}, None)) == []
    assert asked == [1, 2]
    assert (numbers("where-a"), numbers("where-b")) == ([10], [10, 20])


def test_what_the_transform_cannot_do_fails_only_in_the_sinks_that_want_it(records, forget, capsys):
    def transform(change):
        raise afterbay.Poison("never")

    one = afterbay.sink("memory:where-a", where={"n": {"N": ["1"]}})
    other = afterbay.sink("memory:where-b", where={"n": {"N": ["9"]}})
    assert names(afterbay.into(one, other, transform=transform)({"Records": records}, None)) == [number(records[1])]
    told = json.loads(capsys.readouterr().out)["sinks"]
    assert [(sink["applied"], sink["poison"]) for sink in told] == [(2, 1), (3, 0)]
