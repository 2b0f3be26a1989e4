"""Batches and lanes, rule by rule where other tests look at something else (R54 to R70)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from afterbay.core.change.raw import ItemKey
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX, Batch
from afterbay.core.mapping.commands import Deliver, ReadShard
from afterbay.core.mapping.events import RecordsRead, UpdateRequested
from afterbay.core.mapping.lane import lane_of
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, Outcome
from afterbay.core.shard.position import ShardId, TrimHorizon

from .driving import T0, World, after, record, settings

UNHANDLED = Failed(Cause.FUNCTION_ERROR)
S = ShardId("s")


class Timed(World):
    """Deliveries take ``latency_s``; ``started`` is when each was asked for, from T0 on, with its positions."""

    latency_s = 0.0

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)  # type: ignore[arg-type]
        self.started: list[tuple[float, list[int]]] = []

    def takes_s(self, command: object) -> float:
        if not isinstance(command, Deliver):
            return 0.0
        self.started.append((since(self.now), [one.position for one in command.batch.records]))
        return self.latency_s


def since(moment: datetime) -> float:
    return (moment - T0) / timedelta(seconds=1)


def test_the_window_starts_when_the_previous_invocation_is_over() -> None:
    """R55: neither with the first record nor with the start of that invocation."""
    world = Timed(settings(batching_window_s=10, batch_size=2), {"s": [record(1), record(2), record(3)]})
    world.latency_s = 4.0
    world.start().run(13)
    assert world.started == [(0.0, [1, 2])], "the third came before it was over, and waits from 4 s on"
    world.run(2)
    assert world.started[1:] == [(14.0, [3])]


def test_with_window_zero_whatever_was_read_is_sent() -> None:
    """R54: BatchSize is a maximum, a single record goes too."""
    world = Timed(settings(batch_size=100), {"s": [record(1)]}).start().run(0)
    assert world.started == [(0.0, [1])]


def test_a_window_that_nothing_comes_in_invokes_nothing() -> None:
    """R55."""
    assert World(settings(batching_window_s=2), {"s": []}).start().run(60).delivered == []


def test_a_record_waits_for_the_window_under_way_however_long_nothing_was_read() -> None:
    """R55: empty windows follow each other, also where a writer wakes the reader and no page comes meanwhile."""
    world = Timed(settings(batching_window_s=5), {"s": []}).start().run(0.1)
    (reading,) = [command for _, command in world.pending if isinstance(command, ReadShard)]
    world.pending.clear()
    world.now = T0 + timedelta(seconds=62)
    world.tell(RecordsRead(S, reading.run, (record(1),)))
    world.run(2.9)
    assert world.started == []
    world.run(0.1)
    assert world.started == [(65.0, [1])]


def test_several_reads_fill_one_batch() -> None:
    """R58: within a window; here each read gives one record."""
    stream = {"s": [record(n) for n in range(1, 8)]}
    world = World(settings(batching_window_s=5, batch_size=6), stream, page=1).start().run(1)
    assert world.delivered == [[1, 2, 3, 4, 5, 6]]


def test_six_megabytes_end_a_window() -> None:
    """R54, R56: what does not fit waits for the next one."""
    stream = {"s": [record(n, body=b"x" * 3_000_000) for n in (1, 2, 3)]}
    world = World(settings(batching_window_s=60), stream).start().run(1)
    assert world.delivered == [[1, 2]]


def test_the_limit_counts_the_event_as_it_is_sent() -> None:
    """R56: with its frame and the comma between records, to the byte."""
    frame, rest = len(b'{"Records":[]}'), 1000
    exact = [b"x" * (PAYLOAD_BYTES_MAX - frame - rest - 1), b"x" * rest]
    assert PAYLOAD_BYTES_MAX == 6_291_456
    world = World(settings(), {"s": [record(n, body=body) for n, body in enumerate(exact, start=1)]}).start().run(1)
    assert world.delivered == [[1, 2]]
    larger = [exact[0] + b"x", exact[1]]
    world = World(settings(), {"s": [record(n, body=body) for n, body in enumerate(larger, start=1)]}).start().run(1)
    assert world.delivered == [[1], [2]]


@pytest.mark.parametrize(("spare", "at_once"), [(0, True), (1, True), (2, False)])
def test_a_window_ends_once_the_event_as_it_is_sent_leaves_no_room(spare: int, at_once: bool) -> None:
    """R54, R56: another record would bring a comma and a body."""
    frame, rest = len(b'{"Records":[,]}'), 1000
    bodies = [b"x" * (PAYLOAD_BYTES_MAX - frame - rest - spare), b"x" * rest]
    stream = {"s": [record(n, body=body) for n, body in enumerate(bodies, start=1)]}
    world = World(settings(batching_window_s=60), stream).start().run(1)
    assert world.delivered == ([[1, 2]] if at_once else [])
    world.run(60)
    assert world.delivered == [[1, 2]]


def test_a_retried_batch_is_not_topped_up_and_later_ones_have_the_full_size() -> None:
    """R60."""
    stream = {"s": [record(1), record(2)]}
    answers = iter([UNHANDLED, UNHANDLED])
    world = World(settings(batch_size=5), stream, lambda batch: next(answers, Delivered())).start().run(0.1)
    stream["s"] += [record(n) for n in range(3, 12)]
    world.run(5)
    assert world.delivered == [[1, 2]] * 3 + [[3, 4, 5, 6, 7], [8, 9, 10, 11]]


# ---- lanes


def test_an_items_lane_is_the_same_in_every_process_and_release() -> None:
    """R62: what is saved of lanes (R65) is of these numbers; another hash would reorder an item over a restart."""
    keys = (b"a", b'{"pk":{"S":"B"}}', b'{"pk":{"S":"A"},"sk":{"N":"1"}}')
    assert [lane_of(ItemKey(key), 10) for key in keys] == [7, 8, 7]
    assert {lane_of(ItemKey(b'{"pk":{"S":"%d"}}' % n), 4) for n in range(40)} == {0, 1, 2, 3}


def keyed(count: int, keys: str) -> list:
    return [record(n, keys[n % len(keys)]) for n in range(1, count + 1)]


def lanes_of(world: World) -> dict[int, list[list[int]]]:
    found: dict[int, list[list[int]]] = {}
    for command in world.deliveries:
        found.setdefault(command.lane, []).append([one.position for one in command.batch.records])
    return found


def two_keys(factor: int = 2) -> tuple[str, str]:
    """Two items in different lanes."""
    names = [chr(code) for code in range(ord("a"), ord("z"))]
    first = names[0]
    other = next(n for n in names if lane_of(ItemKey(n.encode()), factor) != lane_of(ItemKey(b"a"), factor))
    return first, other


@pytest.mark.parametrize(("before", "now"), [(4, 2), (2, 4), (4, 1), (1, 3)])
@pytest.mark.parametrize("restart", [True, False], ids=["over a restart", "by an update"])
def test_a_shard_has_as_many_lanes_as_the_factor_says_now(before: int, now: int, restart: bool) -> None:
    """R61, R66: whatever lanes were saved."""
    stream = {"s": [record(n, f"k{n}") for n in range(1, 60)]}
    world = World(settings(batch_size=1, parallelization_factor=before), stream)
    world.hold = True
    world.start().run(0)
    assert len(world.in_hand) == before
    while world.in_hand and len(world.delivered) < 20:
        world.answer()
        world.run(0)
    chosen = settings(batch_size=1, parallelization_factor=now)
    if restart:
        world = World(chosen, stream, stored=world.stored)
        world.hold = True
        world.start().run(0)
    else:
        world.tell(UpdateRequested(chosen))
        while len(world.delivered) < 20 + before:
            assert world.mapping.state is State.UPDATING, "what is in flight is waited for"
            world.answer()
            world.run(0)
    world.run(1)
    assert {command.lane for command in world.in_hand} == set(range(now))
    assert len(world.in_hand) == now


def test_batch_size_holds_for_each_lane() -> None:
    """R63."""
    first, second = two_keys()
    world = World(settings(batch_size=4, parallelization_factor=2), {"s": keyed(16, first + second)}).start().run(1)
    assert sorted(len(batch) for batches in lanes_of(world).values() for batch in batches) == [4, 4, 4, 4]


def test_the_batching_window_holds_for_each_lane() -> None:
    """R63, R55: an invocation of one lane does not put off the other's."""
    first, second = two_keys()
    stream = {"s": [record(1, first), record(2, first), record(3, second)]}
    world = Timed(settings(batch_size=2, batching_window_s=10, parallelization_factor=2), stream)
    world.latency_s = 3.0
    world.start().run(30)
    assert world.started == [(0.0, [1, 2]), (10.0, [3])]


def test_a_failing_lane_blocks_its_own_items_alone() -> None:
    """R64: while it waits to be tried again the other lane goes on."""
    first, second = two_keys()

    def function(batch: Batch) -> Outcome:
        return UNHANDLED if batch.records[0].key == first.encode() else Delivered()

    stream = {"s": keyed(10, first + second)}
    world = World(settings(batch_size=1, parallelization_factor=2), stream, function).start().run(0.2)
    done = {position for batch in world.delivered for position in batch}
    mine = {one.position for one in stream["s"] if one.key == second.encode()}
    assert mine <= done and len(done - mine) == 1


def test_a_letter_of_one_lane_holds_up_no_other() -> None:
    """R118, R64: until it is stored only its own lane waits."""
    first, second = two_keys()

    class Slow(World):
        def takes_s(self, command: object) -> float:
            return 5.0 if type(command).__name__ == "StoreLetter" else 0.0

    def function(batch: Batch) -> Outcome:
        return UNHANDLED if batch.records[0].key == first.encode() else Delivered()

    queue = "arn:aws:sqs:eu-west-1:000000000000:dlq"
    chosen = settings(batch_size=1, parallelization_factor=2, retry_attempts_max=0, on_failure=queue)
    stream = {"s": keyed(8, first + second)}
    world = Slow(chosen, stream, function).start().run(1)
    done = {position for batch in world.delivered for position in batch}
    assert {one.position for one in stream["s"] if one.key == second.encode()} <= done
    assert len(world.delivered) == 5, "the first of its own lane, and no other"
    assert world.letters == []
    waiting = min(one.position for one in stream["s"] if one.key == first.encode())
    assert world.saved() == (after(waiting - 1) if waiting > 1 else TrimHorizon()), "not past what has no letter (R49)"


def test_a_child_waits_for_every_lane_of_its_parent() -> None:
    """R67."""
    first, second = two_keys()
    stream = {"p": [record(1, first), record(2, second)], "c": [record(3, first)]}
    world = World(settings(parallelization_factor=2), stream, parents={"c": ("p",)}, closed={"p"})
    world.hold = True
    world.start().run(1)
    assert len(world.in_hand) == 2
    for _ in range(2):
        assert {one.shard for one in world.in_hand} == {"p"}
        world.answer()
        world.run(1)
    assert {one.shard for one in world.in_hand} == {"c"}


def test_the_position_is_the_lowest_unfinished_one_over_all_lanes() -> None:
    """R65: whichever lane it is in."""
    first, second = two_keys()
    for stuck in (first, second):
        stream = {"s": keyed(10, first + second)}
        world = World(settings(batch_size=1, parallelization_factor=2), stream)
        world.hold = True
        world.start().run(0)
        while index := [n for n, one in enumerate(world.in_hand) if one.batch.records[0].key != stuck.encode()]:
            world.answer(index[0])
            world.run(0)
        (held,) = world.in_hand
        lowest = held.batch.records[0].position
        assert lowest == min(one.position for one in stream["s"] if one.key == stuck.encode())
        row = world.stored.rows.get(ShardId("s"))
        assert row is not None and row.at == (after(lowest - 1) if lowest > 1 else TrimHorizon())


def test_after_halves_the_next_batch_has_the_full_size() -> None:
    """R95, R69: halves are final, and what comes later waits for both."""

    def function(batch: Batch) -> Outcome:
        return UNHANDLED if len(batch.records) > 2 and batch.records[0].position == 1 else Delivered()

    world = World(settings(batch_size=4, bisect=True), {"s": [record(n) for n in range(1, 10)]}, function)
    assert world.start().run(1).delivered == [[1, 2, 3, 4], [1, 2], [3, 4], [5, 6, 7, 8], [9]]
