"""An operator gives up what blocks a shard: letters first, then the position, and nothing behind it is touched."""

from __future__ import annotations

import pytest

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.events import DisableRequested, SkipRequested
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, NotReached, Outcome
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import SettingsError
from unit.core.mapping.driving import World, after, record, settings

QUEUE = "arn:aws:sqs:eu-west-1:000000000000:letters"
ELSEWHERE = "arn:aws:sqs:eu-west-1:000000000000:elsewhere"


def asked(through: int, letter_to: str | None = None, shard: str = "s") -> SkipRequested:
    return SkipRequested(ShardId(shard), Position(through), letter_to)


def refusing(*bad: int):
    def function(batch: Batch) -> Outcome:
        failed = any(one.position in bad for one in batch.records)
        return Failed(Cause.FUNCTION_ERROR) if failed else Delivered()

    return function


def blocked(records: int = 4, *, bad: int = 1, batch_size: int = 2, **changes: object) -> World:
    """A shard whose batch with record ``bad`` fails without end."""
    chosen = settings(batch_size=batch_size, on_failure=QUEUE, **changes)
    world = World(chosen, {"s": [record(n, f"k{n}") for n in range(1, records + 1)]}, refusing(bad))
    return world.start().run(10)


def test_what_blocks_gets_its_letter_and_the_shard_goes_on() -> None:
    world = blocked()
    before = world.now
    world.tell(asked(1))
    world.run()
    (letter,) = world.letters
    assert (letter.condition, letter.count, letter.first, letter.last) == (Condition.SKIPPED_BY_OPERATOR, 1, 1, 1)
    assert (letter.destination, letter.response) == (QUEUE, None)
    assert world.delivered[-2:] == [[2], [3, 4]], "the rest of its batch, then what waited"
    assert world.saved() == after(4) and world.now == before, "at once: no rest is waited for"
    counters = world.mapping.counters
    assert (counters.lettered, counters.letters, counters.dropped) == (1, 1, 0)


def test_the_position_waits_for_the_letter() -> None:
    world = blocked()
    world.tell(asked(2))
    assert ShardId("s") not in world.stored.rows and not world.letters
    world.run()
    assert world.saved() == after(4) and len(world.letters) == 1


def test_what_waits_behind_is_given_up_in_batches_of_the_usual_size() -> None:
    world = blocked(records=7)
    world.tell(asked(6))
    world.run()
    assert [(one.first, one.last) for one in world.letters] == [(1, 2), (3, 4), (5, 6)]
    assert world.delivered[-1] == [7]


def test_an_answer_under_way_is_awaited_and_what_it_did_is_not_skipped() -> None:
    world = World(settings(batch_size=2, on_failure=QUEUE), {"s": [record(n) for n in (1, 2, 3)]})
    world.hold = True
    world.start().run()
    world.tell(asked(3))
    world.run()
    assert not world.letters, "no later record of the item overtakes what is in flight"
    world.answer()
    world.run()
    assert world.delivered == [[1, 2]]
    assert [(one.first, one.last) for one in world.letters] == [(3, 3)]
    assert world.saved() == after(3)


def test_an_answer_under_way_that_failed_is_given_up_then() -> None:
    world = blocked()
    world.hold = True
    world.run(60)
    world.tell(asked(1))
    world.answer()
    world.run()
    assert [(one.count, one.last) for one in world.letters] == [(1, 1)]


def test_the_rest_of_a_skipped_batch_has_its_attempts_anew() -> None:
    failing = {1: 9, 2: 2}

    def function(batch: Batch) -> Outcome:
        for one in batch.records:
            if failing.get(one.position, 0) > 0:
                failing[one.position] -= 1
                return Failed(Cause.FUNCTION_ERROR)
        return Delivered()

    chosen = settings(batch_size=2, on_failure=QUEUE, retry_attempts_max=5)
    world = World(chosen, {"s": [record(1, "a"), record(2, "b")]}, function).start().run(2)
    world.tell(asked(1))
    world.run(10)
    assert [one.last for one in world.letters] == [1]
    assert world.batches[-1].attempts == 2, "the two of its own, and none of the first record's"


def test_a_function_that_is_not_there_is_skipped_past_too() -> None:
    chosen = settings(batch_size=2, on_failure=QUEUE)
    world = World(chosen, {"s": [record(1), record(2)]}, lambda batch: NotReached("gone")).start().run(5)
    world.tell(asked(2))
    world.run()
    assert [one.count for one in world.letters] == [2] and world.saved() == after(2)


def test_every_lane_gives_up_its_own() -> None:
    chosen = settings(batch_size=1, parallelization_factor=3, on_failure=QUEUE)
    stream = {"s": [record(n, f"k{n}") for n in range(1, 13)]}
    world = World(chosen, stream, lambda batch: Failed(Cause.FUNCTION_ERROR)).start().run(5)
    world.tell(asked(9))
    world.run()
    assert sorted(one.last for one in world.letters) == list(range(1, 10))
    assert world.saved() == after(9)


def test_a_batching_window_does_not_hold_up_what_is_given_up_and_still_holds_the_rest() -> None:
    chosen = settings(batch_size=10, batching_window_s=20, on_failure=QUEUE)
    world = World(chosen, {"s": [record(1), record(2), record(3)]}).start().run()
    world.tell(asked(2))
    world.run()
    assert [(one.first, one.last) for one in world.letters] == [(1, 2)] and world.delivered == []
    world.run(20)
    assert world.delivered == [[3]]


def test_a_final_invocation_that_fails_is_given_up_with_its_window() -> None:
    chosen = settings(tumbling_window_s=5, on_failure=QUEUE)

    def function(batch: Batch) -> Outcome:
        return Failed(Cause.FUNCTION_ERROR) if batch.final else Delivered(b"{}")

    world = World(chosen, {"s": [record(1, age_s=100), record(2, age_s=10)]}, function).start().run(5)
    world.tell(asked(1))
    world.run()
    assert [(one.condition, one.count) for one in world.letters] == [(Condition.SKIPPED_BY_OPERATOR, 0)]
    assert [2] in world.delivered


def test_without_a_destination_a_letter_has_to_be_sent_somewhere() -> None:
    world = World(settings(), {"s": [record(1)]}, refusing(1)).start().run(2)
    with pytest.raises(SettingsError, match=r"no OnFailure destination.*--letter-to"):
        world.tell(asked(1))
    world.tell(asked(1, ELSEWHERE))
    world.run()
    assert [one.destination for one in world.letters] == [ELSEWHERE]


def test_what_is_not_read_yet_cannot_be_skipped() -> None:
    world = blocked()
    with pytest.raises(SettingsError, match="5 lies ahead in s: it was read up to 4"):
        world.tell(asked(5))


def test_only_a_shard_that_is_read_is_unblocked() -> None:
    world = blocked()
    with pytest.raises(SettingsError, match=r"other is not being read.*it reads s"):
        world.tell(asked(1, shard="other"))
    world.tell(DisableRequested())
    world.run(60)
    with pytest.raises(SettingsError, match=r"the mapping is Disabled.*enable it first"):
        world.tell(asked(1))


def test_a_plan_says_what_would_go_and_changes_nothing() -> None:
    world = blocked(records=5)
    plan = world.mapping.plan_skip(asked(3))
    assert (plan.records, plan.keys, plan.in_flight, plan.first, plan.last) == (3, 3, 0, 1, 3)
    assert plan.attempts > 1 and plan.destination == QUEUE and plan.oldest_s == world.stream["s"][0].created_s
    world.run()
    assert not world.letters
    world.tell(asked(3))
    world.run()
    assert world.mapping.plan_skip(asked(3)).records == 0


def test_a_plan_counts_what_is_under_way_up_to_its_end_and_not_behind() -> None:
    world = World(settings(batch_size=3, on_failure=QUEUE), {"s": [record(n) for n in (1, 2, 3)]})
    world.hold = True
    world.start().run()
    assert [world.mapping.plan_skip(asked(through)).in_flight for through in (1, 2, 3)] == [1, 2, 3]


def test_a_plan_tells_the_attempts_of_a_batch_that_begins_where_it_ends() -> None:
    assert blocked().mapping.plan_skip(asked(1)).attempts > 1


def test_a_final_invocation_that_fails_has_no_records_for_a_plan() -> None:
    chosen = settings(tumbling_window_s=5, on_failure=QUEUE)
    stream = {"s": [record(1, age_s=100), record(2, age_s=10)]}
    failing = World(chosen, stream, lambda one: Failed(Cause.FUNCTION_ERROR) if one.final else Delivered(b"{}"))
    plan = failing.start().run(5).mapping.plan_skip(asked(2))
    assert (plan.records, plan.first, plan.attempts) == (1, 2, 0)


def test_a_second_skip_goes_on_from_the_first_and_never_back() -> None:
    world = blocked(records=6, bad=1)
    world.tell(asked(4))
    world.tell(asked(2))
    world.run()
    assert sum(one.count for one in world.letters) == 4
