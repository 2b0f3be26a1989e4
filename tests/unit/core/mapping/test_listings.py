"""When the shards are listed, and how often (S28 to S30)."""

from __future__ import annotations

from datetime import timedelta

from afterbay.core.mapping.commands import ListShards, Notice, Tell
from afterbay.core.mapping.events import ListingFailed, ShardsListed
from afterbay.core.mapping.listings import Listings
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId

from .driving import T0

S = ShardId("s")
FULL = ShardsListed((ShardDescription(S),))
NO_CHILD = ShardsListed((), complete=False, children_of=S)


def test_a_full_listing_comes_again_after_a_minute() -> None:
    listings = Listings()
    assert listings.ask() == ListShards() and not listings.due(T0 + timedelta(days=1)), "one is under way"
    assert listings.came(FULL, T0) == []
    minute = timedelta(seconds=60)
    assert not listings.due(T0 + minute - timedelta(microseconds=1)) and listings.due(T0 + minute)
    listings.ask()
    assert listings.next_at is None


def test_a_new_stream_is_asked_again_soon_while_it_shows_no_shards() -> None:
    """S22: they may be missing while it is ENABLING."""
    listings = Listings()
    listings.came(ShardsListed(()), T0)
    assert listings.next_at == T0 + timedelta(seconds=1)
    listings.came(ShardsListed((), stream_disabled=True), T0)
    assert listings.next_at == T0 + timedelta(seconds=60), "it will have none"


def test_shards_that_a_source_offers_by_itself_start_no_interval() -> None:
    listings = Listings()
    assert listings.came(ShardsListed((ShardDescription(S),), complete=False), T0) == []
    assert listings.next_at is None and not listings.due(T0 + timedelta(days=1))


def test_who_stops_reading_waits_for_no_listing() -> None:
    listings = Listings()
    listings.came(FULL, T0)
    listings.came(NO_CHILD, T0)
    listings.clear()
    assert listings.next_at is None
    (again,) = listings.came(NO_CHILD, T0)
    assert again == ListShards(children_of=S, delay_s=0.1), "counted from one again"


def test_a_stream_that_was_gone_and_is_listed_again_is_not_over() -> None:
    listings = Listings()
    listings.failed(ListingFailed("no such stream", gone=True))
    assert listings.over
    listings.came(FULL, T0)
    assert not listings.over


def test_a_listing_that_was_asked_for_before_a_stop_is_not_waited_for_afterwards() -> None:
    listings = Listings()
    listings.ask_children(S)
    listings.clear()
    listings.ask()
    listings.came(ShardsListed((ShardDescription(S),), stream_disabled=True), T0)
    assert listings.over


def test_children_that_do_not_show_are_asked_for_some_times_and_ever_later() -> None:
    listings = Listings()
    asked = [listings.came(NO_CHILD, T0) for _ in range(10)]
    assert asked.pop() == [], "from here on the full listings have to find them"
    delays = [0.1, 0.2, 0.4, 0.8] + [1.0] * 5
    assert asked == [[ListShards(children_of=S, delay_s=delay_s)] for delay_s in delays]
    assert listings.next_at is None
    assert listings.came(NO_CHILD, T0) == [ListShards(children_of=S, delay_s=0.1)], "another end of that name"


def test_children_that_show_are_not_asked_for_again_and_a_disabled_stream_has_none() -> None:
    for answer in (
        ShardsListed((ShardDescription(ShardId("child"), (S,)),), complete=False, children_of=S),
        ShardsListed((), complete=False, children_of=S, stream_disabled=True),
    ):
        listings = Listings()
        listings.came(NO_CHILD, T0)
        assert listings.came(answer, T0) == []
        assert listings.came(NO_CHILD, T0) == [ListShards(children_of=S, delay_s=0.1)]


def test_a_listing_that_fails_is_told_once_and_repeated_ever_later_until_one_comes() -> None:
    listings = Listings()
    listings.ask(pin_latest=True)
    assert listings.failed(ListingFailed("no")) == [
        Tell(Notice.SOURCE_FAILED, None, "no"),
        ListShards(pin_latest=True, delay_s=0.25),
    ]
    assert listings.failed(ListingFailed("still no")) == [ListShards(pin_latest=True, delay_s=0.5)]
    assert listings.failure == "still no"
    assert listings.came(FULL, T0) == [Tell(Notice.SOURCE_RECOVERED, None, "the shards are listed again")]
    assert listings.failure is None and listings.came(FULL, T0) == []
    assert listings.failed(ListingFailed("no"))[-1] == ListShards(pin_latest=True, delay_s=0.25), "from the start"


def test_a_failed_listing_that_pinned_nothing_pins_nothing_when_it_is_repeated() -> None:
    listings = Listings()
    listings.ask(pin_latest=True)
    listings.came(FULL, T0)
    listings.ask()
    assert listings.failed(ListingFailed("no"))[-1] == ListShards(delay_s=0.25)


def test_a_failed_listing_of_children_is_repeated_as_such_and_pins_nothing() -> None:
    listings = Listings()
    listings.ask(pin_latest=True)
    told, again = listings.failed(ListingFailed("no", S))
    assert told == Tell(Notice.SOURCE_FAILED, S, "no")
    assert again == ListShards(children_of=S, delay_s=0.25)
    recovered, asked = listings.came(NO_CHILD, T0)
    assert recovered == Tell(Notice.SOURCE_RECOVERED, S, "the shards are listed again")
    assert asked == ListShards(children_of=S, delay_s=0.1)
