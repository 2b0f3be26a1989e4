"""The mapping machine: what is delivered, in which order, what is saved, and when (R45 to R120)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Deliver, Notice, ReadShard, ReleaseShard, WakeAt
from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.events import (
    DeletionRequested,
    DisableRequested,
    EnableRequested,
    Invoked,
    LetterStored,
    ListingFailed,
    PositionsLoaded,
    ReadFailed,
    ReadFailure,
    RecordsRead,
    ShardsListed,
    ShardWithdrawn,
    StopRequested,
    UpdateRequested,
)
from afterbay.core.mapping.lane import Lane
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.outcome import (
    Cause,
    Delivered,
    Failed,
    FailedFrom,
    FailedSome,
    NotReached,
    Outcome,
    ResponseContext,
)
from afterbay.core.mapping.result import LastResult
from afterbay.core.mapping.settings import StartingPosition
from afterbay.core.mapping.snapshot import snapshot
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import AtTime, Latest, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.stores.memory import MemoryStore
from unit.core.mapping.driving import T0, Stored, World, after, record, settings

UNHANDLED = Failed(Cause.FUNCTION_ERROR, response=ResponseContext("$LATEST", "Unhandled"))
QUEUE = "arn:aws:sqs:eu-west-1:000000000000:dlq"


def failing(*bad: int) -> object:
    def function(batch: Batch) -> Outcome:
        return UNHANDLED if any(r.position in bad for r in batch.records) else Delivered()

    return function


def partial(*bad: int) -> object:
    def function(batch: Batch) -> Outcome:
        hit = [r.position for r in batch.records if r.position in bad]
        return FailedFrom(Position(min(hit)), ResponseContext("$LATEST", None)) if hit else Delivered()

    return function


def ten() -> dict[str, list]:
    return {"s": [record(n) for n in range(1, 11)]}


def test_records_are_delivered_in_order_and_the_position_follows() -> None:
    world = World(settings(batch_size=4), ten()).start().run(1)
    assert world.delivered == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert world.saved() == after(10)
    assert world.mapping.state is State.ENABLED
    assert world.mapping.last_result is LastResult.OK


def test_a_mapping_created_disabled_reads_nothing_until_it_is_enabled() -> None:
    world = World(settings(), ten()).start(enabled=False).run(1)
    assert world.mapping.state is State.DISABLED
    assert world.delivered == []
    world.tell(EnableRequested())
    assert world.mapping.state is State.ENABLING
    world.run(1)
    assert world.mapping.state is State.ENABLED
    assert len(world.delivered) == 1


def test_a_failed_batch_is_retried_unchanged_under_one_request_id_and_then_discarded() -> None:
    world = World(settings(batch_size=4, retry_attempts_max=2, on_failure=QUEUE), ten(), failing(2)).start().run(60)
    assert world.delivered == [[1, 2, 3, 4]] * 3 + [[5, 6, 7, 8], [9, 10]]
    assert len({b.request_id for b in world.batches[:3]}) == 1
    (letter,) = world.letters
    assert (letter.first, letter.last, letter.count, letter.invoke_count) == (1, 4, 4, 3)
    assert letter.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED
    assert letter.response == ResponseContext("$LATEST", "Unhandled")
    assert letter.request_id == world.batches[0].request_id
    assert world.saved() == after(10)


def test_bisect_runs_left_first_without_using_a_retry_of_the_parent() -> None:
    stream = {"s": [record(n) for n in (1, 2, 3, 4)]}
    world = World(settings(batch_size=4, retry_attempts_max=1, bisect=True, on_failure=QUEUE), stream, failing(2))
    world.start().run(60)
    assert world.delivered == [[1, 2, 3, 4], [1, 2], [1], [2], [2], [3, 4]]
    ids = [b.request_id for b in world.batches]
    assert ids[3] == ids[4]
    assert len(set(ids)) == 5
    (letter,) = world.letters
    assert (letter.count, letter.invoke_count) == (1, 2)


def test_an_odd_batch_splits_with_the_small_half_first() -> None:
    stream = {"s": [record(n) for n in (1, 2, 3, 4, 5)]}
    world = World(settings(bisect=True, retry_attempts_max=0), stream, failing(5)).start().run(60)
    assert world.delivered == [[1, 2, 3, 4, 5], [1, 2], [3, 4, 5], [3], [4, 5], [4], [5]]


def test_a_partial_answer_acknowledges_what_came_before_and_gives_a_fresh_budget() -> None:
    stream = {"s": [record(n) for n in range(1, 7)]}
    world = World(settings(batch_size=3, retry_attempts_max=3, on_failure=QUEUE), stream, partial(6)).start().run(60)
    assert world.delivered == [[1, 2, 3], [4, 5, 6], [6], [6], [6], [6]]
    assert world.letters[0].invoke_count == 4
    assert world.letters[0].response == ResponseContext("$LATEST", None)
    assert world.mapping.last_result is LastResult.OK


def test_a_partial_answer_with_bisect_halves_only_without_progress() -> None:
    stream = {"s": [record(n) for n in (1, 2, 3, 4)]}
    chosen = settings(bisect=True, retry_attempts_max=1, on_failure=QUEUE)
    world = World(chosen, stream, partial(2)).start().run(60)
    assert world.delivered == [[1, 2, 3, 4], [2, 3, 4], [2], [2], [3, 4]]


def test_what_does_not_reach_the_function_costs_no_attempt() -> None:
    answers = iter([NotReached("throttled")] * 3 + [UNHANDLED] * 2)
    stream = {"s": [record(1)]}
    world = World(settings(retry_attempts_max=1, on_failure=QUEUE), stream, lambda batch: next(answers))
    world.start().run(60)
    assert len(world.delivered) == 5
    assert world.letters[0].invoke_count == 2


def test_the_advice_of_a_throttled_function_is_heeded() -> None:
    answers = iter([NotReached("throttled", retry_after_s=20.0), Delivered()])
    world = World(settings(), {"s": [record(1)]}, lambda batch: next(answers)).start()
    world.run(19)
    assert len(world.delivered) == 1
    world.run(2)
    assert len(world.delivered) == 2


def test_a_payload_that_is_too_large_uses_the_budget_and_its_letter_tells_no_answer() -> None:
    too_large = Failed(Cause.TOO_LARGE, splittable=False)
    world = World(settings(retry_attempts_max=2, on_failure=QUEUE), {"s": [record(1)]}, lambda batch: too_large)
    world.start().run(60)
    assert len(world.delivered) == 3
    assert world.letters[0].response is None


def test_only_the_expired_prefix_goes_and_it_was_never_invoked() -> None:
    stream = {"s": [record(1, age_s=80), record(2), record(3, age_s=80)]}
    world = World(settings(record_age_max_s=60, on_failure=QUEUE), stream).start().run(1)
    assert world.delivered == [[2, 3]]
    (letter,) = world.letters
    assert (letter.first, letter.count, letter.invoke_count, letter.response) == (1, 1, 1, None)
    assert letter.condition is Condition.RECORD_AGE_EXCEEDED


def test_an_age_that_equals_the_limit_is_expired() -> None:
    stream = {"s": [record(1, age_s=60), record(2, age_s=59.5)]}
    world = World(settings(record_age_max_s=60), stream).start().run(0)
    assert world.delivered == [[2]]


def test_records_that_expire_while_retrying_count_the_attempts_made() -> None:
    world = World(settings(record_age_max_s=60, on_failure=QUEUE), {"s": [record(1)]}, failing(1)).start().run(120)
    (letter,) = world.letters
    assert letter.invoke_count == len(world.delivered) > 3
    assert letter.condition is Condition.RECORD_AGE_EXCEEDED
    assert letter.response is None


def test_the_rest_of_a_batch_with_an_expired_prefix_keeps_its_attempts_and_gets_its_own_letter() -> None:
    stream = {"s": [record(1, age_s=55), record(2)]}
    chosen = settings(record_age_max_s=60, retry_attempts_max=6, on_failure=QUEUE)
    world = World(chosen, stream, failing(1, 2)).start().run(120)
    first, second = world.letters
    assert (first.first, first.last) == (1, 1)
    assert (second.first, second.last, second.invoke_count) == (2, 2, 7)
    assert len(world.delivered) == 7
    assert first.request_id != second.request_id


def test_without_a_destination_records_are_dropped_counted_and_told() -> None:
    world = World(settings(retry_attempts_max=0), {"s": [record(1), record(2)]}, failing(1)).start().run(5)
    assert world.mapping.counters.dropped == 2
    assert [told.notice for told in world.told] == [Notice.DROPPED]
    assert world.saved() == after(2)


def test_records_dropped_for_their_age_are_told_though_more_is_delivered_in_the_same_step() -> None:
    stream = {"s": [record(1, age_s=100), record(2)]}
    world = World(settings(record_age_max_s=60, batch_size=1), stream).start().run(1)
    assert [told.notice for told in world.told] == [Notice.DROPPED]
    assert world.delivered == [[2]]


def test_the_position_waits_for_the_letter() -> None:
    world = World(settings(retry_attempts_max=0, on_failure=QUEUE), {"s": [record(1)]}, failing(1)).start()
    seen: list[object] = []
    store = world.perform

    def perform(command):
        if type(command).__name__ == "StoreLetter":
            seen.append(world.stored.rows.get(ShardId("s")))
        return store(command)

    world.perform = perform
    world.run(5)
    assert seen == [None], "nothing was saved of the shard before the letter was durable"
    assert world.saved() == after(1)


def test_lanes_keep_each_items_order_and_block_only_their_own() -> None:
    stream = {"s": [record(n, f"k{n % 7}") for n in range(1, 200)]}
    stuck = {r.position for r in stream["s"] if r.key == b"k3"}
    chosen = settings(batch_size=5, parallelization_factor=4)
    world = World(chosen, stream, partial(*stuck)).start().run(5)
    lanes: dict[bytes, list[int]] = {}
    for batch in world.batches:
        for one in batch.records:
            lanes.setdefault(one.key, []).append(one.position)
    delivered = {key for key, positions in lanes.items() if len(positions) == sum(r.key == key for r in stream["s"])}
    assert len(delivered) >= 3, "other lanes went on"
    assert all(lanes[key] == sorted(lanes[key]) for key in delivered)
    assert b"k3" not in delivered
    assert world.saved() == after(min(stuck) - 1), "the position never passes an unfinished record (R65)"


def test_at_most_the_factor_is_in_flight() -> None:
    world = World(settings(batch_size=1, parallelization_factor=3), {"s": [record(n, f"k{n}") for n in range(1, 50)]})
    world.hold = True
    world.start().run(1)
    assert len(world.in_hand) == 3
    assert len({command.lane for command in world.in_hand}) == 3
    world.answer()
    world.run(0)
    assert len(world.in_hand) == 3


def test_a_window_gathers_until_it_is_over_and_a_full_batch_does_not_wait() -> None:
    stream = {"s": [record(n) for n in range(1, 4)]}
    world = World(settings(batch_size=10, batching_window_s=5), stream).start().run(4)
    assert world.delivered == []
    world.run(2)
    assert world.delivered == [[1, 2, 3]]
    stream["s"] += [record(n) for n in range(4, 14)]
    world.run(1)
    assert world.delivered[1:] == [[4, 5, 6, 7, 8, 9, 10, 11, 12, 13]]


def test_windows_follow_each_other_so_a_record_waits_at_most_one() -> None:
    stream: dict[str, list] = {"s": []}
    world = World(settings(batching_window_s=10), stream).start().run(27)
    stream["s"].append(record(1))
    world.run(2)
    assert world.delivered == []
    world.run(1.3)
    assert world.delivered == [[1]]


def test_the_next_window_is_counted_on_from_the_last_one() -> None:
    """However many have passed in which nobody looked."""
    lane = Lane(T0 + timedelta(seconds=10), Position(0))
    for now_s, ends_s in ((9.9, 10), (10, 20), (19.9, 20), (55, 60), (60, 70)):
        lane.next_window(T0 + timedelta(seconds=now_s), 10)
        assert lane.window_ends == T0 + timedelta(seconds=ends_s)
    lane.next_window(T0 + timedelta(days=1), 0)
    assert lane.window_ends == T0 + timedelta(seconds=70), "without a window there is none to start"


def test_a_batch_stays_below_the_payload_limit() -> None:
    stream = {"s": [record(n, body=b"x" * 1_000_000) for n in range(1, 15)]}
    world = World(settings(batch_size=100), stream).start().run(1)
    assert [len(b) for b in world.delivered] == [6, 6, 2]


def test_a_record_that_alone_exceeds_the_limit_is_delivered_alone() -> None:
    stream = {"s": [record(1), record(2, body=b"x" * 7_000_000), record(3)]}
    world = World(settings(), stream).start().run(1)
    assert world.delivered == [[1], [2], [3]]


def test_a_child_waits_for_all_of_its_parent() -> None:
    stream = {"p": [record(1), record(2)], "c": [record(3)], "g": [record(4)]}
    parents = {"c": ("p",), "g": ("c",)}
    world = World(settings(batch_size=1), stream, parents=parents, closed={"p", "c"})
    world.hold = True
    world.start().run(1)
    assert [c.shard for c in world.in_hand] == ["p"]
    order: list[str] = []
    while world.in_hand:
        order.append(world.in_hand[0].shard)
        world.answer()
        world.run(0)
    assert order == ["p", "p", "c", "g"]
    assert world.saved("p") == ShardEnd()


def test_a_merged_child_waits_for_both_its_parents() -> None:
    stream = {"a": [record(1)], "b": [record(2)], "m": [record(3)]}
    world = World(settings(), stream, parents={"m": ("a", "b")}, closed={"a", "b"})
    world.hold = True
    world.start().run(1)
    assert sorted(c.shard for c in world.in_hand) == ["a", "b"]
    world.answer()
    world.run(1)
    assert len(world.in_hand) == 1 and world.in_hand[0].shard in ("a", "b"), "one parent is not enough"
    world.answer()
    world.run(1)
    assert [c.shard for c in world.in_hand] == ["m"]


def test_a_child_does_not_start_before_its_parents_end_is_saved() -> None:
    world = World(settings(), {"p": [record(1)], "c": [record(2)]}, parents={"c": ("p",)}, closed={"p"})
    world.hold = True
    world.start().run(0)
    world.hold, world.hold_saves = False, True
    world.answer()
    world.run(5)
    (save,) = world.saves_in_hand
    assert save.shards[0].at == ShardEnd()
    assert world.delivered == [[1]], "the parent is done, but a crash now would read it again"
    world.hold_saves = False
    world.tell(world.perform(save))
    world.run(1)
    assert world.delivered == [[1], [2]]


def test_latest_begins_at_the_tips_skips_what_is_closed_and_reads_later_children_from_their_start() -> None:
    stream = {"old": [record(1)], "open": [record(2, age_s=10)]}
    world = World(
        settings(starting_position=StartingPosition.LATEST), stream, parents={"open": ("old",)}, closed={"old"}
    )
    world.start().run(1)
    assert world.delivered == []
    assert world.saved("old") == ShardEnd()
    assert world.saved("open") == AtTime(T0)
    world.closed.add("open")
    stream["child"] = [record(3)]
    world.parents["child"] = ("open",)
    world.run(5)
    assert world.delivered == [[3]]


def test_latest_is_asked_for_once_and_becomes_its_moment_after_an_expiry() -> None:
    world = World(settings(starting_position=StartingPosition.LATEST), {"s": []}).start()
    world.run(0)
    (first,) = [c for _, c in world.pending if isinstance(c, ReadShard)]
    assert first.start == Latest(T0)
    world.pending.clear()
    commands = world.tell(ReadFailed(ShardId("s"), first.run, ReadFailure.ITERATOR_EXPIRED, "expired"))
    (again,) = [c for c in commands if isinstance(c, ReadShard)]
    assert again.start == AtTime(T0)


def test_a_restart_goes_on_behind_the_saved_position() -> None:
    stored = Stored()
    World(settings(batch_size=4), ten(), failing(6), stored=stored).start().run(5)
    again = World(settings(batch_size=4), ten(), stored=stored).start().run(5)
    assert again.delivered == [[5, 6, 7, 8], [9, 10]]


def test_the_same_batch_has_the_same_request_id_after_a_restart() -> None:
    one = World(settings(batch_size=4), ten(), failing(1)).start().run(5)
    two = World(settings(batch_size=4), ten(), failing(1)).start().run(5)
    assert one.batches[0].request_id == two.batches[0].request_id


def test_a_page_that_comes_while_disabling_is_left_for_the_next_start() -> None:
    world = World(settings(batch_size=2), ten(), page=2)
    world.hold = True
    world.start().run(0)
    world.tell(DisableRequested())
    (read,) = [command for _, command in world.pending if isinstance(command, ReadShard)]
    polled = world.mapping.counters.polled
    world.stream["s"].append(record(11))
    world.tell(world.perform(read))
    assert world.mapping.counters.polled == polled and world.mapping.shards[ShardId("s")].buffered == polled


def test_disabling_lets_what_is_in_flight_finish_and_count() -> None:
    world = World(settings(batch_size=2), ten())
    world.hold = True
    world.start().run(1)
    world.tell(DisableRequested())
    assert world.mapping.state is State.DISABLING
    world.answer()
    assert world.in_hand == [], "nothing new was started"
    world.run(1)
    assert world.mapping.state is State.DISABLED
    assert world.saved() == after(2)
    world.hold = False
    world.tell(EnableRequested())
    world.run(1)
    assert world.delivered[1] == [3, 4]


def test_an_update_keeps_the_position_and_takes_the_new_settings() -> None:
    world = World(settings(batch_size=2), ten())
    world.hold = True
    world.start().run(1)
    world.tell(UpdateRequested(settings(batch_size=5, parallelization_factor=2)))
    assert world.mapping.state is State.UPDATING
    world.hold = False
    world.answer()
    world.run(5)
    assert world.mapping.state is State.ENABLED
    assert world.delivered == [[1, 2], [3, 4, 5, 6, 7], [8, 9, 10]]


def test_a_deleted_mapping_forgets_its_positions() -> None:
    world = World(settings(), ten()).start().run(1)
    world.tell(DeletionRequested())
    assert world.mapping.state is State.DELETING and not world.mapping.gone
    world.run(1)
    assert world.mapping.gone
    assert world.stored.rows == {}


def test_a_stop_saves_and_keeps_everything_as_it_is() -> None:
    world = World(settings(batch_size=2), ten())
    world.hold = True
    world.start().run(1)
    world.tell(StopRequested())
    assert not world.mapping.stopped
    world.answer()
    world.run(0)
    assert world.mapping.stopped
    assert not world.mapping.gone
    assert world.mapping.state is State.ENABLED
    assert world.saved() == after(2)


def test_a_moment_to_wake_is_asked_for_once() -> None:
    world = World(settings(batching_window_s=60), {"s": [record(1)]}).start().run(1)
    read = next(command for _, command in world.pending if isinstance(command, ReadShard))
    commands = world.tell(RecordsRead(ShardId("s"), read.run, ()))
    assert world.wake is not None and not any(isinstance(one, WakeAt) for one in commands)


def test_positions_that_come_after_a_stop_start_nothing() -> None:
    world = World(settings(), ten()).start()
    world.tell(StopRequested())
    assert world.mapping.stopped
    assert world.tell(PositionsLoaded(())) == ()


@pytest.mark.parametrize("failure", [ReadFailure.THROTTLED, ReadFailure.UNAVAILABLE, ReadFailure.DENIED])
def test_a_source_that_fails_is_read_again_from_the_same_place_later_each_time(failure: ReadFailure) -> None:
    world = World(settings(), ten()).start()
    world.run(1)
    read = next(c for _, c in world.pending if isinstance(c, ReadShard))
    delays = []
    for _ in range(4):
        world.pending.clear()
        (read,) = [
            c
            for c in world.tell(ReadFailed(ShardId("s"), read.run, failure, "no", retry_after_s=None))
            if isinstance(c, ReadShard)
        ]
        delays.append(read.delay_s)
        assert read.start == after(10)
    assert delays == [0.25, 0.5, 1.0, 2.0]
    assert [told.notice for told in world.told] == [Notice.SOURCE_FAILED]
    world.run(5)
    assert world.told[-1].notice is Notice.SOURCE_RECOVERED


def test_trimmed_data_is_told_and_reading_goes_on_with_the_oldest() -> None:
    world = World(settings(), ten()).start().run(1)
    read = next(c for _, c in world.pending if isinstance(c, ReadShard))
    world.pending.clear()
    commands = world.tell(ReadFailed(ShardId("s"), read.run, ReadFailure.TRIMMED, "trimmed"))
    assert any(isinstance(c, ReadShard) and c.start == TrimHorizon() for c in commands)
    assert world.told[-1].notice is Notice.TRIMMED
    world.stream["s"] = [record(20)]
    world.run(1)
    assert world.delivered[-1] == [20]


def test_a_shard_that_vanishes_is_no_silent_end() -> None:
    world = World(settings(), {"p": [record(1)], "c": [record(2)]}, parents={"c": ("p",)}, closed={"p"})
    world.hold = True
    world.start().run(0)
    world.hold = False
    world.stream["p"] = []
    read_run = world.mapping._run
    world.tell(ReadFailed(ShardId("p"), read_run, ReadFailure.GONE, "no such shard"))
    assert world.told[-1].notice is Notice.SHARD_GONE
    world.answer()
    world.run(5)
    assert world.delivered == [[1], [2]], "the children need not wait for ever"


def test_an_orphan_is_read_and_its_lost_parent_told() -> None:
    stored = Stored()
    World(settings(batch_size=1), {"p": [record(1), record(2)]}, failing(2), stored=stored, closed={"p"}).start().run(5)
    world = World(settings(), {"c": [record(3)]}, parents={"c": ("p",)}, stored=stored).start().run(5)
    assert world.delivered == [[3]]
    assert [told.notice for told in world.told] == [Notice.PARENT_MISSING]


def test_a_parent_that_was_never_known_or_was_finished_is_not_missed() -> None:
    world = World(settings(), {"c": [record(3)]}, parents={"c": ("p",)}).start().run(5)
    assert world.delivered == [[3]] and world.told == []
    stored = Stored()
    World(settings(), {"p": [record(1)]}, stored=stored, closed={"p"}).start().run(5)
    world = World(settings(), {"c": [record(3)]}, parents={"c": ("p",)}, stored=stored).start()
    world.tell(world.perform(world.pending.pop(0)[1]))
    world.pending.clear()
    world.tell(ShardsListed((ShardDescription(ShardId("c"), (ShardId("p"),)),), complete=False))
    assert world.run(5).delivered == [[3]] and world.told == []


def test_shards_that_are_offered_one_by_one_do_not_replace_each_other() -> None:
    stored = Stored()
    World(settings(), {"a": [record(1)], "b": [record(1)]}, stored=stored).start().run(1)
    world = World(settings(), {"a": [record(1)], "b": [record(1)]}, stored=stored).start()
    world.tell(world.perform(world.pending.pop(0)[1]))
    world.pending.clear()
    for name in ("a", "b"):
        world.tell(ShardsListed((ShardDescription(ShardId(name)),), complete=False))
    world.run(1)
    assert set(world.mapping.shards) == {"a", "b"} and world.delivered == [] and world.told == []
    assert world.saved("a") == world.saved("b") == after(1)


def test_rows_of_finished_shards_go_when_the_stream_no_longer_lists_them() -> None:
    world = World(settings(), {"p": [record(1)], "c": [record(2)]}, parents={"c": ("p",)}, closed={"p"}).start().run(5)
    assert ShardId("p") in world.stored.rows
    del world.stream["p"]
    world.parents.clear()
    world.run(120)
    assert ShardId("p") not in world.stored.rows
    assert [told.notice for told in world.told] == []
    saves = len(world.saves)
    world.run(300)
    assert len(world.saves) == saves, "they go once"


def test_the_end_of_a_tables_shard_is_remembered_for_two_days() -> None:
    """L37: a listing that leaves an old shard out may show it again; it must not be read again."""
    name = f"shardId-{int(T0.timestamp() * 1000):020d}-0a1b2c3d"
    world = World(settings(), {name: [record(1)], "c": [record(2)]}, parents={"c": (name,)}, closed={name})
    world.start().run(5)
    del world.stream[name]
    world.parents.clear()
    world.run(120)
    world.stream[name] = [record(1)]
    assert world.run(120).delivered == [[1], [2]] and world.told == []
    del world.stream[name]
    world.now = T0 + timedelta(hours=48)
    assert ShardId(name) not in world.run(120).stored.rows


def test_a_listing_that_lags_behind_loses_no_rows() -> None:
    """L36, L40: a shard whose ancestor is listed has not expired; were its row gone, it would be read again."""
    stored = Stored()
    stream = {"p": [record(1)], "c": [record(2)], "d": [record(3), record(4)]}
    parents: dict[str, tuple[str, ...]] = {"c": ("p",), "d": ("c",)}
    World(settings(), stream, parents=parents, closed={"p", "c"}, stored=stored).start().run(5)
    world = World(settings(), {"p": [record(1)]}, stored=stored, closed={"p"}).start().run(5)
    assert {"p", "c", "d"} <= stored.rows.keys() and world.told == []
    world.stream |= {"c": [record(2)], "d": [record(3), record(4), record(5)]}
    world.parents, world.closed = parents, {"p", "c"}
    assert world.run(120).delivered == [[5]]


def test_a_listing_that_fails_does_not_hold_up_the_state_and_is_repeated() -> None:
    world = World(settings(), ten()).start()
    world.tell(world.perform(world.pending.pop(0)[1]))
    world.pending.clear()
    world.tell(ListingFailed("throttled"))
    assert world.mapping.state is State.ENABLED
    world.run(5)
    assert world.delivered == [list(range(1, 11))]


def test_answers_of_an_earlier_run_do_not_count() -> None:
    world = World(settings(), {"s": []}).start().run(1)
    run = world.mapping._run
    world.pending.clear()
    world.tell(DisableRequested())
    assert world.mapping.state is State.DISABLED
    world.tell(EnableRequested())
    world.run(1)
    world.tell(RecordsRead(ShardId("s"), run, (record(1),)))
    assert world.delivered == []


def test_a_withdrawn_shard_is_let_go_and_may_be_offered_again() -> None:
    world = World(settings(batch_size=5), ten())
    world.hold = True
    world.start().run(1)
    late = world.in_hand[0]
    world.tell(ShardWithdrawn(ShardId("s")))
    assert world.mapping.shards == {}
    world.answer()
    assert ShardId("s") not in world.stored.rows, "a late answer moves nothing here"
    world.hold = False
    world.pending.clear()
    world.tell(ShardsListed((ShardDescription(ShardId("s")),), complete=False))
    world.run(1)
    assert late.batch.records[0].position == 1
    assert world.delivered[1:] == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]


def test_a_withdrawn_shard_is_not_read_until_it_is_offered_again() -> None:
    world = World(settings(), {"s": [], "t": []}).start().run(1)
    world.tell(ShardWithdrawn(ShardId("s")))
    world.stream["s"].append(record(1))
    world.stream["t"].append(record(1))
    world.run(2)
    assert set(world.mapping.shards) == {"t"} and world.saved("t") == after(1), "a save came and went"
    world.tell(ShardsListed((ShardDescription(ShardId("s")),), complete=False))
    assert world.run(1).saved() == after(1)


def test_a_crash_behind_a_letter_of_some_loses_none_of_those_that_are_too_old_later() -> None:
    """Found by the simulator: the batch is cut again with its id, and more of it is too old by then."""
    stream = {"s": [record(1, age_s=70), record(2, age_s=59), record(3, age_s=58)]}
    limits = settings(record_age_max_s=60, on_failure=QUEUE)
    world = World(limits, stream)
    world.hold_saves = True
    world.start()
    for saves in (True, False):  # the position is fixed first; what follows is never saved
        world.run(0)
        if saves and world.saves_in_hand:
            world.tell(world.perform(world.saves_in_hand.pop()))
            world.run(0)
    rows = dict(world.stored.rows)
    again = World(limits, stream, stored=Stored(rows, dict(world.stored.letters)))
    again.now += timedelta(seconds=5)
    again.start().run(1)
    lettered = {n for one in again.letters for n in range(one.first, one.last + 1)}
    delivered = {n for batch in again.delivered for n in batch}
    assert lettered | delivered == {1, 2, 3}
    assert {(one.first, one.last) for one in again.letters} == {(1, 1), (1, 3)}
    store = MemoryStore(b"seed")
    assert all(store.store_letter(one, outbox_max=10) for one in again.letters) and store.outbox_size() == 2


def test_a_drain_lets_go_of_shards_that_only_wait_too() -> None:
    """LATEST may have been fixed in them; the next start fixes it anew."""
    world = World(settings(), {"s": [record(1)], "child": []}, parents={"child": ("s",)}).start().run(1)
    commands = world.tell(UpdateRequested(settings(batch_size=7)))
    assert {one.shard for one in commands if isinstance(one, ReleaseShard)} == {"s", "child"}


def test_some_failed_records_hold_back_only_later_records_of_their_items() -> None:
    stream = {"s": [record(1, "a"), record(2, "b"), record(3, "a"), record(4, "c")]}
    answers = iter([FailedSome(frozenset({Position(1)})), Delivered()])
    world = World(settings(), stream, lambda batch: next(answers)).start().run(5)
    assert world.delivered == [[1, 2, 3, 4], [1, 3]]


def test_reading_ahead_is_bounded_while_a_lane_is_blocked() -> None:
    stream = {"s": [record(n) for n in range(1, 40_000)]}
    world = World(settings(batch_size=10), stream, failing(1)).start().run(5)
    assert world.mapping.shards[ShardId("s")].buffered <= 11_000


def test_reading_ahead_is_bounded_in_bytes_too() -> None:
    """32 MiB, passed by one page at most; what is done makes room."""
    stream = {"s": [record(n, body=b"x" * 2**20) for n in range(1, 61)]}
    world = World(settings(), stream, failing(9), page=1).start().run(5)
    shard = world.mapping.shards[ShardId("s")]
    assert (shard.buffered, shard.buffered_bytes) == (32, 32 * 2**20)
    assert world.delivered[-1] == [9] and world.mapping.counters.polled == 8 + 32


def test_what_was_delivered_or_discarded_is_not_buffered_any_more() -> None:
    chosen = settings(batch_size=3, bisect=True, retry_attempts_max=0)
    world = World(chosen, ten(), failing(2, 3, 7)).start().run(5)
    shard = world.mapping.shards[ShardId("s")]
    assert (shard.buffered, shard.buffered_bytes) == (0, 0)


def test_the_mark_of_a_lane_follows_what_it_finished_while_more_is_waiting() -> None:
    """So that a restart repeats no more than the batch under way."""
    stream = {"s": [record(n, "a") for n in range(1, 7)]}
    world = World(settings(batch_size=2, parallelization_factor=2), stream)
    world.hold = True
    world.start().run(0.1)
    for done in (2, 4):
        world.answer()
        world.run(0.1)
        assert max(world.stored.rows[ShardId("s")].lanes) == done


def test_an_endless_retry_without_limits_is_told_once() -> None:
    world = World(settings(), {"s": [record(1)]}, failing(1)).start().run(60)
    assert [told.notice for told in world.told] == [Notice.BLOCKED]
    seen = snapshot(world.mapping, world.now)
    assert seen.last_processing_result == "PROBLEM: Function call failed"
    (shard,) = seen.shards
    assert shard.age_s == pytest.approx((world.now - T0) / timedelta(seconds=1))
    assert "failed attempt" in (shard.blocked_by or "")


def test_a_repeated_record_of_the_source_is_delivered_once() -> None:
    world = World(settings(), {"s": [record(1), record(2)]}).start().run(1)
    world.pending.clear()
    world.tell(RecordsRead(ShardId("s"), world.mapping._run, (record(2), record(3))))
    world.run(0)
    assert world.delivered == [[1, 2], [3]]


def test_deliveries_carry_the_lane_and_shard_that_answers_are_addressed_to() -> None:
    world = World(settings(parallelization_factor=10), {"a": [record(1, "x")], "b": [record(1, "x")]})
    world.hold = True
    world.start().run(1)
    addressed = {(c.shard, c.lane) for c in world.in_hand if isinstance(c, Deliver)}
    assert len(addressed) == 2
    assert len({c.batch.request_id for c in world.in_hand}) == 2


def test_a_restart_repeats_no_more_than_the_batch_that_each_lane_had() -> None:
    stream = {"s": [record(n, f"k{n}") for n in range(1, 400)]}
    chosen = settings(batch_size=5, parallelization_factor=4)
    stored = Stored()
    world = World(chosen, stream, stored=stored)
    world.hold = True
    world.start().run(0)
    stuck = world.in_hand[0].lane
    while any(command.lane != stuck for command in world.in_hand):  # one lane is slow, the others go on
        world.answer(next(i for i, command in enumerate(world.in_hand) if command.lane != stuck))
        world.run(0)
    again = World(chosen, stream, stored=stored).start().run(1)
    repeated = {p for batch in world.delivered for p in batch} & {p for batch in again.delivered for p in batch}
    assert repeated == set()
    assert {p for batch in (*world.delivered, *again.delivered) for p in batch} == set(range(1, 400))


def test_marks_of_another_factor_do_not_count() -> None:
    stream = {"s": [record(n, f"k{n}") for n in range(1, 100)]}
    stored = Stored()
    world = World(settings(batch_size=5, parallelization_factor=4), stream, stored=stored)
    world.hold = True
    world.start().run(0)
    stuck = world.in_hand[0].lane
    while any(command.lane != stuck for command in world.in_hand):
        world.answer(next(i for i, command in enumerate(world.in_hand) if command.lane != stuck))
        world.run(0)
    again = World(settings(parallelization_factor=3), stream, stored=stored).start().run(1)
    assert {p for batch in (*world.delivered, *again.delivered) for p in batch} == set(range(1, 100))


def test_answers_to_a_withdrawn_shard_are_not_taken_for_those_of_its_new_offer() -> None:
    """Found by the simulator."""
    world = World(settings(batch_size=5), ten(), page=5)
    world.hold = True
    world.start().run(1)
    old_delivery, old_read = world.in_hand.pop(), world.pending.pop()[1]
    assert isinstance(old_read, ReadShard)
    world.tell(ShardWithdrawn(ShardId("s")))
    world.pending.clear()
    world.tell(ShardsListed((ShardDescription(ShardId("s")),), complete=False))
    world.tell(world.perform(old_read))
    world.tell(Invoked(old_delivery.shard, old_delivery.lane, old_delivery.batch.request_id, Delivered()))
    world.tell(LetterStored(old_delivery.shard, old_delivery.lane, old_delivery.batch.request_id))
    world.hold = False
    world.run(2)
    assert world.delivered == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]
    assert world.saved() == after(10)


@pytest.mark.parametrize("page", [1, 1000])
@pytest.mark.parametrize("factor", [1, 2, 7])
def test_what_a_lane_finished_ahead_of_the_others_is_not_repeated_by_another_factor(factor: int, page: int) -> None:
    """R66, and ours: nobody asked for the repeats."""
    stream = {"s": [record(n, f"k{n % 5}") for n in range(1, 21)]}
    failures = [None] * 8
    done: list[int] = []

    def fails_for_a_while(batch: Batch) -> Outcome:
        if any(one.key == b"k1" for one in batch.records) and failures:
            failures.pop()
            return Failed(Cause.FUNCTION_ERROR)
        done.extend(one.position for one in batch.records)
        return Delivered()

    chosen = settings(batch_size=2, parallelization_factor=4)
    world = World(chosen, stream, fails_for_a_while, page=page).start().run(1)
    assert done and world.saved() != after(20)
    ahead = set(done)
    world.tell(UpdateRequested(settings(batch_size=2, parallelization_factor=factor)))
    world.run(0)
    killed = Stored(dict(world.stored.rows))
    world.run(120)
    assert world.saved() == after(20)
    assert sorted(done) == list(range(1, 21)), "nothing twice by the update"
    done.clear()
    restarted = settings(batch_size=2, parallelization_factor=factor)
    World(restarted, stream, fails_for_a_while, stored=killed, page=page).start().run(60)
    assert not ahead & set(done), "nor by a restart right after it"
    assert ahead | set(done) == set(range(1, 21))


def why(world: World) -> list[str]:
    return [batch.why.value for batch in world.batches]


def test_a_batch_says_why_it_was_sent_when_it_was() -> None:
    """R54, R55: what `afterbay dev` shows of each invocation."""
    large = [record(n, body=b"x" * 4_000_000) for n in range(1, 4)]
    assert why(World(settings(), {"s": large}).start().run(1)) == ["6 MB reached", "6 MB reached", "no batching window"]
    assert why(World(settings(batch_size=4), ten()).start().run(1)) == [
        "BatchSize reached",
        "BatchSize reached",
        "no batching window",
    ]
    windowed = settings(batching_window_s=5, batch_size=6)
    assert why(World(windowed, ten()).start().run(6)) == ["BatchSize reached", "batching window over"]
    assert why(World(windowed, ten(), closed={"s"}).start().run(1)) == ["BatchSize reached", "the shard ended"]


def test_what_is_cut_out_of_a_batch_says_so() -> None:
    world = World(settings(bisect=True, retry_attempts_max=0), {"s": [record(1), record(2)]}, failing(2)).start().run(5)
    assert why(world) == ["no batching window", "left of an earlier batch", "left of an earlier batch"]


# The end of a source (S23, X12)


def over(world: World) -> bool:
    return world.mapping.source_over


class Disabled(World):
    """A stream that takes no more records."""

    def listing(self, parent: ShardId | None) -> ShardsListed:
        return replace(super().listing(parent), stream_disabled=True)


def test_a_disabled_stream_is_over_once_all_of_it_is_delivered_and_saved() -> None:
    parents = {"child": ("s",)}
    stream = {"s": [record(1)], "child": [record(2)]}
    world = Disabled(settings(batch_size=1), stream, parents=parents, closed={"s", "child"})
    world.hold = True
    world.start().run(1)
    assert len(world.in_hand) == 1 and not over(world)
    world.answer()
    world.run(1)
    assert [one.shard for one in world.in_hand] == ["child"] and not over(world)
    world.hold_saves = True
    world.answer()
    world.run(1)
    assert not over(world), "its end is not saved"
    world.hold_saves = False
    for command in world.saves_in_hand:
        world.tell(world.perform(command))
    world.run(1)
    assert over(world) and world.delivered == [[1], [2]]


def test_a_stream_that_is_not_disabled_is_not_over_however_quiet_it_is() -> None:
    world = World(settings(), {"s": []}).start().run(120)
    assert not over(world)
    finished = World(settings(), {"s": [record(1)]}, closed={"s"}).start().run(120)
    assert finished.delivered == [[1]] and not over(finished), "children may appear late (S28)"


def test_a_stream_that_is_gone_is_over_and_one_that_cannot_be_listed_is_not() -> None:
    world = World(settings(), {})
    world.start()
    world.pending.clear()
    world.tell(PositionsLoaded(()))
    world.tell(ListingFailed("ThrottlingException: slow down"))
    assert not over(world)
    world.tell(ListingFailed("ResourceNotFoundException: no such stream", gone=True))
    assert over(world)
    world.tell(ShardsListed((), complete=True))
    assert not over(world)


def test_a_mapping_that_rests_knows_nothing_of_its_source() -> None:
    world = Disabled(settings(), {"s": []}, closed={"s"}).start().run(5)
    assert over(world)
    world.tell(DisableRequested(None))
    world.run(1)
    assert not over(world)
