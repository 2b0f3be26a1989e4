"""Loud where AWS is silent: what is told of an answer that is almost right, while it means what it means on AWS."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.outcome import Delivered, Failed, FailedFrom, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.warnings import Warnings
from afterbay.core.shard.position import Position

from .driving import T0, World, record, settings

POSITIONS = {str(n): Position(n) for n in (1, 2, 3, 4, 5)}


def read(answer: object, *, partial: bool = True, window: bool = False) -> Outcome:
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return read_answer(
        payload,
        function_error=None,
        executed_version="$LATEST",
        positions=POSITIONS,
        partial=partial,
        window=window,
    )


def failures(*entries: object) -> dict[str, object]:
    return {"batchItemFailures": list(entries)}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ("text", "the answer is a string, not an object"),
        (7, "the answer is a number, not an object"),
        (True, "the answer is a boolean, not an object"),
        ([1], "the answer is an array, not an object"),
        (b"{", "the answer is no JSON"),
        (b'{"batchItemFailures": ["\xff"]}', "the answer is no JSON"),
        ({"batchItemFailures": {"itemIdentifier": "1"}}, "batchItemFailures is an object, not an array"),
        (failures("1"), "batchItemFailures[0] is a string, not an object"),
        (
            failures({"itemIdentifier": "1"}, {"item_identifier": "2"}),
            "[1] has no itemIdentifier but 'item_identifier'",
        ),
        (failures({"foo": 1}), "[0] has no itemIdentifier"),
        (failures({}), "[0] has no itemIdentifier"),
        (failures({"itemIdentifier": 1}), "[0] has a number as its itemIdentifier, not a string"),
        (failures({"itemIdentifier": None}), "[0] has null as its itemIdentifier, not a string"),
        (failures({"itemIdentifier": ""}), "[0] has an empty itemIdentifier"),
        (
            failures({"itemIdentifier": "f876943b33210ae00d418dd01ad99c0e"}),
            "[0] names a record by what looks like its eventID",
        ),
        (failures({"itemIdentifier": "customer#7"}), "[0] names no record of the batch"),
    ],
)
def test_a_malformed_answer_is_told_with_its_place_and_the_fix(answer: object, fault: str) -> None:
    outcome = read(answer)
    assert isinstance(outcome, Failed) and outcome.warned is not None
    assert outcome.warned.notice is Notice.MALFORMED_ANSWER
    assert fault in outcome.warned.detail
    assert outcome.warned.detail.endswith(
        'answer {"batchItemFailures": [{"itemIdentifier": the record\'s dynamodb.SequenceNumber}]}'
        " (of Kinesis: kinesis.sequenceNumber; of a queue: messageId)"
    )
    assert "customer" not in outcome.warned.detail, "an identifier may be an item's key"


@pytest.mark.parametrize("name", ["batchItemFailure", "BatchItemFailures", "batch_item_failures", "batchItemsFailures"])
def test_a_misspelt_outer_name_is_a_success_that_is_told(name: str) -> None:
    outcome = read({name: [{"itemIdentifier": "2"}]})
    assert outcome == Delivered() and isinstance(outcome, Delivered) and outcome.warned is not None
    assert outcome.warned.notice is Notice.MISSPELT_ANSWER
    assert repr(name) in outcome.warned.detail and "no record was retried" in outcome.warned.detail


@pytest.mark.parametrize("answer", [{"statusCode": 200, "body": "ok"}, {"batch_item_failures": []}, None, failures()])
def test_an_answer_of_another_kind_is_a_success_without_a_word(answer: object) -> None:
    outcome = read(answer)
    assert outcome == Delivered() and isinstance(outcome, Delivered) and outcome.warned is None


def test_failures_that_nobody_asked_for_are_told() -> None:
    outcome = read(failures({"itemIdentifier": "2"}), partial=False)
    assert outcome == Delivered() and isinstance(outcome, Delivered) and outcome.warned is not None
    assert outcome.warned.notice is Notice.IGNORED_FAILURES
    assert "ReportBatchItemFailures" in outcome.warned.detail and "1 record(s)" in outcome.warned.detail


@pytest.mark.parametrize("answer", [None, failures(), b'"batchItemFailures', {"text": "batchItemFailures"}, b""])
def test_an_answer_without_failures_is_not_told_of_where_nobody_asked(answer: object) -> None:
    outcome = read(answer, partial=False)
    assert isinstance(outcome, Delivered) and outcome.warned is None


def test_several_failures_are_told_to_rewind_to_the_lowest() -> None:
    """Case s07: that good records behind it come again is what surprises users."""
    outcome = read(failures({"itemIdentifier": "4"}, {"itemIdentifier": "2"}))
    assert outcome == FailedFrom(Position(2), outcome.response) and outcome.warned is not None
    assert outcome.warned.notice is Notice.REWOUND
    assert outcome.warned.detail.startswith(
        "rewound to 2, the lowest of 2 reported failures; 2 good record(s) behind it will be repeated"
    )


@pytest.mark.parametrize("named", [["2"], ["2", "2"], ["4", "5"], ["1", "2", "3", "4", "5"]])
def test_one_failure_or_all_behind_it_is_what_an_ordered_handler_says(named: list[str]) -> None:
    outcome = read(failures(*({"itemIdentifier": one} for one in named)))
    assert isinstance(outcome, FailedFrom) and outcome.warned is None


def test_an_answer_without_a_window_state_is_told() -> None:
    outcome = read(None, window=True)
    assert isinstance(outcome, Failed) and outcome.warned is not None
    assert outcome.warned.notice is Notice.NO_STATE and '"state"' in outcome.warned.detail


def test_a_warning_names_its_shard_and_is_not_repeated_with_every_answer() -> None:
    def misspelt(batch: Batch) -> Outcome:
        return read({"batchItemFailure": [{"itemIdentifier": "1"}]})

    world = World(settings(batch_size=1), {"s": [record(n) for n in range(1, 6)]}, misspelt).start().run(1)
    (told,) = world.told
    assert (told.notice, told.shard) == (Notice.MISSPELT_ANSWER, "s")
    world.now += timedelta(minutes=10) - timedelta(seconds=10)
    world.stream["s"].append(record(6))
    world.run(1)
    assert len(world.told) == 1
    world.now += timedelta(seconds=10)
    world.stream["s"].append(record(7))
    world.run(1)
    assert world.told[-1].detail.endswith("(5 more since it was told last)") and len(world.told) == 2


def test_another_warning_is_told_at_once() -> None:
    answers = iter([{"batchItemFailure": [1]}, failures({"foo": 1}), None])
    world = (
        World(settings(batch_size=1), {"s": [record(1), record(2)]}, lambda batch: read(next(answers))).start().run(5)
    )
    assert [told.notice for told in world.told[:2]] == [Notice.MISSPELT_ANSWER, Notice.MALFORMED_ANSWER]


def test_a_warning_that_goes_on_is_told_every_ten_minutes_with_its_count() -> None:
    warnings, outcome = Warnings(), read(None, window=True)

    def told(minutes: float) -> list[str]:
        return [one.detail for one in warnings.tell(outcome, None, T0 + timedelta(minutes=minutes))]

    assert outcome.warned is not None
    text = outcome.warned.detail
    assert told(0) == [text]
    assert told(9.99) == told(1) == []
    assert told(10) == [f"{text} (2 more since it was told last)"]
    assert told(19) == []
    assert told(20) == [f"{text} (1 more since it was told last)"]
    assert told(40) == [text]
