"""Where a record is that a mapping has in hand."""

from __future__ import annotations

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.outcome import Cause, Failed, Outcome
from afterbay.core.mapping.whereabouts import Whereabouts, find
from afterbay.core.shard.position import Position, ShardId
from unit.core.mapping.driving import World, record, settings


def failing(batch: Batch) -> Outcome:
    return Failed(Cause.FUNCTION_ERROR)


def where(world: World, position: int, shard: str = "s") -> Whereabouts | None:
    return find(world.mapping, ShardId(shard), Position(position))


def test_what_blocks_and_what_waits_behind_it() -> None:
    world = World(settings(batch_size=2), {"s": [record(n) for n in range(1, 6)]}, failing).start().run(5)
    own, behind = where(world, 2), where(world, 5)
    assert own is not None and own.behind is None and own.ahead == 1
    assert own.text.startswith("its batch rests before it is tried again, after")
    assert behind is not None and behind.ahead == 4
    assert behind.behind == f"2 record(s) from 1 to 2, {own.attempts} failed attempt(s)"
    assert behind.text == f"waits in lane 0 behind {behind.behind} (resting)"


def test_what_is_being_delivered() -> None:
    world = World(settings(), {"s": [record(1)]})
    world.hold = True
    world.start().run()
    found = where(world, 1)
    assert found is not None and (found.state, found.text) == ("invoking", "its batch is being delivered")


def test_what_waits_for_its_batch_to_fill() -> None:
    world = World(settings(batching_window_s=20), {"s": [record(1), record(2)]}).start().run()
    found = where(world, 2)
    assert found is not None and found.ahead == 1
    assert found.text.startswith(
        "waits for its batch to fill, or for the batching window to end at 2026-01-01T00:00:20"
    )


def test_half_a_batch_waits_behind_the_other() -> None:
    chosen = settings(batch_size=4, bisect=True)
    world = World(chosen, {"s": [record(n) for n in range(1, 5)]}, failing).start().run(3)
    found = where(world, 4)
    assert found is not None and found.ahead == 3 and found.behind is not None


def test_what_is_done_or_unknown_is_nowhere() -> None:
    world = World(settings(), {"s": [record(1)]}).start().run()
    assert where(world, 1) is None and where(world, 9) is None and where(world, 1, "other") is None
