"""Whenever the process dies, the next delivers what is left, in order, and repeats only what was not saved (R50)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from property.plans import Crashed, Function, Plan, Run, plans, records_of
from property.test_an_item_changes_in_order import watched as in_order
from property.test_the_checkpoint_never_passes_an_unfinished_record import watched as never_ahead
from unit.core.mapping.driving import Stored

Crash = tuple[int, bool, int]
CRASHES = st.lists(st.tuples(st.integers(1, 80), st.booleans(), st.integers(0, 3)), min_size=1, max_size=4)
"""After how many commands each process dies, whether the last of them still took effect, and the factor of the next one
(0: the plan's): settings may change while no process runs."""


def check(plan: Plan, crashes: list[Crash]) -> None:
    stored, function = Stored(), Function(plan)
    now, everything, filtered = None, set(plan.records), plan.filtered
    for crash_at, effect, factor in [*crashes, (None, True, 0)]:
        run = Run(plan, stored=stored, function=function, crash_at=crash_at, effect=effect)
        run.now = now or run.now
        done = {*function.done, *(one for letter in stored.letters.values() for one in records_of(letter))}
        run.finished |= done
        in_order(never_ahead(run))
        try:
            run.to_the_end()
        except Crashed:
            now = run.now
            plan = plan.with_settings(parallelization_factor=factor or plan.settings.parallelization_factor)
            continue
        if crash_at is None:
            break
    lettered = [one for letter in stored.letters.values() for one in records_of(letter)]
    assert {*function.done, *lettered} == everything - filtered, "nothing is lost"


@settings(max_examples=150)
@given(plans(), CRASHES)
def test_a_crash_at_any_command_loses_nothing_and_reorders_nothing(plan: Plan, crashes: list[Crash]) -> None:
    check(plan, crashes)


def repeated(plan: Plan, crash_at: int, effect: bool) -> None:
    """No delivery of the first process that was saved as done comes again."""
    stored, function = Stored(), Function(plan)
    first = Run(plan, stored=stored, function=function, crash_at=crash_at, effect=effect)
    with contextlib.suppress(Crashed):
        first.to_the_end()
    saved = {row.shard: (row.at, row.lanes) for row in stored.rows.values()}
    again = Run(plan, stored=stored, function=function)
    again.now = first.now
    again.to_the_end()
    delivered = {(one.shard, record.position) for one, _ in again.calls for record in one.batch.records}
    for shard, (at, _) in saved.items():
        upto = getattr(at, "position", None)
        if upto is not None:
            assert not any(name == shard and position <= upto for name, position in delivered)


@settings(max_examples=100)
@given(plans(), st.integers(1, 80), st.booleans())
def test_what_was_saved_as_done_is_not_delivered_again(plan: Plan, crash_at: int, effect: bool) -> None:
    repeated(plan, crash_at, effect)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=3000)
@given(plans(records_max=40), CRASHES)
def test_the_same_over_many_more_worlds(plan: Plan, crashes: list[Crash]) -> None:
    check(plan, crashes)
    repeated(plan, *crashes[0][:2])
