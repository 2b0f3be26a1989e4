"""Every record read is just one of delivered, filtered out, in a letter, or dropped (section 17, R49, R109, R120)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.notice import Notice
from property.plans import Plan, Run, plans, records_of


def check(plan: Plan) -> None:
    run = Run(plan).to_the_end()
    everything, counters = set(plan.records), run.mapping.counters
    delivered = run.scripted.done
    lettered = [position for letter in run.letters for position in sorted(records_of(letter))]
    assert sorted([*delivered, *lettered, *plan.filtered]) == sorted(everything), "each once, none twice"
    assert all(letter.count == len(records_of(letter)) for letter in run.letters)
    assert (counters.polled, counters.filtered_out) == (len(everything), len(plan.filtered))
    assert (counters.delivered, counters.lettered, counters.dropped) == (len(delivered), len(lettered), 0)
    assert counters.letters == len(run.letters)


def check_without_destination(plan: Plan) -> None:
    run = Run(plan.with_settings(on_failure=None)).to_the_end()
    counters, limit_s = run.mapping.counters, plan.settings.record_age_max_s
    delivered = run.scripted.done
    assert len(set(delivered)) == len(delivered) and not set(delivered) & plan.filtered
    rest = set(plan.records) - set(delivered) - plan.filtered
    assert counters.dropped == len(rest) and run.letters == []
    told = [int(one.detail.split()[0]) for one in run.told if one.notice is Notice.DROPPED]
    assert sum(told) == len(rest), "and each drop is told"
    failed = {one.position for asked, _ in run.calls for one in asked.batch.records} - set(delivered)
    too_old = {
        position
        for position, one in plan.records.items()
        if limit_s is not None and run.now.timestamp() - one.created_s >= limit_s
    }
    assert rest <= failed | too_old, "nothing is dropped without a reason"


def check_reasons(plan: Plan) -> None:
    """A letter's condition is true of its records."""
    run = Run(plan).to_the_end()
    for letter in run.letters:
        held = records_of(letter)
        if letter.condition is Condition.RECORD_AGE_EXCEEDED:
            limit_s = plan.settings.record_age_max_s
            assert limit_s is not None
            assert all(run.now.timestamp() - plan.records[one].created_s >= limit_s for one in held)
            assert letter.response is None
        else:
            assert plan.settings.retry_attempts_max is not None
            assert letter.invoke_count == 1 + plan.settings.retry_attempts_max


@settings(max_examples=100)
@given(plans())
def test_each_record_is_delivered_or_filtered_out_or_in_a_letter(plan: Plan) -> None:
    check(plan)


@settings(max_examples=100)
@given(plans())
def test_without_destination_what_is_left_is_dropped_counted_and_told(plan: Plan) -> None:
    check_without_destination(plan)


@settings(max_examples=60)
@given(plans())
def test_a_letter_gives_the_reason_that_holds(plan: Plan) -> None:
    check_reasons(plan)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=3000)
@given(plans(records_max=40))
def test_the_same_over_many_more_worlds(plan: Plan) -> None:
    check(plan)
    check_without_destination(plan)
    check_reasons(plan)
