"""s08, the mapping's side: each answer that is almost right, as the answer to the first call."""

from __future__ import annotations

import json
import re

import pytest

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.outcome import Outcome
from cases.driven import case, created, cut, labels
from unit.core.mapping.driving import World, after, answered

CASE = case("s08-odd-failure-responses")
LABELS = labels(CASE["records"])
RESPONSES = {one["name"]: one for one in CASE["responses"]}


def played(value: object, **override: object) -> World:
    """``value`` answers the first call, ``{}`` every later one."""
    made = World(created(CASE["mapping"], **override), {"s": cut(CASE["records"])})
    answers = iter([value])

    def function(batch: Batch) -> Outcome:
        partial = made.mapping.settings.report_batch_item_failures
        return answered(batch, json.dumps(next(answers, {})).encode(), partial=partial)

    made.function = function
    return made.start().run(30)


def calls(made: World) -> list[list[str]]:
    return [[LABELS[position] for position in batch] for batch in made.delivered]


@pytest.mark.parametrize("name", RESPONSES)
def test_the_first_call_counts_as_the_page_says(name: str) -> None:
    """01 to 05, 13 and 14 are full successes; the others fail the whole batch, which comes again."""
    one = RESPONSES[name]
    made = played(one["value"], **one.get("override", {}))
    success = int(name[:2]) in (1, 2, 3, 4, 5, 13, 14)
    assert calls(made) == [["r1", "r2", "r3"]] * (1 if success else 2)
    assert made.saved() == after(max(LABELS))
    assert made.letters == [], "the second call succeeds"
    assert {batch.attempts for batch in made.batches} == {0 if success else 1}


@pytest.mark.parametrize("name", [name for name in RESPONSES if 6 <= int(name[:2]) <= 12])
def test_a_full_failure_uses_one_attempt_of_the_limit(name: str) -> None:
    """With no retry allowed, the letter comes after the first call."""
    made = played(RESPONSES[name]["value"], MaximumRetryAttempts=0)
    (letter,) = made.letters
    assert calls(made) == [["r1", "r2", "r3"]] and (letter.count, letter.invoke_count) == (3, 1)


@pytest.mark.parametrize("value", ["text", "", 7, 0, -1.5, True, False, [1], [[]], [{}], {"batchItemFailures": 0}])
def test_no_answer_makes_the_engine_raise(value: object) -> None:
    made = played(value)
    assert len(made.delivered) in (1, 2) and made.saved() == after(max(LABELS))


@pytest.mark.parametrize(
    ("name", "notice", "words"),
    [
        ("13-misspelt-outer-key", Notice.MISSPELT_ANSWER, r"'batchItemFailure'.*no record was retried"),
        ("14-good-answer-but-setting-off", Notice.IGNORED_FAILURES, "ReportBatchItemFailures"),
    ],
)
def test_the_two_silent_ones_are_told(name: str, notice: Notice, words: str) -> None:
    one = RESPONSES[name]
    made = played(one["value"], **one.get("override", {}))
    (told,) = made.told
    assert told.notice is notice and re.search(words, told.detail)


@pytest.mark.parametrize("name", [name for name in RESPONSES if int(name[:2]) <= 5])
def test_what_is_right_is_not_remarked_on(name: str) -> None:
    assert played(RESPONSES[name]["value"]).told == []
