"""A shard has at most one batch in flight per lane, and an item has one lane (R61, R62, R64)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from afterbay.core.mapping.commands import Command, Deliver
from property.plans import Plan, Run, plans


def check(plan: Plan) -> None:
    run, lanes = Run(plan), {}

    def watch(command: Command) -> None:
        if not isinstance(command, Deliver):
            return
        busy = [one.lane for one in run.in_flight if one.shard == command.shard]
        assert len(set(busy)) == len(busy) <= plan.settings.parallelization_factor
        for one in command.batch.records:
            assert lanes.setdefault((command.shard, one.key), command.lane) == command.lane

    run.watchers.append(watch)
    run.to_the_end()


@settings(max_examples=100)
@given(plans())
def test_lanes_bound_what_is_in_flight_and_keep_their_items(plan: Plan) -> None:
    check(plan)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3000)
@given(plans(records_max=40))
def test_the_same_over_many_more_worlds(plan: Plan) -> None:
    check(plan)
