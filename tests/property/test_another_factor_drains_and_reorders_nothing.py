"""Whenever the factor changes: nothing new starts before what is in flight is done, and no item is reordered (R66)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.mapping.commands import Command, Deliver
from afterbay.core.mapping.events import DisableRequested, EnableRequested, UpdateRequested
from afterbay.core.mapping.lifecycle import State
from property.plans import Plan, Run, plans, records_of
from property.test_an_item_changes_in_order import watched as in_order
from property.test_the_checkpoint_never_passes_an_unfinished_record import watched as never_ahead

CHANGES = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 1.0, 4.0]), st.integers(0, 5)), min_size=1, max_size=5)
"""After how many seconds, and the new factor; 0: off, and on again."""


def check(plan: Plan, changes: list[tuple[float, int]]) -> None:
    run = in_order(never_ahead(Run(plan)))
    old: list[Deliver] = []

    def watch(command: Command) -> None:
        if isinstance(command, Deliver):
            assert not [one for one in old if one in run.in_flight], "something of before is in flight"
            busy = [one.lane for one in run.in_flight if one.shard == command.shard]
            assert len(busy) <= run.mapping.settings.parallelization_factor, "as many lanes as the factor says now"

    run.watchers.append(watch)
    run.start()
    for after_s, factor in changes:
        run.run(after_s)
        if run.mapping.state is State.ENABLED:
            old[:] = run.in_flight
            if factor:
                run.tell(UpdateRequested(replace(run.mapping.settings, parallelization_factor=factor)))
            else:
                run.tell(DisableRequested())
        if run.mapping.state is State.DISABLED:
            assert not run.in_flight, "off only when nothing is in flight (R38)"
            run.tell(EnableRequested())
    for _ in range(200):
        if run.over:
            break
        run.run(3)
        if run.mapping.state is State.DISABLED:
            run.tell(EnableRequested())
    assert run.over
    lettered = [one for letter in run.letters for one in records_of(letter)]
    everything = [*run.scripted.done, *lettered, *plan.filtered]
    assert set(everything) == set(plan.records)
    if {factor for _, factor in changes} <= {0, plan.settings.parallelization_factor}:
        assert len(everything) == len(plan.records), "with the lanes as they were nothing comes twice (R38)"


@settings(max_examples=150)
@given(plans(), CHANGES)
def test_a_change_of_the_factor_drains_and_reorders_nothing(plan: Plan, changes: list[tuple[float, int]]) -> None:
    check(plan, changes)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=3000)
@given(plans(records_max=40), CHANGES)
def test_the_same_over_many_more_worlds(plan: Plan, changes: list[tuple[float, int]]) -> None:
    check(plan, changes)
