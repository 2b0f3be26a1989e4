"""Of n records with one that always fails, that one alone is given up and all others are delivered (R92 to R96)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Delivered, Outcome
from unit.core.mapping.driving import World, after, answered, record
from unit.core.mapping.driving import settings as mapping

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:letters"


@dataclass(frozen=True)
class Plan:
    count: int
    bad: int
    batch_size: int
    retries: int
    factor: int
    answer: bytes | None
    """A malformed answer, or None for an exception."""


@st.composite
def plans(draw: st.DrawFn, count_max: int = 24) -> Plan:
    count = draw(st.integers(1, count_max))
    return Plan(
        count,
        draw(st.integers(1, count)),
        draw(st.integers(1, count + 2)),
        draw(st.integers(0, 3)),
        draw(st.sampled_from([1, 1, 3])),
        draw(st.sampled_from([None, b'{"batchItemFailures": [{"itemIdentifier": ""}]}', b"7"])),
    )


def check(plan: Plan) -> None:
    succeeded: list[int] = []

    def function(batch: Batch) -> Outcome:
        positions = [one.position for one in batch.records]
        if plan.bad in positions:
            error = "Unhandled" if plan.answer is None else None
            return answered(batch, plan.answer or b"", error=error, partial=True)
        succeeded.extend(positions)
        return Delivered()

    chosen = mapping(
        batch_size=plan.batch_size,
        bisect=True,
        retry_attempts_max=plan.retries,
        parallelization_factor=plan.factor,
        report_batch_item_failures=True,
        on_failure=QUEUE,
    )
    stream = {"s": [record(n, f"k{n % 5}") for n in range(1, plan.count + 1)]}
    world = World(chosen, stream, function).start().run(60)
    (letter,) = world.letters
    assert (letter.first, letter.last, letter.count) == (plan.bad, plan.bad, 1)
    assert letter.invoke_count == 1 + plan.retries == world.delivered.count([plan.bad])
    assert sorted(succeeded) == [n for n in range(1, plan.count + 1) if n != plan.bad], "each once"
    assert world.saved() == after(plan.count)
    failed = [batch for batch in world.delivered if plan.bad in batch]
    sizes = [len(batch) for batch in failed]
    assert all(size in (before // 2, before - before // 2) for before, size in itertools.pairwise(sizes) if before > 1)
    assert len(failed) <= math.ceil(math.log2(plan.batch_size)) + 1 + plan.retries, "a split uses no retry"
    for key in range(5):
        of_key = [n for n in succeeded if n % 5 == key]
        assert of_key == sorted(of_key), "left half first, later records wait (R69)"
    if plan.factor == 1:
        assert succeeded == sorted(succeeded)


@settings(max_examples=100)
@given(plans())
def test_the_one_bad_record_is_given_up_alone_and_all_others_are_delivered(plan: Plan) -> None:
    check(plan)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3000)
@given(plans(count_max=300))
def test_the_same_with_larger_batches(plan: Plan) -> None:
    check(plan)
