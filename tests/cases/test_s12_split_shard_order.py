"""s12: parents before children, over a stop, a roll and a split; under LATEST; with the newest shard listed first."""

from __future__ import annotations

from datetime import timedelta

from afterbay.core.mapping.commands import Deliver
from afterbay.core.mapping.events import StopRequested
from afterbay.core.mapping.notice import Notice
from afterbay.core.mapping.snapshot import snapshot
from cases.driven import case, created, cut, labels
from unit.core.mapping.driving import Stored, World

CASE = case("s12-split-shard-order")
SHARDS = {one["id"]: one for one in CASE["shards"]}
ORDER = CASE["describe_stream_order"]
LABELS = labels([record for shard in CASE["shards"] for record in shard["records"]])
G, C2, P0, C1 = ORDER
KEYS = {
    record["label"]: record["dynamodb"]["Keys"]["pk"]["S"] for shard in CASE["shards"] for record in shard["records"]
}


def stopped_after_p1(stored: Stored) -> list[str]:
    """The mapping is created before p1, and the engine stops once p1 is done."""
    world = World(created(CASE["mapping"]), {P0: []}, stored=stored).start().run(0.5)
    world.stream[P0] += cut(SHARDS[P0]["records"])[:1]
    world.run(2)
    world.tell(StopRequested())
    world.run(1)
    assert world.mapping.stopped
    return called(world)


def again(stored: Stored, *, without: str | None = None) -> World:
    """The engine starts with everything written, half a day later; deliveries are held until they are answered."""
    order = [name for name in ORDER if name != without]
    world = World(
        created(CASE["mapping"]),
        {name: cut(SHARDS[name]["records"]) for name in order},
        parents={name: (SHARDS[name]["parent"],) for name in order if SHARDS[name]["parent"]},
        closed={name for name in order if SHARDS[name]["closed"]},
        stored=stored,
    )
    world.now += timedelta(hours=12)
    world.hold = True
    return world.start().run(1)


def called(world: World) -> list[str]:
    return [LABELS[position] for batch in world.delivered for position in batch]


def in_hand(world: World) -> dict[str, list[str]]:
    return {one.shard: [LABELS[record.position] for record in one.batch.records] for one in world.in_hand}


def finish(world: World, shard: str) -> None:
    index = next(n for n, one in enumerate(world.in_hand) if isinstance(one, Deliver) and one.shard == shard)
    world.answer(index)
    world.run(1)


def of_key(key: str, sequence: list[str]) -> list[str]:
    return [label for label in sequence if KEYS[label] == key]


def test_no_child_is_delivered_before_its_parent_is_finished_even_while_p3_is_slow() -> None:
    stored = Stored()
    assert stopped_after_p1(stored) == ["p1"]
    world = again(stored).run(CASE["handler"]["seconds"])
    assert in_hand(world) == {P0: ["p2", "p3"]}
    finish(world, P0)
    assert in_hand(world) == {C1: ["c1"], C2: ["c2"]}, "side by side once their parent is done"
    finish(world, C1)
    assert in_hand(world) == {C2: ["c2"], G: ["g1"]}, "the grandchild waits for its own parent alone"
    finish(world, G)
    finish(world, C2)
    sequence = ["p1", *called(world)]
    assert of_key("A", sequence) == ["p1", "p3", "c1", "g1"]
    assert of_key("B", sequence) == ["p2", "c2"]
    assert sorted(sequence) == sorted(LABELS.values()), "nothing is missing, nothing came twice"


def test_shards_found_later_are_read_from_their_beginning_whatever_the_starting_position() -> None:
    """Their records are older than the moment at which the engine started again."""
    assert created(CASE["mapping"]).starting_position.value == "LATEST"
    stored = Stored()
    stopped_after_p1(stored)
    world = again(stored)
    world.hold = False
    finish(world, P0)
    world.run(5)
    assert {"c1", "c2", "g1"} <= set(called(world))


def test_the_state_view_shows_the_lineage_and_who_waits() -> None:
    stored = Stored()
    stopped_after_p1(stored)
    world = again(stored)
    seen = {one.shard: (one.state, one.parents) for one in snapshot(world.mapping, world.now).shards}
    assert seen == {
        P0: ("reading", ()),
        C1: ("waiting for its parent", (P0,)),
        C2: ("waiting for its parent", (P0,)),
        G: ("waiting for its parent", (C1,)),
    }
    finish(world, P0)
    states = {one.shard: one.state for one in snapshot(world.mapping, world.now).shards}
    assert states == {P0: "finished", C1: "reading", C2: "reading", G: "waiting for its parent"}


def test_an_expired_parent_is_not_waited_for_and_its_loss_is_told() -> None:
    stored = Stored()
    stopped_after_p1(stored)
    world = again(stored, without=P0)
    assert in_hand(world) == {C1: ["c1"], C2: ["c2"]}
    for shard in (C1, G, C2):
        finish(world, shard)
    assert sorted(called(world)) == ["c1", "c2", "g1"]
    lost = [one for one in world.told if one.notice is Notice.PARENT_MISSING]
    assert {one.shard for one in lost} == {C1, C2} and all(P0 in one.detail for one in lost)
