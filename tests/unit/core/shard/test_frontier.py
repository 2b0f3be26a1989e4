"""Which shards are read next: parents before children, each once, each from its own start."""

from __future__ import annotations

from datetime import UTC, datetime

from afterbay.core.shard.frontier import Frontier
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardEnd, ShardId, TrimHorizon

NOW = datetime(2026, 9, 17, 12, 0, 0, tzinfo=UTC)
TRIM = TrimHorizon()
P, L, R, GRAND = map(ShardId, ("parent", "left", "right", "grand"))


def shard(name: ShardId, *parents: ShardId, closed: bool = False) -> ShardDescription:
    return ShardDescription(name, parents, closed=closed)


SPLIT = (shard(P, closed=True), shard(L, P), shard(R, P))


def told(frontier: Frontier) -> dict[ShardId, object]:
    return {one.shard: start for one, start in frontier.next()}


def test_children_wait_for_their_parent_and_are_told_once():
    frontier = Frontier()
    frontier.begin(SPLIT, TRIM)
    assert told(frontier) == {P: TRIM} and told(frontier) == {}
    frontier.finish(P)
    assert told(frontier) == {L: TRIM, R: TRIM} and told(frontier) == {}
    assert not frontier.exhausted
    frontier.finish(L)
    frontier.finish(R)
    assert frontier.exhausted


def test_a_parent_that_is_not_listed_is_waited_for_by_nobody():
    frontier = Frontier()
    frontier.begin(SPLIT[1:], TRIM)
    assert told(frontier) == {L: TRIM, R: TRIM}


def test_latest_is_the_open_shards_of_that_moment_and_the_start_of_later_ones():
    frontier = Frontier()
    tip = After(Position(7))
    frontier.begin(SPLIT, Latest(NOW), tips={R: tip})
    assert told(frontier) == {L: Latest(NOW), R: tip}
    frontier.take([shard(GRAND, L)])
    assert told(frontier) == {}
    frontier.finish(L)
    assert told(frontier) == {GRAND: TRIM}


def test_latest_in_a_disabled_stream_is_its_leaves():
    frontier = Frontier()
    frontier.begin([shard(P, closed=True), shard(L, P, closed=True)], Latest(NOW), stream_disabled=True)
    assert told(frontier) == {L: Latest(NOW)}


def test_a_time_is_looked_for_in_every_shard_those_found_later_too():
    frontier = Frontier()
    frontier.begin(SPLIT, AtTime(NOW))
    assert told(frontier) == {P: AtTime(NOW)}
    frontier.finish(P)
    frontier.take([shard(GRAND, P)])
    assert told(frontier) == dict.fromkeys((L, R, GRAND), AtTime(NOW))


def test_it_goes_on_where_an_earlier_reading_stood():
    frontier = Frontier({P: ShardEnd(), L: After(Position(5))})
    frontier.begin(SPLIT, TRIM)
    assert told(frontier) == {L: After(Position(5)), R: TRIM}


def test_a_shard_with_a_listed_child_is_closed_whatever_the_listing_says():
    frontier = Frontier()
    frontier.begin([shard(P), shard(L, P)], TRIM)
    assert frontier.is_closed(P) and not frontier.is_closed(L)
