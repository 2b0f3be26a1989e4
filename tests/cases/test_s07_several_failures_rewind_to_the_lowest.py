"""s07: the lowest of several named failures is where the mapping goes on."""

from __future__ import annotations

import json

import pytest

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.shard.position import ShardId
from cases.driven import case, created, cut, labels
from unit.core.mapping.driving import Stored, World, after, answered

CASE = case("s07-several-failures-rewind-to-the-lowest")
LABELS = labels(CASE["records"])
BY_LABEL = {label: position for position, label in LABELS.items()}
FIRST, SECOND = CASE["handler"]["returns"]
ORDERS = [FIRST["batchItemFailures"], FIRST["batchItemFailures"][::-1]]


def world(failures: list[dict], stored: Stored | None = None, *, newer: bool = True) -> World:
    """Answers ``failures`` first and success from then on. A newer record comes while the first call is under way."""
    records = cut(CASE["records"])
    made = World(created(CASE["mapping"]), {"s": list(records)}, stored=stored)
    answers = iter([{"batchItemFailures": failures}])

    def function(batch: Batch) -> Outcome:
        if newer and len(made.delivered) == 1:
            late = cut([{**CASE["records"][0], "dynamodb": {**CASE["records"][0]["dynamodb"], "SequenceNumber": LATE}}])
            made.stream["s"] += late
        return answered(batch, json.dumps(next(answers, SECOND)).encode(), partial=True)

    made.function = function
    return made.start()


LATE = str(max(LABELS) + 17)


def calls(made: World) -> list[list[str]]:
    return [[LABELS.get(position, "late") for position in batch] for batch in made.delivered]


@pytest.mark.parametrize("failures", ORDERS, ids=["as written", "turned round"])
def test_call_two_gets_the_lowest_and_everything_behind_it_and_nothing_newer(failures: list[dict]) -> None:
    made = world(failures).run(5)
    assert calls(made) == [["r1", "r2", "r3", "r4", "r5"], ["r2", "r3", "r4", "r5"], ["late"]]


def test_the_checkpoint_rests_at_r1_until_call_two_has_succeeded_and_a_kill_starts_again_at_r2() -> None:
    stored = Stored()
    made = world(FIRST["batchItemFailures"], stored, newer=False)
    seen: list[object] = []
    answer = made.function

    def watching(batch: Batch) -> Outcome:
        made.hold = True
        return answer(batch)

    made.function = watching
    made.run(5)
    seen.append(stored.rows[ShardId("s")].at)
    assert len(made.in_hand) == 1 and seen == [after(BY_LABEL["r1"])]
    again = world([], stored, newer=False).run(5)
    assert calls(again) == [["r2", "r3", "r4", "r5"]], "killed between the two calls"
    assert stored.rows[ShardId("s")].at == after(BY_LABEL["r5"])


def test_the_user_is_told_that_good_records_are_repeated() -> None:
    made = world(FIRST["batchItemFailures"]).run(5)
    (told,) = [one for one in made.told if one.notice is Notice.REWOUND]
    assert "the lowest of 2 reported failures" in told.detail and "2 good record" in told.detail
    assert str(BY_LABEL["r2"]) in told.detail
