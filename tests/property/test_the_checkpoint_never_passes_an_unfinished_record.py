"""What is saved never goes back and never passes a record that is unfinished (R49, R65, R78, S32)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from afterbay.core.mapping.commands import Command, SavePositions
from afterbay.core.shard.position import After, ShardEnd
from property.plans import Plan, Run, plans


def watched(run: Run) -> Run:
    """Fails as soon as a save says too much, or less than is saved already."""
    highest: dict[str, float] = {name: place(row.at) for name, row in run.stored.rows.items()}

    def watch(command: Command) -> None:
        if not isinstance(command, SavePositions):
            return
        for row in command.shards:
            if row.shard:  # the other row says that the mapping was positioned
                here = place(row.at)
                passed = {one.position for one in run.plan.stream[row.shard] if one.position <= here}
                assert passed <= run.finished, f"{row.at} passes {passed - run.finished}"
                assert here >= highest.get(row.shard, 0.0), "a saved position never goes back"
                highest[row.shard] = here

    run.watchers.append(watch)
    return run


def place(at: object) -> float:
    """The last position that is done; 0 where nothing is, infinity at the shard's end."""
    match at:
        case After(position=position):
            return float(position)
        case ShardEnd():
            return float("inf")
        case _:
            return 0.0


def check(plan: Plan) -> None:
    run = watched(Run(plan)).to_the_end()
    assert run.saves or not plan.records


@settings(max_examples=100)
@given(plans())
def test_no_saved_position_passes_an_unfinished_record_or_goes_back(plan: Plan) -> None:
    check(plan)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=3000)
@given(plans(records_max=40))
def test_the_same_over_many_more_worlds(plan: Plan) -> None:
    check(plan)
