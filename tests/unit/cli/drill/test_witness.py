"""What a drill sees of deliveries, and how it lets a function fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from afterbay.cli.drill.witness import Poison, SeenRecord, Witness, done_in, error_text
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.value import canonical
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedFrom, Outcome
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.shard.position import Position
from afterbay.engine.meter import Attempt
from afterbay.ports import Answer

ARN = "arn:aws:lambda:us-east-1:000000000000:function:copy"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = MappingSettings(
    event_source_arn="arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000",
    function_arn=ARN,
    starting_position=StartingPosition.LATEST,
)


def key(pk: str) -> bytes:
    return canonical({"pk": {"S": pk}})


def record(pk: str, position: int) -> RawRecord:
    return RawRecord(b"{}", position, ItemKey(key(pk)), 0.0, "INSERT")


def attempt(outcome: Outcome, *records: RawRecord) -> Attempt:
    return Attempt("m", SETTINGS, Batch(records, "id", 0), NOW, NOW + timedelta(seconds=1), outcome)


def event(*names: str) -> bytes:
    return json.dumps({"Records": [{"dynamodb": {"Keys": {"pk": {"S": name}}}} for name in names]}).encode()


class Code:
    """A function that answers the same each time."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.calls = 0

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        self.calls += 1
        return self.answer


def test_what_was_done_with_a_record():
    one, two = record("a", 5), record("b", 6)
    assert done_in(attempt(Delivered(), one, two), 6)
    some = attempt(FailedFrom(Position(6)), one, two)
    assert done_in(some, 5) and not done_in(some, 6)
    assert not done_in(attempt(Failed(Cause.FUNCTION_ERROR), one), 5)
    witness = Witness("m")
    for told in (attempt(Failed(Cause.FUNCTION_ERROR), one, two), some, attempt(Delivered(), two)):
        witness.attempt(told)
    assert [len(told.batch.records) for told in witness.attempts_with(6)] == [2, 2, 1]
    assert witness.delivered(5) is some and witness.delivered(7) is None


def test_an_items_records_are_told_once_and_in_order():
    witness = Witness("m")
    for one in (record("a", 9), record("a", 5), record("b", 7), record("a", 5)):
        witness.reads.append(SeenRecord(NOW, "s", one))
    assert [seen.record.position for seen in witness.records_of(key("a"))] == [5, 9]


async def test_a_poisoned_item_fails_one_function_and_spares_its_code():
    poison, code = Poison(), Code(Answer(b"{}"))
    mine, other = poison.around(ARN, code), poison.around(ARN + "-other", code)
    poison.function_arn = ARN
    poison.keys.add(key("bad"))
    told = await mine.invoke(event("good", "bad"), request_id="1")
    assert told.function_error == "Unhandled" and code.calls == 0
    assert await mine.invoke(event("good"), request_id="2") == Answer(b"{}")
    assert await other.invoke(event("bad"), request_id="3") == Answer(b"{}")
    assert await mine.invoke(b'{"window": {}, "state": {}, "isFinalInvokeForWindow": true}', request_id="4")
    assert code.calls == 3 and poison.errors == {}


async def test_a_functions_own_failure_is_remembered():
    failing = Answer(b'{"errorType": "KeyError", "errorMessage": "\'total\'"}', "Unhandled")
    poison = Poison()
    await poison.around(ARN, Code(failing)).invoke(event("x"), request_id="1")
    assert poison.errors == {ARN: "KeyError: 'total'"}
    assert error_text(Answer(b"no JSON", "Unhandled")) == "an error"
