"""Records are played again in their order, and what fails is told by its number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.guard import APPLIED, STALE, Kind, Verdict
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX
from afterbay.core.shard.position import ShardId
from afterbay.engine.clock import Clock
from afterbay.engine.playback import (
    NOT_REACHED_MAX,
    Played,
    batches,
    batches_of_shards,
    play_into_function,
    play_into_sink,
)
from afterbay.errors import ThrottledError, UnavailableError
from afterbay.ports import Answer

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
FIRST = 10**20


def record(number: int, *, broken: bool = False) -> RawRecord:
    inner = {"Keys": {"pk": {"S": "k"}}, "SequenceNumber": str(FIRST + number), "StreamViewType": "KEYS_ONLY"}
    if broken:
        del inner["Keys"]
    body = json.dumps({"eventName": "INSERT", "dynamodb": inner, "eventSourceARN": ARN}).encode()
    return RawRecord(body, FIRST + number, ItemKey(b"k"), 0.0, "INSERT")


RECORDS = [record(n) for n in range(5)]


class Function:
    """Answers in turn; ``calls`` are the numbers of each."""

    def __init__(self, *answers: Callable[[], Answer]) -> None:
        self.answers = list(answers)
        self.calls: list[list[int]] = []

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        records = json.loads(payload)["Records"]
        self.calls.append([int(one["dynamodb"]["SequenceNumber"]) - FIRST for one in records])
        return self.answers.pop(0)() if self.answers else Answer(b"null")


def named(*numbers: int) -> Callable[[], Answer]:
    failures = [{"itemIdentifier": str(FIRST + number)} for number in numbers]
    return lambda: Answer(json.dumps({"batchItemFailures": failures}).encode())


def raising(error: Exception) -> Callable[[], Answer]:
    def raise_it() -> Answer:
        raise error

    return raise_it


def played_into(function: Function, records: list[RawRecord] = RECORDS) -> Played:
    played = Played()
    asyncio.run(play_into_function(records, function, played, Clock(), "id"))
    return played


def failed(played: Played) -> list[int]:
    return [int(one.sequence_number) - FIRST for one in played.failures]


def test_a_batch_holds_as_many_as_wanted():
    assert [[one.position - FIRST for one in part] for part in batches(RECORDS, 2)] == [[0, 1], [2, 3], [4]]


def test_a_batch_is_no_larger_than_a_function_takes():
    large = [RawRecord(b"x" * (PAYLOAD_BYTES_MAX // 2 - 100), n, ItemKey(b"k"), 0.0, "INSERT") for n in range(5)]
    assert [len(part) for part in batches(large, 100)] == [2, 2, 1]


def test_records_of_shards_that_are_mixed_never_share_a_batch_where_failures_are_named_by_number():
    """Else a record that was named would count as done: numbers of two shards are in no order."""
    left, right = ShardId("left"), ShardId("right")
    mixed = [
        (left, record(3)),
        (left, record(5)),
        (left, record(8)),
        (right, record(2)),
        (right, record(4)),
        (left, record(9)),
    ]
    parts = list(batches_of_shards(mixed, 2))
    assert [[one.position - FIRST for one in part] for part in parts] == [[3, 5], [8], [2, 4], [9]]
    function, played = Function(named(3)), Played()
    for part in parts:
        asyncio.run(play_into_function(part, function, played, Clock(), "id"))
    assert (played.delivered, failed(played)) == (5, [3])


def test_what_a_function_takes_is_delivered_in_one_call():
    function = Function()
    played = played_into(function)
    assert (played.delivered, played.calls, failed(played)) == (5, 1, []) and function.calls == [[0, 1, 2, 3, 4]]


def test_what_lies_before_the_lowest_failure_is_done_and_the_rest_comes_again():
    function = Function(named(4, 2))
    played = played_into(function)
    assert function.calls == [[0, 1, 2, 3, 4], [2, 3, 4]] and (played.delivered, failed(played)) == (5, [])


def test_a_record_that_fails_first_again_is_told_and_the_rest_goes_on():
    function = Function(named(2), named(2))
    played = played_into(function)
    assert function.calls == [[0, 1, 2, 3, 4], [2, 3, 4], [3, 4]]
    assert (played.delivered, failed(played)) == (4, [2])


def test_a_batch_that_fails_as_a_whole_is_told_record_by_record():
    played = played_into(Function(lambda: Answer(b'{"errorMessage": "no"}', "Unhandled")))
    assert (played.delivered, failed(played)) == (0, [0, 1, 2, 3, 4])
    assert played.failures[0].reason == "function error, of its batch"


def test_an_answer_that_names_no_failures_is_success_whatever_it_says():
    assert played_into(Function(lambda: Answer(b'"done"'))).delivered == 5


def test_a_function_that_is_not_reached_is_called_again(monkeypatch):
    monkeypatch.setattr("afterbay.engine.playback.backoff_s", lambda failures: 0.0)
    function = Function(raising(ThrottledError("slow", code="TooManyRequestsException")))
    played = played_into(function)
    assert (played.delivered, played.calls) == (5, 2)
    down = UnavailableError("down", code="ServiceUnavailable")
    function = Function(*[raising(down)] * NOT_REACHED_MAX)
    with pytest.raises(UnavailableError):
        played_into(function)
    assert len(function.calls) == NOT_REACHED_MAX


def test_verdicts_are_counted_and_failures_told():
    class Sink:
        def apply(self, changes):
            told = [APPLIED, STALE, Verdict(Kind.RETRYABLE, "full")]
            return told[: len(changes)]

        def close(self) -> None:
            raise AssertionError("it is the caller's")

    played = Played()
    play_into_sink([record(0), record(1, broken=True), record(2), record(3)], Sink(), played)
    assert played.verdicts == {"applied": 1, "stale": 1, "retryable": 1, "poison": 1}
    assert (played.records, played.failed, sorted(failed(played))) == (4, 2, [1, 3])
    assert played.failures[-1].reason == "retryable: full"
