"""Positions, shards and the source, rule by rule where other tests look at something else (R40 to R53)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import ListShards, ReadShard
from afterbay.core.mapping.events import ReadFailed, ReadFailure, RecordsRead
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, NotReached, Outcome
from afterbay.core.mapping.result import LastResult
from afterbay.core.mapping.settings import StartingPosition
from afterbay.core.shard.lineage import ShardDescription, may_start
from afterbay.core.shard.position import AtTime, ShardEnd, ShardId, TrimHorizon

from .driving import T0, World, after, record, settings

UNHANDLED = Failed(Cause.FUNCTION_ERROR)
KINESIS = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"


def fails(batch: Batch) -> Outcome:
    return UNHANDLED


# ---- LastProcessingResult


def test_nothing_was_processed_until_something_was_invoked() -> None:
    """R40: kept when records are discarded by age before any invocation."""
    world = World(settings(record_age_max_s=60), {"s": [record(1, age_s=100)]}).start().run(1)
    assert world.delivered == [] and world.mapping.counters.dropped == 1
    assert world.mapping.last_result is LastResult.NONE


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (UNHANDLED, "PROBLEM: Function call failed"),
        (Failed(Cause.TOO_LARGE, splittable=False), "PROBLEM: Function call failed"),
        (
            Failed(Cause.INVALID_RESPONSE),
            "PROBLEM: Sequence number in function response is invalid. Please check function implementation.",
        ),
        (NotReached("throttled"), "No records processed"),
    ],
)
def test_the_result_is_of_the_last_batch_that_was_processed(outcome: Outcome, shown: str) -> None:
    """R42, R43; what did not reach the function (R85) was not processed."""
    world = World(settings(), {"s": [record(1)]}, lambda batch: outcome).start().run(1)
    assert world.mapping.last_result.value == shown
    world.function = lambda batch: Delivered()
    assert world.run(60).mapping.last_result.value == "OK"


def test_a_discard_changes_no_result() -> None:
    """R44: neither by retries nor by age is there a value of its own."""
    stream = {"s": [record(1), record(2, age_s=100)]}
    world = World(settings(retry_attempts_max=0, record_age_max_s=60, batch_size=1), stream).start().run(1)
    assert world.mapping.counters.dropped == 1 and world.mapping.last_result is LastResult.OK
    world = World(settings(retry_attempts_max=0), {"s": [record(1)]}, fails).start().run(1)
    assert world.mapping.counters.dropped == 1 and world.mapping.last_result is LastResult.FUNCTION_FAILED


# ---- where reading starts


def test_trim_horizon_reads_closed_shards_too_from_their_oldest_record() -> None:
    """R46."""
    stream = {"old": [record(1, age_s=80_000)], "open": [record(2)]}
    world = World(settings(), stream, parents={"open": ("old",)}, closed={"old"}).start().run(5)
    assert world.delivered == [[1], [2]]


def test_latest_is_pinned_with_the_listing_and_never_again() -> None:
    """R46: what is written after the position is fixed is not missed; R47: it is fixed once."""
    world = World(settings(starting_position=StartingPosition.LATEST), {"s": []}).start()
    world.tell(world.perform(world.pending.pop(0)[1]))
    (first,) = [one for _, one in world.pending if isinstance(one, ListShards)]
    assert first.pin_latest
    world.run(1)
    again = World(settings(starting_position=StartingPosition.LATEST), {"s": []}, stored=world.stored).start()
    again.tell(again.perform(again.pending.pop(0)[1]))
    (second,) = [one for _, one in again.pending if isinstance(one, ListShards)]
    assert not second.pin_latest


def test_trim_horizon_pins_nothing() -> None:
    world = World(settings(), {"s": []}).start()
    world.tell(world.perform(world.pending.pop(0)[1]))
    assert not any(one.pin_latest for _, one in world.pending if isinstance(one, ListShards))


def test_shards_found_later_are_read_from_their_start_whatever_the_clocks_say() -> None:
    """R47: under LATEST too, and even where a record is stamped before the moment that was fixed."""
    world = World(settings(starting_position=StartingPosition.LATEST), {"s": []}).start().run(1)
    world.closed.add("s")
    world.stream["child"] = [record(1, age_s=5)]
    world.parents["child"] = ("s",)
    assert world.run(5).delivered == [[1]]


def test_a_start_in_time_holds_for_the_shards_of_that_moment() -> None:
    """R8, R47: Kinesis alone; a restart before anything came keeps the moment, a child is read from its start."""
    moment = T0 - timedelta(seconds=10)
    chosen = settings(
        event_source_arn=KINESIS,
        starting_position=StartingPosition.AT_TIMESTAMP,
        starting_at=moment,
    )
    stream = {"s": [record(1, age_s=11)], "t": []}
    world = World(chosen, stream).start().run(2)
    assert world.delivered == [] and world.saved("s") == world.saved("t") == AtTime(moment)
    stream["s"].append(record(2, age_s=10))
    stream["child"] = [record(3, age_s=99)]
    again = World(chosen, stream, parents={"child": ("t",)}, closed={"t"}, stored=world.stored).start().run(5)
    assert again.delivered == [[2], [3]]


def test_a_source_that_orders_shards_itself_is_not_made_to_wait() -> None:
    world = World(settings(), {"p": [record(1)], "c": [record(2)]}, fails, parents={"c": ("p",)})
    world.mapping = Mapping("uuid-1", world.mapping.settings, b"seed", orders_parents=True)
    world.start().run(1)
    assert set(world.mapping.shards) == {"p", "c"}


@pytest.mark.parametrize(("changes", "limit"), [({}, 1_000), ({"event_source_arn": KINESIS}, 10_000)])
def test_a_read_asks_for_as_much_as_the_service_gives(changes: dict[str, str], limit: int) -> None:
    """S12."""
    world = World(settings(**changes), {"s": []}).start().run(0)
    assert {one.limit for _, one in world.pending if isinstance(one, ReadShard)} == {limit}


def test_a_child_of_a_merge_waits_for_both_parents() -> None:
    """R48."""
    child = ShardDescription(ShardId("c"), (ShardId("p"), ShardId("q")))
    assert not may_start(child, {ShardId("p")}) and not may_start(child, {ShardId("q")})
    assert may_start(child, set())
    stream = {"p": [record(1)], "q": [record(2)], "c": [record(3)]}
    world = World(settings(), stream, parents={"c": ("p", "q")}, closed={"p", "q"})
    world.hold = True
    world.start().run(1)
    assert {one.shard for one in world.in_hand} == {"p", "q"}
    world.answer()
    world.run(1)
    assert {one.shard for one in world.in_hand} == {"q"}
    world.answer()
    world.run(1)
    assert {one.shard for one in world.in_hand} == {"c"}


def test_siblings_run_side_by_side() -> None:
    """R48: what follows a split, both halves at once."""
    stream = {"p": [record(1)], "l": [record(2)], "r": [record(3)]}
    world = World(settings(), stream, parents={"l": ("p",), "r": ("p",)}, closed={"p"})
    world.hold = True
    world.start().run(1)
    world.answer()
    world.run(1)
    assert {one.shard for one in world.in_hand} == {"l", "r"}


def test_a_batch_holds_records_of_one_shard() -> None:
    """R45."""
    stream = {"a": [record(1), record(3)], "b": [record(2), record(4)]}
    world = World(settings(), stream).start().run(1)
    assert sorted(world.delivered) == [[1, 3], [2, 4]]


# ---- the source


def reading(world: World) -> ReadShard:
    (read,) = [one for _, one in world.pending if isinstance(one, ReadShard)]
    world.pending = [(at, one) for at, one in world.pending if not isinstance(one, ReadShard)]
    return read


def test_what_the_stream_trimmed_is_no_drop_and_gets_no_letter() -> None:
    """R51: not in DroppedEventCount; no document (ours)."""
    chosen = settings(on_failure="arn:aws:sqs:eu-west-1:000000000000:dlq")
    world = World(chosen, {"s": [record(1)]}).start().run(1)
    read = reading(world)
    assert read.start == after(1)
    world.tell(ReadFailed(ShardId("s"), read.run, ReadFailure.TRIMMED, "trimmed"))
    world.run(1)
    assert world.mapping.counters.dropped == 0 and world.letters == []
    assert [told.notice for told in world.told] == [Notice.TRIMMED]


@pytest.mark.parametrize("outcome", [UNHANDLED, NotReached("throttled")], ids=["failed", "not reached"])
def test_what_fails_until_the_stream_drops_it_is_lost_and_its_shard_goes_on(outcome: Outcome) -> None:
    """R51, R85, R88, R96: without limits until the retention is over, then as what was trimmed: no letter, no drop."""
    chosen = settings(batch_size=2, on_failure="arn:aws:sqs:eu-west-1:000000000000:dlq")
    stream = {"s": [record(1, age_s=30), record(2), record(3)]}
    bad = {1, 2}

    def answer(batch: Batch) -> Outcome:
        return outcome if bad & {one.position for one in batch.records} else Delivered()

    world = World(chosen, stream, answer, retention_s=3600).start().run(3569)
    assert {tuple(batch) for batch in world.delivered} == {(1, 2)}
    assert [one.notice for one in world.told if one.notice is Notice.TRIMMED] == []
    world.run(100)
    assert world.delivered[-2:] == [[2], [3]], "only what is too old goes, and the next batch starts without a wait"
    assert (world.mapping.counters.dropped, world.letters, world.saved()) == (0, [], after(3))
    assert [one.notice for one in world.told].count(Notice.TRIMMED) == 2


def test_what_was_read_in_time_is_tried_once_however_long_it_waited() -> None:
    """R51: what the stream dropped while it waited behind another is no reason not to deliver it."""

    def first_fails(batch: Batch) -> Outcome:
        return UNHANDLED if batch.records[0].position == 1 else Delivered()

    world = World(settings(batch_size=1), {"s": [record(1), record(2)]}, first_fails, retention_s=60).start().run(120)
    assert world.delivered[-2:] == [[1], [2]] and world.saved() == after(2)


def test_an_expired_iterator_goes_on_behind_the_last_record_read() -> None:
    """R52: from the place, not from the starting position."""
    world = World(settings(batch_size=1), {"s": [record(1), record(2)]}, fails).start().run(0.1)
    read = reading(world)
    commands = world.tell(ReadFailed(ShardId("s"), read.run, ReadFailure.ITERATOR_EXPIRED, "expired"))
    (again,) = [one for one in commands if isinstance(one, ReadShard)]
    assert (read.start, again.start) == (after(2), after(2))


@pytest.mark.parametrize("failure", [ReadFailure.ITERATOR_EXPIRED, ReadFailure.TRIMMED])
def test_a_new_iterator_that_gives_no_page_either_is_asked_for_later_each_time(failure: ReadFailure) -> None:
    """S15: at once the first time, and after a page again; never in a loop without a delay."""
    world = World(settings(), {"s": [record(1)]}).start().run(0.1)
    read = reading(world)

    def delay_after_failing() -> float:
        (again,) = [
            one for one in world.tell(ReadFailed(ShardId("s"), read.run, failure, "old")) if isinstance(one, ReadShard)
        ]
        return again.delay_s

    assert [delay_after_failing() for _ in range(4)] == [0.0, 0.25, 0.5, 1.0]
    world.tell(RecordsRead(ShardId("s"), read.run, (), end=False))
    assert delay_after_failing() == 0.0


@pytest.mark.parametrize("failure", [ReadFailure.THROTTLED, ReadFailure.UNAVAILABLE, ReadFailure.DENIED])
def test_a_source_that_fails_disables_nothing_and_uses_no_retry(failure: ReadFailure) -> None:
    """R52; and the source's advice is heeded."""
    world = World(settings(retry_attempts_max=0), {"s": [record(1)]}).start()
    world.run(0.1)
    read = reading(world)
    (again,) = [
        one
        for one in world.tell(ReadFailed(ShardId("s"), read.run, failure, "no", retry_after_s=7.0))
        if isinstance(one, ReadShard)
    ]
    assert again.delay_s == 7.0
    world.stream["s"].append(record(2))
    world.run(10)
    assert world.delivered == [[1], [2]] and world.mapping.counters.dropped == 0
    assert world.mapping.state.value == "Enabled"


@pytest.mark.parametrize(("changes", "pause_s"), [({}, 0.25), ({"event_source_arn": KINESIS}, 1.0)])
def test_an_idle_shard_is_read_four_times_a_second_and_at_once_after_records(
    changes: dict[str, str], pause_s: float
) -> None:
    """R53; one of Kinesis once a second."""
    world = World(settings(**changes), {"s": []}).start().run(0)
    reads: list[ReadShard] = []
    perform = world.perform

    def watching(command):
        if isinstance(command, ReadShard):
            reads.append(command)
        return perform(command)

    world.perform = watching
    world.run(10)
    assert len(reads) in (10 / pause_s, 10 / pause_s + 1)
    world.stream["s"].append(record(1))
    reads.clear()
    world.run(pause_s + 0.01)
    assert [one.pause_s for one in reads] == [pause_s, 0.0], (
        "one that finds the record, and the next one without a pause"
    )


def test_a_shard_that_never_had_a_record_ends_and_lets_its_children_start() -> None:
    """R48, R49."""
    world = World(settings(), {"p": [], "c": [record(1)]}, parents={"c": ("p",)}, closed={"p"}).start().run(5)
    assert world.delivered == [[1]] and world.saved("p") == ShardEnd()


def test_nothing_read_leaves_the_saved_position_where_it_was() -> None:
    """R49: an idle mapping saves its first position, and then nothing."""
    world = World(settings(), {"s": []}).start().run(60)
    assert len(world.saves) == 1
    assert [row.at for row in world.saves[0].shards] == [TrimHorizon()]


def test_a_second_page_while_the_first_is_in_flight_is_not_delivered_twice() -> None:
    """R49, R50: the position that a crash goes back to is the first unfinished record's."""
    world = World(settings(batch_size=2), {"s": [record(n) for n in range(1, 7)]}, page=2)
    world.hold = True
    world.start().run(1)
    assert ShardId("s") not in world.stored.rows
    world.answer()
    world.run(1)
    assert world.saved() == after(2)
    assert world.now - T0 == timedelta(seconds=2)
