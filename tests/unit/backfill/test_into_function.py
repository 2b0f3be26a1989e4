"""Images into a function: how they are cut, marked and numbered, and what an answer means."""

from __future__ import annotations

import pytest

from afterbay.backfill.into_function import ATTEMPTS_MAX, IN_A_ROW_MAX, FunctionDestination
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import LOWEST_TOKEN, Kind
from afterbay.errors import DeniedError, NotFoundError, SettingsError, ThrottledError, UnavailableError
from afterbay.ports import Answer
from afterbay.sinks.where import read_where
from scanned import PassingTime
from unit.backfill.worlds import Function, failing, images, key

OK: dict = {"batchItemFailures": []}
UNHANDLED = Answer(b'{"errorMessage":"x"}', "Unhandled")


def into(function: Function, batch: int = 100, **more) -> FunctionDestination:
    return FunctionDestination(function, PassingTime(), batch=batch, **more)


def kinds(verdicts) -> list[str]:
    return [one.kind.value for one in verdicts]


async def test_records_are_marked_and_numbered_and_have_the_lowest_token() -> None:
    function = Function(lambda _: OK)
    told = await into(function).write(images("a", "b", "c"))
    assert kinds(told) == ["applied"] * 3
    (event,) = function.events
    changes = [ChangeRecord(one) for one in event]
    assert all(one.is_backfill and one.token == LOWEST_TOKEN and one.kind == "INSERT" for one in changes)
    numbers = [int(one["dynamodb"]["SequenceNumber"]) for one in event]
    assert numbers == sorted(set(numbers)) and all(len(str(one)) >= 21 for one in numbers)
    assert len({one["eventID"] for one in event}) == 3


async def test_batches_are_cut_by_count_and_by_bytes() -> None:
    function = Function(lambda _: OK)
    await into(function, batch=2).write(images(*"abcde"))
    assert function.calls() == [["a", "b"], ["c", "d"], ["e"]]
    large = Function(lambda _: OK)
    await into(large, batch=100).write(images(*[f"k{n}" for n in range(20)], size=400_000))
    assert [len(one) for one in large.calls()] == [15, 5], "15 items of 400 KB are below 6 MB"


@pytest.mark.parametrize("answer", [None, "ok", {"statusCode": 200}, OK, ""])
async def test_an_answer_that_names_no_failure_is_success(answer) -> None:
    assert kinds(await into(Function(lambda _: answer)).write(images("a", "b"))) == ["applied"] * 2


async def test_from_the_earliest_failure_on_everything_comes_again() -> None:
    seen = []

    def answer(records):
        seen.append(None)
        if len(seen) > 1:
            return OK
        late, early = records[3]["dynamodb"]["SequenceNumber"], records[1]["dynamodb"]["SequenceNumber"]
        return failing(late, early)

    function = Function(answer)
    assert kinds(await into(function).write(images(*"abcde"))) == ["applied"] * 5
    assert function.calls() == [list("abcde"), list("bcde")]


async def test_a_record_that_keeps_failing_is_given_up_alone_and_the_rest_is_delivered() -> None:
    function = Function(
        lambda records: failing(*[one["dynamodb"]["SequenceNumber"] for one in records if key(one) == "c"])
    )
    told = await into(function).write(images(*"abcde"))
    assert kinds(told) == ["applied", "applied", "poison", "applied", "applied"]
    assert "reports it" in told[2].reason


async def test_a_batch_that_fails_as_a_whole_is_halved_until_one_record_is_left() -> None:
    function = Function(lambda records: UNHANDLED if any(key(one) == "f" for one in records) else OK)
    told = await into(function).write(images(*"abcdefgh"))
    assert kinds(told) == ["applied"] * 5 + ["poison"] + ["applied"] * 2
    assert function.calls().count(["f"]) == ATTEMPTS_MAX
    assert function.calls().count(list("abcdefgh")) == ATTEMPTS_MAX


async def test_a_malformed_answer_is_a_failure_and_never_a_success() -> None:
    told = await into(Function(lambda _: failing("no such number"))).write(images("a"))
    assert kinds(told) == ["poison"]


async def test_a_failure_that_passes_costs_nothing() -> None:
    answers = iter([UNHANDLED, UNHANDLED, OK])
    function = Function(lambda _: next(answers))
    assert kinds(await into(function).write(images("a", "b"))) == ["applied"] * 2


@pytest.mark.parametrize("answer", [UNHANDLED, None])
async def test_a_function_that_fails_for_everything_is_no_poison(answer) -> None:
    """Each record alone would be given up, one after the other, while the store behind the function is down."""
    function = Function(lambda records: answer or failing(records[0]["dynamodb"]["SequenceNumber"]))
    with pytest.raises(UnavailableError, match=f"{IN_A_ROW_MAX} records in a row"):
        await into(function).write(images(*[f"k{number}" for number in range(30)]))


async def test_poison_records_with_others_done_in_between_are_not_in_a_row() -> None:
    bad = {f"k{number}" for number in range(0, 60, 2)}
    function = Function(lambda records: UNHANDLED if any(key(one) in bad for one in records) else OK)
    told = await into(function).write(images(*[f"k{number}" for number in range(60)]))
    assert kinds(told) == ["poison", "applied"] * 30


async def test_a_function_that_is_busy_is_retryable_and_uses_no_attempt() -> None:
    told = await into(Function(lambda _: ThrottledError("429", code="TooManyRequestsException"))).write(images("a"))
    assert told[0].kind is Kind.RETRYABLE and "TooManyRequests" in told[0].reason


@pytest.mark.parametrize("error", [NotFoundError("no", code="ResourceNotFoundException"), DeniedError("no", code="X")])
async def test_a_function_that_is_not_there_ends_it(error) -> None:
    with pytest.raises(type(error)):
        await into(Function(lambda _: error)).write(images("a"))


async def test_what_the_filter_does_not_want_is_not_sent() -> None:
    function = Function(lambda _: OK)
    where = read_where({"pk": {"S": ["b"]}}, "--where")
    assert kinds(await into(function, where=where).write(images(*"abc"))) == ["skipped", "applied", "skipped"]
    assert function.calls() == [["b"]]


@pytest.mark.parametrize("batch", [0, 10_001])
def test_a_batch_out_of_range_is_refused(batch: int) -> None:
    with pytest.raises(SettingsError, match="--batch"):
        into(Function(lambda _: OK), batch=batch)
