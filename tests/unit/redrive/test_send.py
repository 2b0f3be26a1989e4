"""Each record gets its own result, whoever took it: a function that names failures, or a sink."""

from __future__ import annotations

import asyncio
import json

import pytest

from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.guard import Verdict
from afterbay.errors import RecordError, SettingsError, UnavailableError
from afterbay.ports import Answer
from afterbay.redrive.owner import Form
from afterbay.redrive.send import FunctionSender, SinkSender, change_of
from afterbay.sinks.memory import MemorySink
from unit.redrive.world import NOW, Function, number, record

RECORDS = [record(1, "a"), record(2, "b"), record(3, "c")]


class Answering:
    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def outcomes(sender, records=RECORDS) -> list[str]:
    return [one.outcome.value for one in asyncio.run(sender.send(records))]


def through(answer: object, *, form: Form = Form.RECORDS, partial: bool | None = True, error: str | None = None):
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return FunctionSender(Answering(Answer(body, error)), form, partial=partial, source=SourceKind.TABLE)


def named(*numbers: int) -> dict[str, object]:
    return {"batchItemFailures": [{"itemIdentifier": str(number(n))} for n in numbers]}


def test_a_success_is_delivered():
    assert outcomes(through(None)) == ["delivered"] * 3


def test_everything_from_the_lowest_named_record_on_is_not_done():
    assert outcomes(through(named(3, 2))) == ["delivered", "failed", "not reached"]


def test_a_pipe_names_records_one_by_one():
    answer = {"batchItemFailures": [{"itemIdentifier": f"{2:032x}"}]}
    assert outcomes(through(answer, form=Form.ARRAY)) == ["delivered", "failed", "delivered"]


def test_an_answer_that_cannot_be_placed_fails_them_all():
    assert outcomes(through(named(99))) == ["failed"] * 3
    assert outcomes(through(b"not json")) == ["failed"] * 3


def test_a_mapping_that_does_not_ask_hears_no_failures():
    assert outcomes(through(named(2), partial=False)) == ["delivered"] * 3


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (named(2), ["delivered", "failed", "not reached"]),
        ({"statusCode": 200}, ["delivered"] * 3),
        ("done", ["delivered"] * 3),
        (b"not json", ["delivered"] * 3),
    ],
)
def test_where_nobody_knows_failures_are_heeded_if_they_are_named(answer: object, wanted: list[str]):
    assert outcomes(through(answer, partial=None)) == wanted


def test_a_function_error_is_told_in_its_own_words():
    told = asyncio.run(through({"errorType": "KeyError", "errorMessage": "'status'"}, error="Unhandled").send(RECORDS))
    assert {(one.outcome.value, one.reason) for one in told} == {("failed", "KeyError: 'status'")}
    bare = asyncio.run(through(b"", error="Unhandled").send(RECORDS))
    assert {one.reason for one in bare} == {"Unhandled"}


def test_a_function_that_is_not_reached_fails_the_batch():
    sender = FunctionSender(
        Answering(UnavailableError("gone", code="x")), Form.RECORDS, partial=True, source=SourceKind.TABLE
    )
    assert outcomes(sender) == ["failed"] * 3


def test_what_each_form_hands_over():
    function = Function(lambda event: None)
    for form, records in ((Form.RECORDS, RECORDS), (Form.ARRAY, RECORDS), (Form.EVENT, RECORDS[:1])):
        outcomes(FunctionSender(function, form, partial=None, source=SourceKind.TABLE), records)
    whole = [json.loads(one.body) for one in RECORDS]
    assert function.events == [{"Records": whole}, whole, whole[0]]


def test_a_sink_says_what_became_of_each():
    sink = MemorySink()
    assert outcomes(SinkSender(sink)) == ["applied"] * 3
    assert outcomes(SinkSender(sink)) == ["duplicate"] * 3
    assert outcomes(SinkSender(sink), [record(0, "a")]) == ["stale"]


def test_a_record_that_cannot_be_decoded_fails_alone():
    broken = RawRecord(b'{"detail": {}}', number(2), ItemKey(b""), 0.0, "event")
    told = asyncio.run(SinkSender(MemorySink()).send([RECORDS[0], broken, RECORDS[2]]))
    assert [one.outcome.value for one in told] == ["applied", "failed", "applied"] and told[1].reason


def test_a_sink_that_refuses_fails_them_all_with_the_reason():
    class Refusing:
        def apply(self, changes) -> list[Verdict]:
            raise SettingsError("the sink holds tokens of another kind")

        def close(self) -> None: ...

    told = asyncio.run(SinkSender(Refusing()).send(RECORDS))
    assert {(one.outcome.value, one.reason) for one in told} == {("failed", "the sink holds tokens of another kind")}


def test_changes_inside_what_carries_them():
    inner = json.loads(RECORDS[0].body)
    event = RawRecord(json.dumps({"detail-type": "x", "detail": inner}).encode(), 0, ItemKey(b""), 0.0, "event")
    carried = kinesis_record(
        stream_arn="arn:aws:kinesis:eu-west-1:000000000000:stream/s",
        shard="shardId-000000000000",
        sequence_number=str(number(1)),
        partition_key="k",
        data=RECORDS[0].body,
        arrived=NOW,
        role="r",
    )
    assert change_of(event).keys == change_of(carried).keys == {"pk": "a"}


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nothing", b'{"kinesis": {"data": "aGVsbG8="}}'])
def test_what_carries_no_change_is_no_change(body: bytes):
    with pytest.raises(RecordError):
        change_of(RawRecord(body, 0, ItemKey(b""), 0.0, "event"))
