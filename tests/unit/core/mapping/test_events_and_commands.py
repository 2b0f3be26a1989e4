"""What events, commands and counts say where nothing is said."""

from __future__ import annotations

from dataclasses import asdict, fields

from afterbay.core.mapping import commands, events
from afterbay.core.mapping.counters import Counters
from afterbay.core.shard.position import ShardId, TrimHorizon

S = ShardId("s")


def test_a_mapping_begins_with_all_counts_at_zero() -> None:
    assert set(asdict(Counters()).values()) == {0} and len(fields(Counters)) > 10


def test_a_listing_is_the_whole_streams_unless_it_says_otherwise() -> None:
    listed = events.ShardsListed(())
    assert listed.complete and listed.children_of is None
    assert not listed.stream_disabled and listed.tips == {}


def test_a_page_is_not_the_last_unless_it_says_so() -> None:
    assert not events.RecordsRead(S, 1, ()).end


def test_nothing_waits_or_is_pinned_unless_it_says_so() -> None:
    read, listing = commands.ReadShard(S, 1, TrimHorizon(), 10), commands.ListShards()
    assert (read.pause_s, read.delay_s, listing.delay_s, listing.pin_latest) == (0.0, 0.0, 0.0, False)
