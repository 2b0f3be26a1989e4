"""The newest change of a key, by the stream."""

from __future__ import annotations

import pytest

from afterbay.backfill.newest import newest_tokens
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId
from afterbay.errors import ThrottledError, TrimmedError, UnavailableError
from afterbay.sources.streams_api import ShardPage
from unit.backfill.sides import TABLE, Time, key

ARN = TABLE.stream_arn or ""
BASE = 10**20


def record(pk: str, number: int) -> RawRecord:
    return RawRecord(b"{}", BASE + number, ItemKey(key(pk).encode()), 0.0, "MODIFY")


class Stream:
    """``shards``: id -> its pages, the last of which ends it where it is None. Listed one shard a page."""

    def __init__(self, **shards: list[list[RawRecord] | None]) -> None:
        self.shards = shards
        self.reads = 0
        self.fail: list[Exception] = []

    async def describe_stream(self, stream_arn, *, after=None, children_of=None) -> ShardPage:
        names = sorted(self.shards)
        place = 0 if after is None else names.index(after) + 1
        last = ShardId(names[place]) if place + 1 < len(names) else None
        return ShardPage((ShardDescription(ShardId(names[place])),), "ENABLED", last)

    async def get_shard_iterator(self, stream_arn, shard, kind, **_) -> str:
        assert kind == "TRIM_HORIZON"
        return f"{shard}:0"

    async def get_records(self, stream_arn, iterator, *, limit):
        self.reads += 1
        if self.fail:
            raise self.fail.pop()
        name, _, place = iterator.partition(":")
        pages = self.shards[name]
        page = pages[int(place)] if int(place) < len(pages) else []
        following = int(place) + 1
        ended = following < len(pages) and pages[following] is None
        return page, None if ended else f"{name}:{following}"


async def newest(stream: Stream, *keys: str):
    told = await newest_tokens(stream, ARN, [key(one) for one in keys], pace=Time().pace)
    return {name: told.tokens[key(name)][-3:] for name in keys if key(name) in told.tokens}, told.whole


async def test_the_newest_change_of_each_key_is_found_in_all_shards():
    stream = Stream(
        a=[[record("x", 1), record("other", 2)], [], [record("x", 3)], None],
        b=[[record("y", 999)], [record("x", 5), record("y", 998)]],
    )
    assert await newest(stream, "x", "y", "z") == ({"x": "005", "y": "999"}, True)


async def test_what_fails_on_the_way():
    stream = Stream(a=[[record("x", 1)], None], b=[[record("x", 2)], None])
    stream.fail = [ThrottledError("slow", code="Throttling")] * 2
    assert await newest(stream, "x") == ({"x": "002"}, True)
    stream.fail = [TrimmedError("gone", code="TrimmedDataAccessException")]
    assert await newest(stream, "x") == ({"x": "002"}, True)
    stream.fail = [UnavailableError("down", code="Down")]
    with pytest.raises(UnavailableError):
        await newest(stream, "x")


async def test_a_stream_that_is_too_long_is_read_in_part():
    class Endless(Stream):
        async def get_records(self, stream_arn, iterator, *, limit):
            await super().get_records(stream_arn, iterator, limit=limit)
            return [record("x", self.reads)] * 1000, iterator

    stream = Endless(a=[[]], b=[[]])
    told, whole = await newest(stream, "x")
    assert (stream.reads, told, whole) == (500, {"x": "500"}, False)
