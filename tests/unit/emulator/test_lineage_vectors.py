"""What may be read when: ``vectors/streams/lineage.json`` (S25 to S36), against the mapping's own line-up of shards.

A lease of a vector is a saved position of ours; LATEST, which is never saved (S45), is a start that is no TRIM_HORIZON.
"""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from afterbay.core.mapping.checkpoint import SavedAt, SavedShard
from afterbay.core.mapping.commands import ListShards
from afterbay.core.mapping.events import ShardsListed
from afterbay.core.mapping.lineup import POSITIONED, Lineup
from afterbay.core.mapping.listings import Listings
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.shard.lineage import ShardDescription, leaves, roots
from afterbay.core.shard.position import After, Position, ShardEnd, ShardId, TrimHorizon
from unit.emulator.test_stream import described
from vectors.loading import Reader, vectors

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def settings(initial: str) -> MappingSettings:
    return MappingSettings(
        event_source_arn="arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/2026-01-05T00:00:00.000",
        function_arn="arn:aws:lambda:eu-west-1:000000000000:function:f",
        starting_position=StartingPosition(initial),
    )


def saved(checkpoint: str) -> SavedAt:
    """Our form of a lease's checkpoint (L9, L10)."""
    match checkpoint:
        case "SHARD_END":
            return ShardEnd()
        case "TRIM_HORIZON":
            return TrimHorizon()
        case _:
            return After(Position(int(checkpoint)))


class Reading:
    """A line-up that has heard the listing of a vector. ``starts``: those of shards that have no lease yet."""

    def __init__(self, shards: list[dict], leases: dict[str, str], initial: str, *, disabled: bool = False) -> None:
        self.lineup = Lineup(orders_parents=False)
        rows = [SavedShard(ShardId(one), saved(checkpoint)) for one, checkpoint in leases.items()]
        if rows:
            rows.append(SavedShard(POSITIONED, TrimHorizon()))
        self.lineup.load(rows)
        listing = ShardsListed(tuple(described(shards).values()), complete=True, stream_disabled=disabled)
        self.lineup.take(listing, settings(initial), NOW)
        self.leased = frozenset(leases)
        self.starts: dict[str, str] = {}
        self.running: set[str] = set()
        self.order: list[str] = []

    def start(self) -> list[str]:
        """Start what may start; the shards, in order."""
        begun = self.lineup.startable()
        for shard, at, _ in begun:
            if shard.shard not in self.leased:
                self.starts[shard.shard] = "TRIM_HORIZON" if isinstance(at, TrimHorizon) else "LATEST"
        names = sorted(shard.shard for shard, _, _ in begun)
        self.running |= set(names)
        self.order += names
        return names

    def end(self, shard: str) -> None:
        self.running.discard(shard)
        self.lineup.finish(SavedShard(ShardId(shard), ShardEnd()))
        self.lineup.save_begins()
        self.lineup.save_is_over()

    def run_out(self) -> None:
        """Read every shard to its end, one after the other."""
        while self.start() or self.running:
            self.end(min(self.running))


def reading(given: Reader) -> Reading:
    disabled = "StreamStatus" in given.names and given["StreamStatus"] in ("DISABLED", "DISABLING")
    return Reading(given["shards"], given["leases"], given["initial"], disabled=disabled)


def check_leases(given: Reader, wanted: Reader) -> None:
    """Every shard that a vector leases is read in the end, from the leased position, and no other is."""
    run = reading(given)
    run.run_out()
    assert run.starts == wanted["leases_created"]
    if "not_created" in wanted.names:
        assert not set(wanted["not_created"]) & set(run.starts)


def check_steps(given: Reader, wanted: Reader) -> None:
    run = reading(given)
    assert run.start() == wanted["may_run_now"]
    for name in sorted(one for one in wanted.names if one.startswith("after_")):
        run.end(name.removeprefix("after_").removesuffix("_SHARD_END"))
        run.start()
        assert sorted(run.running) == wanted[name]


def check_children_polls(given: Reader, wanted: Reader) -> None:
    """How often a finished shard's children are asked for (S28); jitter is the driver's."""
    assert given["event"] == "GetRecords returned no NextShardIterator"
    assert given["calls"] == "DescribeStream ShardFilter CHILD_SHARDS"
    nothing = ShardsListed((), complete=False, children_of=ShardId("p"))
    listings, delays_ms = Listings(), list[float]()
    while commands := listings.came(nothing, NOW):
        (again,) = commands
        assert isinstance(again, ListShards)
        assert again.children_of == "p"
        delays_ms.append(again.delay_s * 1000)
    assert wanted["attempts_max"] == 1 + len(delays_ms), "the first one is asked at the shard's end"
    assert wanted["delay_ms"] == "min(50*2^n,1000) +-20%"
    assert delays_ms == [min(50 * 2**n, 1000) for n in range(1, 10)]
    assert wanted["stop_early_if"] == ["children found", "StreamStatus DISABLED"]
    child = ShardDescription(ShardId("c"), (ShardId("p"),))
    assert Listings().came(ShardsListed((child,), complete=False, children_of=ShardId("p")), NOW) == []
    assert Listings().came(replace(nothing, stream_disabled=True), NOW) == []
    assert wanted["if_none"].endswith("let the periodic shard sync create the children")
    assert listings.came(ShardsListed(()), NOW) == []
    assert listings.next_at is not None


@pytest.mark.parametrize("vector", vectors("streams/lineage.json"))
def test_parents_are_read_before_their_children(vector):
    with vector.opened() as (given, wanted):
        if "event" in given.names:
            check_children_polls(given, wanted)
            return
        listed = described(given["shards"])
        for name in wanted.names:
            match name:
                case "leases_created" | "not_created":
                    check_leases(given, wanted)
                case "may_run_now":
                    check_steps(given, wanted)
                case "run_sequence":
                    run = reading(given)
                    run.run_out()
                    assert run.order == wanted["run_sequence"]
                case "roots":
                    assert list(roots(listed)) == wanted["roots"]
                case "effective_open":
                    assert list(leaves(listed)) == wanted["effective_open"]
                case "effective_closed":
                    assert sorted(set(listed) - set(leaves(listed))) == wanted["effective_closed"]
                case "treat_as_open_for_lease_creation":
                    assert given["StreamStatus"] == "DISABLED"
                    assert list(leaves(listed, stream_disabled=True)) == wanted[name]
                case "note":
                    assert wanted["note"]
                case _:
                    assert name.startswith("after_"), f"no check for {name}"
