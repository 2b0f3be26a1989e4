"""A mapping with filters delivers just what it would of a stream without the others, and passes all (R78)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property.plans import KEEPS, Plan, Run, plans


def check(plan: Plan) -> None:
    plan = replace(plan.with_settings(filters=(KEEPS,)), page=1000, takes=(0.0,))
    kept = {name: [one for one in shard if one.position not in plan.filtered] for name, shard in plan.stream.items()}
    alone = Run(replace(plan.with_settings(filters=()), stream=kept)).to_the_end()
    run = Run(plan).to_the_end()
    assert run.delivered == alone.delivered, "same batches, same order"
    assert not {one for batch in run.delivered for one in batch} & plan.filtered
    assert [letter.count for letter in run.letters] == [letter.count for letter in alone.letters]
    assert run.mapping.counters.filtered_out == len(plan.filtered)
    for name, shard in plan.stream.items():
        if shard and name not in plan.closed:
            assert run.saved(name).position == shard[-1].position, "the position passes what is left out at the end"


ONE_AT_A_TIME = plans(factors=st.just(1)) | plans()


@settings(max_examples=100)
@given(ONE_AT_A_TIME)
def test_what_is_left_out_takes_no_place_and_the_position_passes_it(plan: Plan) -> None:
    check(plan)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3000)
@given(plans(records_max=40))
def test_the_same_over_many_more_worlds(plan: Plan) -> None:
    check(plan)
