"""What is told of a mapping at a moment, in the states that an operator looks at it in."""

from __future__ import annotations

from datetime import timedelta

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Deliver, ReadShard
from afterbay.core.mapping.events import DisableRequested, ListingFailed, ReadFailed, ReadFailure
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, NotReached, Outcome
from afterbay.core.mapping.settings import StartingPosition
from afterbay.core.mapping.snapshot import LaneSnapshot, ShardSnapshot, snapshot
from afterbay.core.shard.position import ShardId

from .driving import T0, World, record, settings


def fails(batch: Batch) -> Outcome:
    return Failed(Cause.FUNCTION_ERROR)


def of(world: World, shard: str = "s") -> ShardSnapshot:
    (found,) = [one for one in snapshot(world.mapping, world.now).shards if one.shard == shard]
    return found


def test_a_mapping_that_has_nothing_to_do_is_told_with_its_names_and_counts() -> None:
    world = World(settings(), {"s": [record(1)]}).start().run(1)
    seen = snapshot(world.mapping, world.now)
    assert (seen.uuid, seen.state, seen.last_processing_result) == ("uuid-1", "Enabled", "OK")
    assert seen.event_source_arn == world.mapping.settings.event_source_arn
    assert seen.function_arn == world.mapping.settings.function_arn
    assert (seen.age_s, seen.source_failure, seen.queue) == (0.0, None, None)
    assert seen.counters is world.mapping.counters and seen.counters.delivered == 1
    assert seen.shards == (ShardSnapshot(ShardId("s"), "reading", (), "1", 0.0, 0, None, ()),)


def test_a_mapping_that_reads_nothing_is_told_without_shards() -> None:
    seen = snapshot(World(settings(), {"s": [record(1)]}).start(enabled=False).run(1).mapping, T0)
    assert (seen.state, seen.age_s, seen.shards) == ("Disabled", 0.0, ())


def test_a_shard_that_was_never_done_with_anything_stands_where_it_started() -> None:
    world = World(settings(), {"s": []}).start().run(1)
    assert of(world).position == "TRIM_HORIZON"
    latest = World(settings(starting_position=StartingPosition.LATEST), {"s": []}).start().run(1)
    assert of(latest).position == T0.isoformat()


def test_shards_that_are_not_read_are_told_too() -> None:
    stream = {"z": [record(1)], "child": [record(2)], "a": []}
    world = World(settings(), stream, fails, parents={"child": ("z",)}, closed={"z", "a"}).start().run(1)
    seen = snapshot(world.mapping, world.now).shards
    assert [(one.shard, one.state, one.parents) for one in seen] == [
        ("a", "finished", ()),
        ("child", "waiting for its parent", ("z",)),
        ("z", "reading", ()),
    ]
    assert of(world, "a").position == "SHARD_END" and of(world, "child").position == "TRIM_HORIZON"
    assert of(world, "child") == ShardSnapshot(
        ShardId("child"), "waiting for its parent", (ShardId("z"),), "TRIM_HORIZON", 0.0, 0, None, ()
    )


def test_the_age_is_that_of_the_oldest_record_that_is_not_done() -> None:
    stream = {"s": [record(1, age_s=50), record(2, age_s=40)], "t": [record(1, age_s=7)]}
    world = World(settings(batch_size=1), stream, fails)
    world.hold = True
    world.start().run(0.1)
    world.now += timedelta(seconds=10)
    assert [round(of(world, shard).age_s, 3) for shard in ("s", "t")] == [60.1, 17.1]
    assert snapshot(world.mapping, world.now).age_s == of(world).age_s


def test_a_record_from_the_future_has_no_age() -> None:
    world = World(settings(), {"s": [record(1, age_s=-5)]})
    world.hold = True
    assert of(world.start().run(0.1)).age_s == 0.0


def test_lanes_with_something_in_them_are_told_with_their_batch() -> None:
    stream = {"s": [record(n, "a") for n in (1, 2, 4)] + [record(5, "d")]}
    world = World(settings(batch_size=2, parallelization_factor=2, bisect=True), stream)
    world.hold = True
    world.start().run(0.1)
    first, second = of(world).lanes
    (of_d, of_a) = sorted((c for c in world.in_hand if isinstance(c, Deliver)), key=lambda c: c.lane)
    assert first == LaneSnapshot(0, "invoking", 0, of_d.batch.request_id, "5", "5", 1, 0)
    assert second == LaneSnapshot(1, "invoking", 1, of_a.batch.request_id, "1", "2", 2, 0)
    assert of(world).buffered == 4 and of(world).blocked_by is None


def test_halves_that_wait_count_as_waiting() -> None:
    first = iter([Failed(Cause.FUNCTION_ERROR)])
    world = World(settings(bisect=True), {"s": [record(n) for n in (1, 2, 3)]}, lambda b: next(first, Delivered()))
    world.hold = True
    world.start().run(0.1)
    world.answer()
    (lane,) = of(world).lanes
    assert (lane.waiting, lane.first, lane.last, lane.records, lane.attempts) == (2, "1", "1", 1, 0)


def test_records_without_a_batch_are_waiting() -> None:
    world = World(settings(batching_window_s=60), {"s": [record(1)]}).start().run(1)
    assert of(world).lanes == (LaneSnapshot(0, "idle", 1, None, None, None, 0, 0),)


def test_a_failing_batch_is_told_with_its_attempts() -> None:
    world = World(settings(), {"s": [record(1), record(2)]}, fails).start().run(0.3)
    assert of(world).blocked_by == "2 record(s) from 1 to 2: 2 failed attempt(s)"
    (lane,) = of(world).lanes
    assert (lane.state, lane.attempts) == ("resting", 2)


def test_a_function_that_is_not_reached_is_told_as_such() -> None:
    world = World(settings(), {"s": [record(1)]}, lambda batch: NotReached("throttled")).start().run(0.3)
    assert of(world).blocked_by == "1 record(s) from 1 to 1: the function is not reached"


def test_a_stream_that_cannot_be_read_is_told_until_it_can() -> None:
    world = World(settings(), {"s": [record(1)]}).start().run(0.1)
    (read,) = [command for _, command in world.pending if isinstance(command, ReadShard)]
    world.pending.clear()
    world.tell(ReadFailed(read.shard, read.run, ReadFailure.DENIED, "AccessDenied: no"))
    assert of(world).blocked_by == "the stream cannot be read: AccessDenied: no"
    assert of(world.run(5)).blocked_by is None


def test_shards_that_cannot_be_listed_are_told() -> None:
    world = World(settings(), {})
    world.start()
    world.pending.clear()
    world.tell(ListingFailed("AccessDenied: no"))
    world.tell(ListingFailed("AccessDenied: no"))
    assert snapshot(world.mapping, world.now).source_failure is None, "nothing was asked for yet"


def test_a_shard_that_lets_what_is_in_flight_finish_is_draining() -> None:
    world = World(settings(), {"s": [record(1)]})
    world.hold = True
    world.start().run(0.1)
    world.tell(DisableRequested())
    assert of(world).state == "draining" and snapshot(world.mapping, world.now).state == "Disabling"
