"""Kinesis through a caller made of lists: what it is asked, how often, and what becomes of the answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardId, TrimHorizon
from afterbay.errors import IteratorExpiredError, ServiceError, UnavailableError
from afterbay.sources.kinesis import HOLE_PAGES_MAX, READS_APART_S, KinesisApi, kinesis_source
from afterbay.sources.news import News
from afterbay.sources.stream import StreamSource

ARN = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"
ROLE = "arn:aws:iam::000000000000:role/any"
ONE, TWO, THREE = (ShardId(f"shardId-00000000000{n}") for n in (1, 2, 3))
NOON = datetime(2026, 9, 17, 12, 0, 0, 123_000, UTC)
NUMBER = "49590338271490256608559692538361571095921575989136588898"  # as AWS writes them


class Clock:
    """Time that passes where somebody sleeps."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    async def sleep_until(self, when: datetime) -> None:
        self.time = max(self.time, when)
        await asyncio.sleep(0)


class Service:
    """Answers from lists, the next one first; notes what it was asked, and when."""

    def __init__(self, clock: Clock, **answers: list[Any]) -> None:
        self.clock = clock
        self.answers = answers
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.times: list[datetime] = []

    async def call(self, service: str, operation: str, **parameters: object) -> dict[str, object]:
        assert service == "kinesis"
        self.asked.append((operation, parameters))
        self.times.append(self.clock.now())
        answer = self.answers[operation].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def shard(name: str, *parents: str, closed: bool = False) -> dict[str, object]:
    numbers = {"StartingSequenceNumber": "1"} | ({"EndingSequenceNumber": "9"} if closed else {})
    names = dict(zip(("ParentShardId", "AdjacentParentShardId"), parents, strict=False))
    return {"ShardId": name, "SequenceNumberRange": numbers, **names}


def put(number: str, data: bytes = b"x", key: str = "p") -> dict[str, object]:
    return {"SequenceNumber": number, "PartitionKey": key, "Data": data, "ApproximateArrivalTimestamp": NOON}


def page(
    *records: dict[str, object], following: str | None = "next", behind_ms: int | None = None
) -> dict[str, object]:
    told: dict[str, object] = {} if behind_ms is None else {"MillisBehindLatest": behind_ms}
    return {"Records": list(records), **told, **({} if following is None else {"NextShardIterator": following})}


def made(*, to_the_tip: bool = False, **answers: list[Any]) -> tuple[StreamSource, Service, News]:
    clock = Clock()
    service, news = Service(clock, **answers), News(clock)
    return kinesis_source(KinesisApi(service, clock, news, role=ROLE, to_the_tip=to_the_tip), ARN), service, news


def test_a_merged_shard_has_two_parents_and_a_listing_all_its_pages() -> None:
    first = {"Shards": [shard(ONE, closed=True)], "NextToken": "t"}
    source, service, _ = made(list_shards=[first, {"Shards": [shard(TWO), shard(THREE, ONE, TWO)]}])
    listing = asyncio.run(source.list_shards(pin_latest=False))
    assert listing.complete and listing.shards == (
        ShardDescription(ONE, (), closed=True),
        ShardDescription(TWO),
        ShardDescription(THREE, (ONE, TWO)),
    )
    assert [asked for _, asked in service.asked] == [{"StreamARN": ARN}, {"NextToken": "t"}]


def test_the_children_of_a_shard_are_those_that_name_it() -> None:
    source, _, _ = made(list_shards=[{"Shards": [shard(ONE), shard(TWO), shard(THREE, ONE, TWO)]}])
    listing = asyncio.run(source.list_shards(pin_latest=False, children_of=TWO))
    assert not listing.complete and [one.shard for one in listing.shards] == [THREE]


def test_a_listing_that_never_ends_is_given_up() -> None:
    source, _, _ = made(list_shards=[{"Shards": [], "NextToken": "t"}] * 1000)
    with pytest.raises(UnavailableError, match="does not end"):
        asyncio.run(source.list_shards(pin_latest=False))


@pytest.mark.parametrize(
    ("start", "asked"),
    [
        (TrimHorizon(), {"ShardIteratorType": "TRIM_HORIZON"}),
        (
            After(Position(int(NUMBER))),
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": NUMBER},
        ),
        (AtTime(NOON), {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": NOON}),
        (Latest(NOON), {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": NOON}),
    ],
)
def test_a_position_is_asked_for_exactly(start: Any, asked: dict[str, object]) -> None:
    source, service, _ = made(get_shard_iterator=[{"ShardIterator": "i"}], get_records=[page()])
    asyncio.run(source.read(ONE, start, limit=100_000, pause_s=0))
    assert service.asked == [
        ("get_shard_iterator", {"StreamARN": ARN, "ShardId": ONE, **asked}),
        ("get_records", {"StreamARN": ARN, "ShardIterator": "i", "Limit": 10_000}),
    ]


def test_latest_is_pinned_in_open_shards_while_listing() -> None:
    listed = {"Shards": [shard(ONE, closed=True), shard(TWO, ONE)]}
    source, service, _ = made(
        list_shards=[listed], get_shard_iterator=[{"ShardIterator": "pinned"}], get_records=[page(put("7"))]
    )
    asyncio.run(source.list_shards(pin_latest=True))
    got = asyncio.run(source.read(TWO, Latest(NOON), limit=10, pause_s=0))
    assert [asked.get("ShardIterator") for operation, asked in service.asked if operation == "get_records"] == [
        "pinned"
    ]
    assert [one.position for one in got.records] == [7]


def test_a_record_is_in_lambdas_form_and_its_key_is_the_partition_key() -> None:
    records = [put(NUMBER, b"hello", "anna"), put(str(int(NUMBER) + 1))]
    source, _, _ = made(get_shard_iterator=[{"ShardIterator": "i"}], get_records=[page(*records, following=None)])
    got = asyncio.run(source.read(ONE, TrimHorizon(), limit=10, pause_s=0))
    assert got.end and [str(one.position) for one in got.records] == [NUMBER, str(int(NUMBER) + 1)]
    first = got.records[0]
    assert (first.key, first.created_s) == (b"anna", NOON.timestamp())
    body = json.loads(first.body)
    assert (body["eventID"], body["invokeIdentityArn"]) == (f"{ONE}:{NUMBER}", ROLE)
    assert (body["kinesis"]["data"], body["kinesis"]["approximateArrivalTimestamp"]) == ("aGVsbG8=", NOON.timestamp())


def test_reading_goes_on_with_the_iterator_behind_a_page() -> None:
    pages = [page(put("1"), following="second"), page(put("2"), following="third")]
    source, service, _ = made(get_shard_iterator=[{"ShardIterator": "first"}], get_records=pages)

    async def scene() -> None:
        await source.read(ONE, TrimHorizon(), limit=10, pause_s=0)
        await source.read(ONE, After(Position(1)), limit=10, pause_s=0)

    asyncio.run(scene())
    iterators = [asked["ShardIterator"] for operation, asked in service.asked if operation == "get_records"]
    assert iterators == ["first", "second"]


def test_a_shard_is_never_read_more_often_than_it_may_be() -> None:
    source, service, _ = made(
        get_shard_iterator=[{"ShardIterator": "i"}], get_records=[page(put(str(n))) for n in range(1, 6)]
    )

    async def scene() -> None:
        start: Any = TrimHorizon()
        for _ in range(5):
            got = await source.read(ONE, start, limit=10, pause_s=0)
            start = After(Position(got.records[-1].position))

    asyncio.run(scene())
    reads = service.times[1:]
    assert [later - earlier for earlier, later in itertools.pairwise(reads)] == [timedelta(seconds=READS_APART_S)] * 4


def read_to_the_tip(*pages: dict[str, object], to_the_tip: bool = True) -> tuple[list[int], bool, Service]:
    """The numbers on one page of ``ONE``, whether the shard ends with it, and what was asked for it."""
    iterators = [{"ShardIterator": "i"}]
    source, service, _ = made(to_the_tip=to_the_tip, get_shard_iterator=iterators, get_records=list(pages))
    got = asyncio.run(source.read(ONE, TrimHorizon(), limit=10, pause_s=0))
    return [one.position for one in got.records], got.end, service


def test_who_reads_to_the_tip_crosses_holes_and_no_faster_than_it_may() -> None:
    hole = [page(following="a", behind_ms=9_000), page(following="b", behind_ms=4_000)]
    numbers, end, service = read_to_the_tip(*hole, page(put("7"), following="c", behind_ms=0))
    assert (numbers, end) == ([7], False)
    reads = [asked["ShardIterator"] for operation, asked in service.asked if operation == "get_records"]
    assert reads == ["i", "a", "b"]
    apart = timedelta(seconds=READS_APART_S)
    assert [later - earlier for earlier, later in itertools.pairwise(service.times[1:])] == [apart] * 2
    assert read_to_the_tip(*hole, page(behind_ms=0), page(put("7")))[0] == [], "this is the tip"
    assert read_to_the_tip(*hole, page(following=None))[:2] == ([], True)
    assert read_to_the_tip(page(), page(put("7")))[0] == [], "nothing said of a hole is none"
    assert read_to_the_tip(*hole, to_the_tip=False)[2].answers["get_records"] == hole[1:], "a mapping comes again"


def test_a_hole_that_grows_no_smaller_is_no_hole() -> None:
    endless = [page(behind_ms=5_000)] * 1_000
    numbers, _, service = read_to_the_tip(*endless)
    assert numbers == [] and len(endless) - len(service.answers["get_records"]) == HOLE_PAGES_MAX + 1


@pytest.mark.parametrize(("there", "has"), [("7", True), ("9", False), (None, False)])
def test_a_record_that_was_trimmed_is_missed_where_another_one_comes_first(there: str | None, has: bool) -> None:
    clock = Clock()
    answer = page() if there is None else page(put(there))
    service = Service(clock, get_shard_iterator=[{"ShardIterator": "i"}], get_records=[answer])
    api = KinesisApi(service, clock, News(clock), role=ROLE)
    assert asyncio.run(api.has(ARN, ONE, Position(7))) is has
    asked = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "7"}
    assert service.asked[0] == ("get_shard_iterator", {"StreamARN": ARN, "ShardId": ONE, **asked})


def test_an_idle_read_waits_its_pause_by_the_clock() -> None:
    source, service, _ = made(get_shard_iterator=[{"ShardIterator": "i"}], get_records=[page(), page()])

    async def scene() -> None:
        await source.read(ONE, TrimHorizon(), limit=10, pause_s=0)
        await source.read(ONE, TrimHorizon(), limit=10, pause_s=1)

    asyncio.run(scene())
    assert service.times[-1] - service.times[-2] == timedelta(seconds=1)


def test_what_was_written_since_the_last_read_ends_the_pause() -> None:
    source, service, news = made(get_shard_iterator=[{"ShardIterator": "i"}], get_records=[page(), page(put("1"))])

    async def scene() -> None:
        await source.read(ONE, TrimHorizon(), limit=10, pause_s=0)
        news.tell()
        await source.read(ONE, TrimHorizon(), limit=10, pause_s=3600)

    asyncio.run(scene())
    assert service.times[-1] - service.times[-2] == timedelta(seconds=READS_APART_S)


def test_an_expired_iterator_is_told_and_asked_for_anew() -> None:
    expired = IteratorExpiredError("old", code="ExpiredIteratorException")
    source, service, _ = made(
        get_shard_iterator=[{"ShardIterator": "old"}, {"ShardIterator": "new"}], get_records=[expired, page(put("3"))]
    )
    with pytest.raises(IteratorExpiredError):
        asyncio.run(source.read(ONE, After(Position(2)), limit=10, pause_s=0))
    got = asyncio.run(source.read(ONE, After(Position(2)), limit=10, pause_s=0))
    assert [one.position for one in got.records] == [3]
    assert [operation for operation, _ in service.asked].count("get_shard_iterator") == 2


def test_an_answer_that_is_none_is_a_failure_of_the_service() -> None:
    for answers in (
        {"list_shards": [{}]},
        {"list_shards": [{"Shards": [{"Name": 1}]}]},
    ):
        source, _, _ = made(**answers)
        with pytest.raises(ServiceError, match="Shards"):
            asyncio.run(source.list_shards(pin_latest=False))


def test_the_services_time_is_passed_on() -> None:
    clock, heard = Clock(), []
    meta = {"HTTPHeaders": {"date": "Thu, 17 Sep 2026 12:00:05 GMT"}}
    service = Service(clock, list_shards=[{"Shards": [], "ResponseMetadata": meta}, {"Shards": []}])
    api = KinesisApi(service, clock, News(clock), role=ROLE, on_date=heard.append)
    asyncio.run(api.describe_stream(ARN))
    asyncio.run(api.describe_stream(ARN))
    assert heard == [datetime(2026, 9, 17, 12, 0, 5, tzinfo=UTC)]
