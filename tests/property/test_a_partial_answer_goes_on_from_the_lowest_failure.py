"""However failures are named, the lowest as a number is where it goes on; all before it is done (R82, R97, R98)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.shard.position import ShardId
from unit.core.mapping.driving import World, after, answered, record
from unit.core.mapping.driving import settings as mapping

NUMBERS = st.sets(st.integers(1, 130) | st.integers(9 * 10**23, 2 * 10**24), min_size=1, max_size=12).map(sorted)
"""Of different lengths: as texts they stand in another order."""


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[int], list[int], bool]:
    """Sequence numbers of a batch, those that the function names, in any order and as often as it likes; bisect."""
    numbers = draw(NUMBERS)
    named = draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=8))
    return numbers, named, draw(st.booleans())


def check(numbers: list[int], named: list[int], bisect: bool) -> None:
    chosen = mapping(report_batch_item_failures=True, bisect=bisect)
    world = World(chosen, {"s": [record(n) for n in numbers]})
    payload = json.dumps({"batchItemFailures": [{"itemIdentifier": str(n)} for n in named]}).encode()

    def function(batch: Batch) -> Outcome:
        world.hold = True
        return answered(batch, payload, partial=True)

    world.function = function
    world.start().run(60)
    lowest = min(named)
    rest = [n for n in numbers if n >= lowest]
    (following,) = world.in_hand
    positions = [one.position for one in following.batch.records]
    progress = len(rest) < len(numbers)
    if progress or not bisect or len(rest) == 1:
        assert positions == rest, "the lowest and everything behind it, named or not"
        assert following.batch.attempts == (0 if progress else 1)
    else:
        assert positions == rest[: len(rest) // 2]
    done = [n for n in numbers if n < lowest]
    row = world.stored.rows.get(ShardId("s"))
    assert row.at == after(done[-1]) if done and row is not None else row is None
    assert world.mapping.counters.delivered == len(done)


@settings(max_examples=200)
@given(answers())
def test_the_checkpoint_is_the_lowest_failure_as_a_number(drawn: tuple[list[int], list[int], bool]) -> None:
    check(*drawn)


@pytest.mark.long
@pytest.mark.timeout(1200)
@settings(max_examples=5000)
@given(answers())
def test_the_same_over_many_more_answers(drawn: tuple[list[int], list[int], bool]) -> None:
    check(*drawn)
