"""s08, the handler's side: no answer of ours is one of the almost right ones; each names the earliest failed record."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

import afterbay
from afterbay.core.guard import APPLIED
from afterbay.core.mapping.outcome import Delivered, FailedFrom
from afterbay.core.mapping.response import read_answer

CASE = json.loads((Path(__file__).parent / "s08-odd-failure-responses.json").read_text())
RECORDS = CASE["records"]
NUMBERS = [record["dynamodb"]["SequenceNumber"] for record in RECORDS]
FAILURES = [set(some) for size in range(4) for some in itertools.combinations(NUMBERS, size)]


class Failing:
    """A sink in which the changes named fail."""

    def __init__(self, failed):
        self.failed = failed

    def apply(self, changes):
        bad = afterbay.Verdict(afterbay.Kind.RETRYABLE, "away")
        return [bad if str(one.sequence_number) in self.failed else APPLIED for one in changes]

    def close(self): ...


def each_failing(failed):
    @afterbay.each
    def handler(change):
        if str(change.sequence_number) in failed:
            raise ValueError("away")

    return handler


def outcome(answer):
    """What the mapping makes of the answer, with the numbers' places in the batch as positions."""
    return read_answer(
        json.dumps(answer).encode(),
        function_error=None,
        executed_version="$LATEST",
        positions={number: place for place, number in enumerate(NUMBERS)},
        partial=True,
    )


@pytest.mark.parametrize("failed", FAILURES, ids=lambda failed: f"{len(failed)} failed")
@pytest.mark.parametrize("make", [each_failing, lambda failed: afterbay.into(Failing(failed))], ids=["each", "into"])
def test_an_answer_is_well_formed_and_its_lowest_failure_is_the_earliest(make, failed):
    """R97: known sequence numbers and nothing else; R98: the mapping goes on from the earliest failed record."""
    answer = make(failed)({"Records": RECORDS}, None)
    assert list(answer) == ["batchItemFailures"]
    assert all(
        list(one) == ["itemIdentifier"] and one["itemIdentifier"] in failed for one in answer["batchItemFailures"]
    )
    told = outcome(answer)
    if failed:
        assert isinstance(told, FailedFrom) and told.position == min(map(NUMBERS.index, failed))
    else:
        assert told == Delivered()


def test_into_names_every_failed_record():
    answer = afterbay.into(Failing(set(NUMBERS[1:])))({"Records": RECORDS}, None)
    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == NUMBERS[1:]


@pytest.mark.parametrize("make", [each_failing, lambda failed: afterbay.into(Failing(failed))], ids=["each", "into"])
def test_a_record_without_a_number_fails_the_invocation_rather_than_naming_nothing(make):
    """Entries 06 to 08 would name no record; an exception fails the batch as a whole and says why."""
    first, second, _ = json.loads(json.dumps(RECORDS))
    del second["dynamodb"]["SequenceNumber"]
    with pytest.raises(afterbay.RecordError):
        make(set())({"Records": [first, second]}, None)
