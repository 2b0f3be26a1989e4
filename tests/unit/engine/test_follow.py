"""A whole stream is read once: parents before children, to its tip or on and on, whatever the service does."""

from __future__ import annotations

import asyncio

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.shard.beginning import Word
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardEnd, ShardId, TrimHorizon
from afterbay.engine.clock import Clock
from afterbay.engine.follow import FAILURES_MAX, NEWER_THAN_BEGIN_S, Follower
from afterbay.engine.found import Lost, RecordsFound, ShardFound, ShardOver, Started, Unreadable, Waiting
from afterbay.errors import (
    DeniedError,
    IteratorExpiredError,
    NotFoundError,
    RecordError,
    ThrottledError,
    TrimmedError,
    UnavailableError,
)
from afterbay.ports import Page
from afterbay.sources.memory import MemorySource

NUMBER = 10**20


def record(position: int, created_s: float = 0.0) -> RawRecord:
    return RawRecord(b"{}", position, ItemKey(b"k"), created_s, "INSERT")


class Stream(MemorySource):
    """A stream in memory that can be disabled, with listings that fail or lag, and pages that are handed in."""

    def __init__(self) -> None:
        super().__init__()
        self.disabled = False
        self.hidden: set[str] = set()
        self.hides_for = 0
        self.listing_failures: list[Exception] = []
        self.pages: list[Page | Exception] = []
        self.starts: list[tuple[str, object]] = []
        self.listings: list[object] = []

    async def list_shards(self, *, pin_latest, children_of=None):
        self.listings.append(children_of)
        if self.listing_failures:
            raise self.listing_failures.pop(0)
        told = await super().list_shards(pin_latest=pin_latest, children_of=children_of)
        shown = told.shards
        if children_of is not None and self.hides_for:
            self.hides_for -= 1
            shown = ()
        elif self.hides_for:
            shown = tuple(one for one in shown if one.shard not in self.hidden)
        return type(told)(shown, told.complete, self.disabled, told.tips)

    async def read(self, shard, start, *, limit, pause_s):
        self.starts.append((str(shard), start))
        if self.pages:
            page = self.pages.pop(0)
            if isinstance(page, Exception):
                raise page
            return page
        return await super().read(shard, start, limit=limit, pause_s=pause_s)


async def split_stream() -> Stream:
    """A parent that is closed, with two children."""
    stream = Stream()
    await stream.add_shard("p")
    await stream.append("p", record(1), record(2))
    await stream.close_shard("p")
    for child, position in (("l", 3), ("r", 4)):
        await stream.add_shard(child, "p")
        await stream.append(child, record(position))
    return stream


async def one_shard(*positions: int) -> Stream:
    stream = Stream()
    await stream.add_shard("s")
    await stream.append("s", *map(record, positions))
    return stream


def follower(stream: Stream, found: list, *, until: bool = True, beginning: object = Word.TRIM, **more) -> Follower:
    return Follower(
        stream, Clock(), found.append, beginning=beginning, until_caught_up=until, jitter=lambda _: 0.0, **more
    )


async def caught_up(stream: Stream, **more) -> list:
    found: list = []
    await follower(stream, found, **more).run()
    return found


def numbers(found: list) -> list[int]:
    return [one.position for page in found if isinstance(page, RecordsFound) for one in page.records]


def lineage(found: list) -> list[str]:
    """What is found of shards, in order."""
    names = []
    for one in found:
        match one:
            case ShardFound(description=description):
                names.append(f"{description.shard} begins")
            case ShardOver(shard=shard):
                names.append(f"{shard} ends")
    return names


async def test_a_parent_is_read_to_its_end_before_its_children():
    found = await caught_up(await split_stream())
    assert isinstance(found[0], Started)
    assert numbers(found) == [1, 2, 3, 4]
    assert lineage(found) == ["p begins", "p ends", "l begins", "r begins"]


async def test_a_disabled_stream_is_read_to_its_end_and_that_ends_the_following():
    stream = await split_stream()
    stream.disabled = True
    for child in ("l", "r"):
        await stream.close_shard(child)
    found = await caught_up(stream, until=False)
    assert numbers(found) == [1, 2, 3, 4] and {"l ends", "r ends"} <= set(lineage(found))


async def test_what_comes_later_and_in_new_shards_is_followed():
    stream = await one_shard(1)
    found: list = []
    reading = asyncio.create_task(follower(stream, found, until=False).run())

    async def until(*wanted: int) -> None:
        while numbers(found) != list(wanted):
            await asyncio.sleep(0)

    await until(1)
    await stream.append("s", record(2))
    await until(1, 2)
    await stream.add_shard("child", "s")
    await stream.append("child", record(3))
    await stream.close_shard("s")
    await until(1, 2, 3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert lineage(found) == ["s begins", "s ends", "child begins"]


async def test_children_that_are_listed_late_are_looked_for_again():
    stream = await split_stream()
    stream.hidden, stream.hides_for = {"l", "r"}, 4
    found = await caught_up(stream)
    assert sorted(numbers(found)) == [1, 2, 3, 4]


async def test_latest_tells_only_what_is_written_from_then_on():
    stream = await one_shard(1)
    await stream.add_shard("empty")
    found = await caught_up(stream, beginning=Word.LATEST)
    assert numbers(found) == [] and isinstance(found[0].start, Latest)
    assert dict(stream.starts) == {"s": After(Position(1)), "empty": found[0].start}


async def test_an_empty_page_of_a_closed_shard_is_not_its_tip():
    stream = await split_stream()
    stream.pages = [Page(()), Page(())]
    assert numbers(await caught_up(stream)) == [1, 2, 3, 4]


async def test_a_stream_that_is_written_to_all_the_time_is_caught_up_with_all_the_same():
    stream = await one_shard(1)
    later = Clock().now().timestamp() + NEWER_THAN_BEGIN_S + 60
    stream.pages = [Page((record(1),)), Page((record(2, later),)), Page((record(3, later),))]
    assert numbers(await caught_up(stream)) == [1, 2]


async def test_it_goes_on_where_an_earlier_reading_stood():
    stream = await split_stream()
    found = await caught_up(stream, stood={ShardId("p"): ShardEnd(), ShardId("l"): After(Position(3))})
    assert numbers(found) == [4]


async def test_a_shard_that_left_before_it_was_read_to_its_end_is_a_gap():
    stream = await split_stream()
    stood = {ShardId("ended"): ShardEnd(), ShardId("left"): After(Position(1)), ShardId("begun"): None}
    found = await caught_up(stream, stood=stood)
    assert [one.shard for one in found if isinstance(one, Lost) and one.over] == ["left", "begun"] and isinstance(
        found[0], Started
    )
    assert numbers(found) == [1, 2, 3, 4]


async def test_throttles_are_waited_out_and_told_once():
    stream = await one_shard(1, 2)
    stream.failures = [ThrottledError("slow down", code="ThrottlingException")] * 3
    stream.listing_failures = [ThrottledError("listing", code="LimitExceededException")]
    found = await caught_up(stream)
    assert numbers(found) == [1, 2]
    assert [one.reason for one in found if isinstance(one, Waiting)] == ["listing", "slow down"]


async def test_a_reading_that_is_to_end_gives_up_in_the_end():
    stream = await one_shard(1)
    stream.failures = [UnavailableError("down", code="InternalServerError")] * (FAILURES_MAX + 1)
    with pytest.raises(UnavailableError):
        await caught_up(stream)


async def test_an_address_that_nobody_serves_is_told_at_once():
    stream = await one_shard(1)
    stream.listing_failures = [UnavailableError("refused", code="ConnectError")] * 3
    with pytest.raises(UnavailableError):
        await caught_up(stream, until=False)
    assert len(stream.listings) == 3


async def test_who_may_not_read_is_told_at_once_and_as_it_is():
    stream = await split_stream()
    stream.failures = [DeniedError("no", code="AccessDeniedException")]
    with pytest.raises(DeniedError):
        await caught_up(stream)


async def test_an_expired_iterator_goes_on_behind_what_was_told():
    stream = await one_shard(1, 2)
    expired = IteratorExpiredError("old", code="ExpiredIteratorException")
    stream.pages = [Page((record(1),)), expired]
    assert numbers(await caught_up(stream)) == [1, 2]
    assert stream.starts[-2:] == [("s", After(Position(1))), ("s", After(Position(2)))]


async def test_iterators_that_only_expire_are_given_up_after_pauses():
    """S15: never a loop without a delay."""
    stream = await one_shard(1)
    stream.pages = [IteratorExpiredError("old", code="ExpiredIteratorException")] * 3
    assert numbers(await caught_up(stream)) == [1]
    stream.pages = [IteratorExpiredError("old", code="ExpiredIteratorException")] * 30
    with pytest.raises(IteratorExpiredError):
        await caught_up(stream)
    assert len(stream.pages) == 30 - 12


async def test_a_pinned_latest_that_expires_becomes_its_moment():
    stream = Stream()
    await stream.add_shard("s")
    stream.pages = [IteratorExpiredError("old", code="ExpiredIteratorException")]
    found = await caught_up(stream, beginning=Word.LATEST)
    assert stream.starts[-1] == ("s", AtTime(found[0].start.since))


async def test_what_is_trimmed_is_told_as_a_gap_and_the_rest_is_read():
    stream = await one_shard(1, 2)
    stream.pages = [TrimmedError("old", code="TrimmedDataAccessException")]
    found = await caught_up(stream, stood={ShardId("s"): After(Position(0))})
    assert numbers(found) == [1, 2] and [one.shard for one in found if isinstance(one, Lost)] == ["s"]
    assert stream.starts[1] == ("s", TrimHorizon())


async def test_a_shard_that_is_gone_is_a_gap_and_no_end():
    stream = await split_stream()
    stream.pages = [NotFoundError("no", code="ResourceNotFoundException")]
    found = await caught_up(stream)
    assert numbers(found) == [3, 4] and [one.shard for one in found if isinstance(one, Lost) and one.over] == ["p"]
    assert "p ends" not in lineage(found)


async def test_an_unreadable_record_is_told_and_passed():
    stream = await one_shard(NUMBER, NUMBER + 2)
    broken = UnreadableRecordError("no head", body=b"{?}", sequence_number=str(NUMBER + 1))
    stream.pages = [Page((record(NUMBER),)), broken]
    found = await caught_up(stream)
    assert numbers(found) == [NUMBER, NUMBER + 2]
    assert [one.error.body for one in found if isinstance(one, Unreadable)] == [b"{?}"]


async def test_one_without_a_number_is_told_and_ends_it():
    stream = await one_shard(1)
    stream.pages = [UnreadableRecordError("no head", body=b"{?}")]
    found: list = []
    with pytest.raises(RecordError, match="s: a record without a readable sequence number"):
        await follower(stream, found).run()
    assert isinstance(found[-1], Unreadable)
