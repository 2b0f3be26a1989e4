"""No later record of an item starts while an earlier one is unfinished; first attempts are in order (R62, R68, R48).

Over lanes, retries, splits, partial answers, discards, and over the shards of a lineage: a child's change of an item
waits for its parent's.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from afterbay.core.mapping.commands import Command, Deliver
from afterbay.core.shard.position import ShardEnd, ShardId
from property.plans import Plan, Run, plans


def watched(run: Run) -> Run:
    """Fails as soon as a record starts too early."""
    records = run.plan.records
    before = {
        position: [other for other, that in records.items() if that.key == one.key and other < position]
        for position, one in records.items()
    }

    def watch(command: Command) -> None:
        if not isinstance(command, Deliver):
            return
        for parent in run.plan.parents[command.shard]:
            assert run.stored.rows[ShardId(parent)].at == ShardEnd(), "a crash now would read the parent again (R48)"
        together = [one.position for one in command.batch.records]
        assert together == sorted(together), "a batch is in the order of its stream (R45)"
        for position in together:
            open_ones = [one for one in before[position] if one not in run.finished and one not in together]
            assert not open_ones, f"{position} starts, and {open_ones} of its item are unfinished"

    run.watchers.append(watch)
    return run


def check(plan: Plan) -> None:
    run = watched(Run(plan)).to_the_end()
    seen: dict[int, None] = {}
    for delivery in run.deliveries:
        seen |= dict.fromkeys(one.position for one in delivery.batch.records)
    by_key: dict[bytes, list[int]] = {}
    for position in seen:
        by_key.setdefault(plan.records[position].key, []).append(position)
    assert all(firsts == sorted(firsts) for firsts in by_key.values())


@settings(max_examples=100)
@given(plans())
def test_no_later_record_of_an_item_starts_while_an_earlier_one_is_unfinished(plan: Plan) -> None:
    check(plan)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3000)
@given(plans(records_max=40))
def test_the_same_over_many_more_worlds(plan: Plan) -> None:
    check(plan)
