"""A batch is tried at most once more than MaximumRetryAttempts, and just so often if that ends it (R85, R88 to R90)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.mapping.outcome import NotReached
from property.plans import Plan, Run, plans

BY_RETRIES = plans(limits=st.just("retries"))


def check(plan: Plan) -> None:
    run = Run(plan).to_the_end()
    limit = plan.settings.retry_attempts_max
    assert limit is not None
    attempts: dict[str, int] = {}
    contents: dict[str, list[int]] = {}
    for asked, outcome in run.calls:
        batch = asked.batch
        positions = [one.position for one in batch.records]
        assert contents.setdefault(batch.request_id, positions) == positions, "an id is one unchanged batch (R89)"
        if not isinstance(outcome, NotReached):
            attempts[batch.request_id] = attempts.get(batch.request_id, 0) + 1
    assert all(count <= 1 + limit for count in attempts.values())
    for letter in run.letters:
        assert letter.invoke_count == attempts[letter.request_id] == 1 + limit


@settings(max_examples=300)
@given(BY_RETRIES)
def test_no_batch_is_tried_more_often_and_a_discarded_one_just_so_often(plan: Plan) -> None:
    check(plan)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3000)
@given(plans(limits=st.just("retries"), records_max=40))
def test_the_same_over_many_more_worlds(plan: Plan) -> None:
    check(plan)
