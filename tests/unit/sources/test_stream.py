"""The stream's source over a service made of lists: what it asks for, keeps, and passes on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.wire import UnreadableRecordError
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardId, StartAt, TrimHorizon
from afterbay.errors import IteratorExpiredError, NotFoundError, ServiceError, ThrottledError, UnavailableError
from afterbay.ports import Page
from afterbay.sources.stream import EMPTY_PAGES_AT_ONCE, StreamSource
from afterbay.sources.streams_api import IteratorType, ShardPage

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
ONE, TWO, THREE = ShardId("shard-1"), ShardId("shard-2"), ShardId("shard-3")
NOON = datetime(2026, 9, 17, 12, 0, 0, 700_000, UTC)

_T = TypeVar("_T")


def run(work: Coroutine[None, None, _T]) -> _T:
    return asyncio.run(work)


def record(position: int, created_s: float = 0.0) -> RawRecord:
    return RawRecord(b"{}", position, ItemKey(b"k"), created_s, "INSERT")


class ListedStream:
    """A ``StreamsApi``: a shard is a list of records and holes (None: a read of it gives an empty page)."""

    def __init__(self, *shards: ShardDescription, page_size: int = 2) -> None:
        self.shards = list(shards)
        self.page_size = page_size
        self.status = "ENABLED"
        self.content: dict[ShardId, list[RawRecord | None]] = {one.shard: [] for one in shards}
        self.closed = {one.shard for one in shards if one.closed}
        self.calls: list[tuple[object, ...]] = []
        self.failures: list[Exception] = []
        self.unsupported: set[str] = set()
        self.repeats_pages = False

    async def describe_stream(
        self, stream_arn: str, *, after: ShardId | None = None, children_of: ShardId | None = None
    ) -> ShardPage:
        self.calls.append(("describe", after, children_of))
        if children_of is not None and "CHILD_SHARDS" in self.unsupported:
            raise ServiceError("no such filter", code="ValidationException")
        found = [one for one in self.shards if children_of is None or children_of in one.parents]
        rest = [one for one in found if after is None or self.repeats_pages or one.shard > after]
        page = tuple(rest[: self.page_size])
        return ShardPage(page, self.status, page[-1].shard if len(rest) > self.page_size else None)

    async def get_shard_iterator(
        self,
        stream_arn: str,
        shard: ShardId,
        kind: IteratorType,
        *,
        sequence_number: str | None = None,
        timestamp: float | None = None,
    ) -> str:
        self.calls.append((kind, shard, sequence_number, timestamp))
        if kind in self.unsupported:
            raise ServiceError("unknown iterator type", code="ValidationException")
        if shard not in self.content:
            raise NotFoundError("no such shard", code="ResourceNotFoundException")
        content = self.content[shard]
        index = 0
        if kind == "LATEST":
            index = len(content)
        elif kind == "AFTER_SEQUENCE_NUMBER":
            assert sequence_number is not None
            index = next(
                (i for i, one in enumerate(content) if one and one.position > int(sequence_number)), len(content)
            )
        elif kind == "AT_TIMESTAMP":
            assert timestamp is not None
            index = next((i for i, one in enumerate(content) if one and one.created_s >= timestamp), len(content))
        return f"{shard}|{index}"

    async def get_records(
        self, stream_arn: str, iterator: str, *, limit: int
    ) -> tuple[Sequence[RawRecord], str | None]:
        self.calls.append(("read", iterator, limit))
        if self.failures:
            raise self.failures.pop(0)
        shard, _, at = iterator.partition("|")
        content, index = self.content[ShardId(shard)], int(at)
        records: list[RawRecord] = []
        while index < len(content) and len(records) < limit:
            one = content[index]
            if one is None:
                if not records:
                    index += 1
                break
            records.append(one)
            index += 1
        over = index >= len(content) and shard in self.closed
        return records, None if over else f"{shard}|{index}"

    async def wait_for_records(self, iterator: str, timeout_s: float) -> None:
        self.calls.append(("wait", iterator, timeout_s))

    def asked(self, kind: str) -> list[tuple[object, ...]]:
        return [call for call in self.calls if call[0] == kind]


def stream_of(*content: RawRecord | None, closed: bool = False) -> ListedStream:
    api = ListedStream(ShardDescription(ONE, closed=closed))
    api.content[ONE] = list(content)
    return api


def read(source: StreamSource, start: StartAt, *, limit: int = 100, pause_s: float = 0.0) -> Page:
    return run(source.read(ONE, start, limit=limit, pause_s=pause_s))


def positions(page: Page) -> list[int]:
    return [one.position for one in page.records]


def test_a_listing_has_every_page() -> None:
    api = ListedStream(*(ShardDescription(ShardId(f"shard-{number}")) for number in range(5)))
    listing = run(StreamSource(api, ARN).list_shards(pin_latest=False))
    assert [one.shard for one in listing.shards] == [f"shard-{number}" for number in range(5)]
    assert (listing.complete, listing.stream_disabled) == (True, False)


def test_a_listing_that_repeats_itself_is_given_up() -> None:
    api = ListedStream(*(ShardDescription(ShardId(f"shard-{number}")) for number in range(5)))
    api.repeats_pages = True
    with pytest.raises(UnavailableError, match="does not move on"):
        run(StreamSource(api, ARN).list_shards(pin_latest=False))


@pytest.mark.parametrize("status", ["DISABLED", "DISABLING"])
def test_a_stream_that_is_being_disabled_says_so(status: str) -> None:
    api = ListedStream(ShardDescription(ONE))
    api.status = status
    assert run(StreamSource(api, ARN).list_shards(pin_latest=False)).stream_disabled


@pytest.mark.parametrize("unsupported", [set[str](), {"CHILD_SHARDS"}])
def test_children_are_listed_with_the_filter_and_without(unsupported: set[str]) -> None:
    api = ListedStream(
        ShardDescription(ONE, closed=True), ShardDescription(TWO, (ONE,)), ShardDescription(THREE, (ShardId("else"),))
    )
    api.unsupported = unsupported
    source = StreamSource(api, ARN)
    for _ in range(2):
        listing = run(source.list_shards(pin_latest=False, children_of=ONE))
        assert ([one.shard for one in listing.shards], listing.complete) == ([TWO], False)
    assert len([call for call in api.calls if call[2] is not None]) == (1 if unsupported else 2), "asked once in vain"


def test_pages_follow_one_another_with_one_iterator_asked_for() -> None:
    api = stream_of(*(record(number) for number in (1, 2, 3)))
    source = StreamSource(api, ARN)
    assert positions(read(source, TrimHorizon(), limit=2)) == [1, 2]
    assert positions(read(source, After(Position(2)))) == [3]
    assert len(api.asked("TRIM_HORIZON")) == 1
    assert api.asked("AFTER_SEQUENCE_NUMBER") == []


def test_an_iterator_that_stands_elsewhere_is_not_used() -> None:
    api = stream_of(*(record(number) for number in (1, 2, 3)))
    source = StreamSource(api, ARN)
    read(source, TrimHorizon())
    assert positions(read(source, After(Position(1)))) == [2, 3]
    assert positions(read(source, TrimHorizon())) == [1, 2, 3]


def test_no_more_is_asked_for_than_the_service_gives() -> None:
    api = stream_of(record(1))
    read(StreamSource(api, ARN), TrimHorizon(), limit=10_000)
    assert [call[2] for call in api.asked("read")] == [1000]


def test_a_hole_is_crossed_at_once() -> None:
    api = stream_of(None, None, record(1))
    assert positions(read(StreamSource(api, ARN), TrimHorizon())) == [1]


def test_a_long_hole_is_crossed_over_several_reads() -> None:
    api = stream_of(*[None] * (EMPTY_PAGES_AT_ONCE + 1), record(1))
    source = StreamSource(api, ARN)
    assert positions(read(source, TrimHorizon())) == []
    assert len(api.asked("read")) == EMPTY_PAGES_AT_ONCE
    assert positions(read(source, TrimHorizon())) == []
    assert len(api.asked("read")) == EMPTY_PAGES_AT_ONCE + 1, "an idle shard is asked once a turn (R53)"
    assert positions(read(source, TrimHorizon())) == [1]


def test_a_closed_shard_has_no_tip_to_wait_at() -> None:
    api = stream_of(*[None] * (2 * EMPTY_PAGES_AT_ONCE - 1), record(1), closed=True)
    source = StreamSource(api, ARN)
    run(source.list_shards(pin_latest=False))
    assert read(source, TrimHorizon()) == Page(())
    page = read(source, TrimHorizon())
    assert (positions(page), page.end) == ([1], True)


def test_the_last_page_says_that_the_shard_is_over() -> None:
    api = stream_of(record(1), closed=True)
    page = read(StreamSource(api, ARN), TrimHorizon())
    assert (positions(page), page.end) == ([1], True)


def test_a_pause_is_waited_out_where_the_reader_stands_and_not_before_the_first_read() -> None:
    api = stream_of(record(1))
    source = StreamSource(api, ARN)
    read(source, TrimHorizon(), pause_s=0.25)
    assert api.asked("wait") == []
    read(source, After(Position(1)), pause_s=0.25)
    assert api.asked("wait") == [("wait", f"{ONE}|1", 0.25)]


def test_what_is_written_between_the_listing_and_the_first_read_is_not_missed_at_latest() -> None:
    api = stream_of(record(1))
    source = StreamSource(api, ARN)
    run(source.list_shards(pin_latest=True))
    api.content[ONE].append(record(2))
    assert positions(read(source, Latest(NOON))) == [2]
    assert positions(read(source, After(Position(2)))) == []
    assert len(api.asked("LATEST")) == 1


def test_a_listing_that_comes_late_moves_no_shard_that_is_being_read() -> None:
    """Found by the simulator: asked for before the mapping started anew, answered after; what lay between was lost."""
    api = stream_of(record(1))
    source = StreamSource(api, ARN)
    run(source.list_shards(pin_latest=True))
    api.content[ONE].append(record(2))
    run(source.list_shards(pin_latest=True))
    assert positions(read(source, Latest(NOON))) == [2]
    source.forget(ONE)
    run(source.list_shards(pin_latest=True))
    assert positions(read(source, Latest(NOON))) == [], "let go, it is fixed anew"


def test_latest_is_pinned_in_leaves_only() -> None:
    api = ListedStream(ShardDescription(ONE, closed=True), ShardDescription(TWO, (ONE,)))
    run(StreamSource(api, ARN).list_shards(pin_latest=True))
    assert [call[1] for call in api.asked("LATEST")] == [TWO]


def test_latest_without_a_pin_is_its_moment_and_never_a_later_latest() -> None:
    api = stream_of(record(1, NOON.timestamp() - 5), record(2, float(int(NOON.timestamp()))))
    assert positions(read(StreamSource(api, ARN), Latest(NOON))) == [2]
    assert api.asked("LATEST") == []


@pytest.mark.parametrize("unsupported", [set[str](), {"AT_TIMESTAMP"}])
def test_a_moment_is_a_whole_second_with_and_without_the_services_help(unsupported: set[str]) -> None:
    second = float(int(NOON.timestamp()))
    api = stream_of(record(1, second - 1), record(2, second), record(3, second - 1))
    api.unsupported = unsupported
    source = StreamSource(api, ARN)
    assert positions(read(source, AtTime(NOON))) == [2, 3], "only what comes before the first is left out"
    source.forget(ONE)
    assert positions(read(source, AtTime(NOON))) == [2, 3]
    asked = [call[3] for call in api.asked("AT_TIMESTAMP")]
    assert asked == ([second] if unsupported else [second, second])


def test_old_records_are_dropped_over_several_pages() -> None:
    second = float(int(NOON.timestamp()))
    api = stream_of(record(1, second - 2), record(2, second - 1), record(3, second), record(4, second))
    api.unsupported = {"AT_TIMESTAMP"}
    source = StreamSource(api, ARN)
    assert positions(read(source, AtTime(NOON), limit=1)) == [3]
    assert positions(read(source, After(Position(3)), limit=1)) == [4]


def test_an_expired_iterator_is_told_and_not_used_again() -> None:
    api = stream_of(record(1), record(2))
    source = StreamSource(api, ARN)
    read(source, TrimHorizon(), limit=1)
    api.failures = [IteratorExpiredError("old", code="ExpiredIteratorException")]
    with pytest.raises(IteratorExpiredError):
        read(source, After(Position(1)))
    assert positions(read(source, After(Position(1)))) == [2]
    assert api.asked("AFTER_SEQUENCE_NUMBER") == [("AFTER_SEQUENCE_NUMBER", ONE, "1", None)]


def test_a_throttled_read_keeps_its_iterator() -> None:
    api = stream_of(record(1), record(2))
    source = StreamSource(api, ARN)
    read(source, TrimHorizon(), limit=1)
    api.failures = [ThrottledError("slow down", code="ThrottlingException")]
    with pytest.raises(ThrottledError):
        read(source, After(Position(1)))
    assert positions(read(source, After(Position(1)))) == [2]
    assert api.asked("AFTER_SEQUENCE_NUMBER") == []


def test_a_shard_that_is_gone_is_an_error_and_not_an_end() -> None:
    api = stream_of()
    del api.content[ONE]
    with pytest.raises(NotFoundError):
        read(StreamSource(api, ARN), TrimHorizon())


def test_records_before_an_unreadable_one_are_handed_on_and_then_it_is_told() -> None:
    api = stream_of(record(1), record(2))
    source = StreamSource(api, ARN)
    api.failures = [UnreadableRecordError("no head", body=b"?", index=1, before=(record(1),))]
    page = read(source, TrimHorizon())
    assert (positions(page), page.end) == ([1], False)
    api.failures = [UnreadableRecordError("no head", body=b"?")]
    with pytest.raises(UnreadableRecordError):
        read(source, After(Position(1)))
