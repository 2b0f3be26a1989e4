"""After any skip at any moment every record is delivered, filtered out or in a letter, in order, and nothing of a later
position is given up with it (core/mapping/skip.py, R49, R62)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.mapping.commands import Command, Deliver
from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.events import Event, SkipRequested
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import SettingsError
from property.plans import Crashed, Function, Plan, Run, plans, records_of
from property.test_an_item_changes_in_order import watched as in_order
from property.test_the_checkpoint_never_passes_an_unfinished_record import watched as never_ahead
from unit.core.mapping.driving import Stored

SKIPS = st.dictionaries(st.integers(1, 60), st.tuples(st.integers(0, 3), st.integers(0, 14)), min_size=1, max_size=4)
"""After how many events somebody skips, in which shard, and through which of its records."""


class Unblocked(Run):
    """A plan in whose course somebody skips. ``skipped``: per shard how far, once it was taken."""

    def __init__(self, plan: Plan, skips: dict[int, tuple[int, int]], **more: object) -> None:
        super().__init__(plan, **more)  # type: ignore[arg-type]
        self.skipped: dict[str, int] = {}
        self._skips = skips
        self._told = 0
        self.watchers.append(self._never_again)

    def tell(self, event: Event) -> tuple[Command, ...]:
        commands = super().tell(event)
        self._told += 1
        if self._told in self._skips and not isinstance(event, SkipRequested):
            number, index = self._skips[self._told]
            names = list(self.plan.stream)
            self._skip(names[number % len(names)], index)
        return commands

    def _skip(self, name: str, index: int) -> None:
        records = self.plan.stream[name]
        if not records:
            return
        through = records[index % len(records)].position
        with contextlib.suppress(SettingsError):  # not read that far, or not reading
            request = SkipRequested(ShardId(name), Position(through))
            plan = self.mapping.plan_skip(request)
            assert plan.records <= sum(one.position <= max(through, self.skipped.get(name, 0)) for one in records)
            self.skipped[name] = max(through, self.skipped.get(name, 0))
            self.tell(request)

    def _never_again(self, command: Command) -> None:
        if isinstance(command, Deliver):
            for one in command.batch.records:
                assert one.position > self.skipped.get(command.shard, 0), f"{one.position} was given up"


def accounted(run: Unblocked) -> None:
    for letter in run.letters:
        if letter.condition is Condition.SKIPPED_BY_OPERATOR:
            assert max(records_of(letter)) <= run.skipped[letter.shard], "nothing of a later position goes with it"


def check(plan: Plan, skips: dict[int, tuple[int, int]]) -> None:
    run = in_order(never_ahead(Unblocked(plan, skips)))
    run.to_the_end()
    accounted(run)
    lettered = [position for letter in run.letters for position in sorted(records_of(letter))]
    assert sorted([*run.scripted.done, *lettered, *plan.filtered]) == sorted(plan.records), "each once, none twice"
    counters = run.mapping.counters
    assert (counters.lettered, counters.dropped, counters.letters) == (len(lettered), 0, len(run.letters))


def check_crash(plan: Plan, skips: dict[int, tuple[int, int]], crash_at: int, effect: bool) -> None:
    stored, function = Stored(), Function(plan)
    run = Unblocked(plan, skips, stored=stored, function=function, crash_at=crash_at, effect=effect)
    with contextlib.suppress(Crashed):
        never_ahead(run).to_the_end()
    accounted(run)
    again = Run(plan, stored=stored, function=function)
    again.now = run.now
    again.to_the_end()
    lettered = {position for letter in stored.letters.values() for position in records_of(letter)}
    assert {*function.done, *lettered} == set(plan.records) - plan.filtered, "nothing is lost"


@settings(max_examples=60)
@given(plans(), SKIPS)
def test_each_record_is_delivered_or_filtered_out_or_in_a_letter(plan: Plan, skips: dict[int, tuple[int, int]]) -> None:
    check(plan, skips)


@settings(max_examples=50)
@given(plans(), SKIPS, st.integers(1, 80), st.booleans())
def test_a_crash_behind_a_skip_loses_nothing(
    plan: Plan, skips: dict[int, tuple[int, int]], crash_at: int, effect: bool
) -> None:
    check_crash(plan, skips, crash_at, effect)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=3000)
@given(plans(records_max=40), SKIPS, st.integers(1, 200), st.booleans())
def test_the_same_over_many_more_worlds(
    plan: Plan, skips: dict[int, tuple[int, int]], crash_at: int, effect: bool
) -> None:
    check(plan, skips)
    check_crash(plan, skips, crash_at, effect)
