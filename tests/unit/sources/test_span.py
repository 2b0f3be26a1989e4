"""A span is read from its first number to its last, whatever the service does on the way (E16)."""

from __future__ import annotations

import asyncio

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.shard.position import Position, ShardId
from afterbay.errors import IteratorExpiredError, NotFoundError, ThrottledError, TrimmedError
from afterbay.sources.span import EMPTY_PAGES_MAX, Reread, Span, reread

STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"
SPAN = Span(STREAM, ShardId("shard"), Position(102), Position(105))


class Shard:
    """Records by number, two a page; ``faults`` are raised by the next reads, in turn."""

    def __init__(self, *numbers: int, trimmed_below: int = 0, closed: bool = False) -> None:
        self.numbers = numbers
        self.trimmed_below = trimmed_below
        self.closed = closed
        self.faults: list[Exception] = []
        self.asked: list[tuple[str, str | None]] = []
        self.waits: list[float] = []

    async def get_shard_iterator(self, stream_arn, shard, kind, *, sequence_number=None, timestamp=None):
        assert (stream_arn, shard) == (STREAM, "shard")
        self.asked.append((kind, sequence_number))
        if int(sequence_number) < self.trimmed_below:
            raise TrimmedError("trimmed", code="TrimmedDataAccessException")
        return str(int(sequence_number) + (kind == "AFTER_SEQUENCE_NUMBER"))

    async def get_records(self, stream_arn, iterator, *, limit):
        if self.faults:
            raise self.faults.pop(0)
        page = [one for one in self.numbers if one >= int(iterator)][:2]
        if not page:
            return (), None if self.closed else iterator
        return [RawRecord(b"{}", one, ItemKey(b"k"), 0.0, "INSERT") for one in page], str(page[-1] + 1)

    async def wait_for_records(self, iterator, timeout_s):
        self.waits.append(timeout_s)


def read(shard: Shard, **options) -> Reread:
    return asyncio.run(reread(shard, SPAN, **options))


def numbers(told: Reread) -> list[int]:
    return [one.position for one in told.records]


def test_both_ends_belong_to_it_and_nothing_else():
    shard = Shard(101, 102, 103, 105, 106)
    assert numbers(read(shard)) == [102, 103, 105] and shard.asked == [("AT_SEQUENCE_NUMBER", "102")]


def test_a_last_number_that_is_no_records_ends_at_the_next_one():
    assert numbers(read(Shard(102, 104, 106, 107))) == [102, 104]


@pytest.mark.parametrize("closed", [True, False])
def test_a_shard_that_ends_before_the_last_number_ends_the_read(closed):
    shard = Shard(102, closed=closed)
    assert numbers(read(shard)) == [102]
    assert len(shard.waits) == (0 if closed else EMPTY_PAGES_MAX)


def test_a_trimmed_first_record_loses_the_span_and_reads_nothing_else():
    told = read(Shard(104, 105, trimmed_below=104))
    assert told.records == () and "trimmed" in (told.lost or "")


def test_a_span_that_is_trimmed_while_it_is_read_is_lost_as_a_whole():
    shard = Shard(102, 103, 105)
    shard.faults = [TrimmedError("trimmed", code="TrimmedDataAccessException")]
    assert read(shard).lost is not None


def test_a_shard_that_is_gone_is_told_as_lost():
    shard = Shard(102)
    shard.faults = [NotFoundError("no such shard", code="ResourceNotFoundException")]
    assert "no such shard" in (read(shard).lost or "")


def test_an_expired_iterator_goes_on_behind_the_last_record():
    shard = Shard(102, 103, 104, 105)
    get_records, seen = shard.get_records, []

    async def expires_once(stream_arn, iterator, *, limit):
        seen.append(iterator)
        if len(seen) == 2:
            raise IteratorExpiredError("old", code="ExpiredIteratorException")
        return await get_records(stream_arn, iterator, limit=limit)

    shard.get_records = expires_once
    assert numbers(read(shard)) == [102, 103, 104, 105] and shard.asked[1] == ("AFTER_SEQUENCE_NUMBER", "103")


def test_iterators_that_only_expire_are_not_asked_for_without_end():
    shard = Shard(102, 105)
    shard.faults = [IteratorExpiredError("old", code="ExpiredIteratorException")] * 8
    assert numbers(read(shard)) == [102, 105]
    shard.faults = [IteratorExpiredError("old", code="ExpiredIteratorException")] * 20
    with pytest.raises(IteratorExpiredError):
        read(shard)


def test_throttles_are_waited_out_and_not_for_ever():
    shard = Shard(102, 105)
    shard.faults = [ThrottledError("slow down", code="LimitExceededException")] * 2
    assert numbers(read(shard)) == [102, 105] and len(shard.waits) == 2
    shard.faults = [ThrottledError("slow down", code="LimitExceededException")] * 20
    with pytest.raises(ThrottledError):
        read(shard)


def test_a_limit_says_that_there_is_more():
    told = read(Shard(102, 103, 105), limit=2)
    assert numbers(told) == [102, 103] and told.more
    assert not read(Shard(102, 105), limit=2).more
