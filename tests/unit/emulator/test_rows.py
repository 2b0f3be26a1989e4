"""A stream that is rebuilt from its rows: the same records and lineage, and numbers that nobody has seen."""

from datetime import UTC, datetime, timedelta

import pytest

from afterbay.core.change.arn import parse_stream_arn
from afterbay.core.change.view import ViewType
from afterbay.core.shard.position import Position, ShardId
from afterbay.emulator.record import Change
from afterbay.emulator.rows import RecordRow, ShardRow, rebuild, shard_row, stream_row
from afterbay.emulator.shard import FROM_HORIZON, RESERVED
from afterbay.emulator.stream import Appended, KeyElement, StreamLog
from afterbay.errors import TrimmedError

NOW = datetime(2026, 1, 5, 10, 11, 12, 345678, UTC)
ARN = parse_stream_arn("arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-05T10:11:12.345")


def stream(**more) -> StreamLog:
    keys = [KeyElement("pk", "HASH")]
    return StreamLog(ARN, **({"view": ViewType.KEYS_ONLY, "keys": keys, "created": NOW, "seed": b"s"} | more))


def put(log: StreamLog, key: str, now: datetime = NOW) -> Appended:
    appended = log.append(Change(None, {"pk": {"S": key}}), now)
    assert appended is not None
    return appended


class Stored:
    """The rows as a store would have them: shards when they change, records as they come."""

    def __init__(self, log: StreamLog) -> None:
        self.records: dict[ShardId, list[RecordRow]] = {}
        self.shards: dict[ShardId, ShardRow] = {}
        self.take(log)

    def take(self, log: StreamLog) -> None:
        self.stream = stream_row(log)
        self.shards = {one.shard_id: shard_row(one) for one in log.shards()}

    def add(self, one: Appended) -> None:
        self.records.setdefault(one.shard, []).append(RecordRow(one.number, one.created_s, one.body))

    def rebuilt(self, seed: bytes = b"another") -> StreamLog:
        rows = {shard: (row, self.records.get(shard, [])) for shard, row in self.shards.items()}
        return rebuild(ARN, self.stream, rows, seed=seed)


def test_records_lineage_and_settings_are_the_same():
    log = stream(roots=2)
    stored = Stored(log)
    for n in range(5):
        stored.add(put(log, f"k{n}"))
    log.split(log.shards()[0].shard_id, NOW)
    log.roll(log.shards()[1].shard_id, NOW)
    stored.take(log)
    again = stored.rebuilt()
    assert (again.view, again.keys, again.created, again.enabled) == (log.view, log.keys, log.created, True)
    assert [(one.shard_id, one.parent, one.start, one.end_number, one.closed) for one in again.shards()] == [
        (one.shard_id, one.parent, one.start, one.end_number, one.closed) for one in log.shards()
    ]
    for one in log.shards():
        assert again.shard(one.shard_id).read(FROM_HORIZON).records == one.read(FROM_HORIZON).records


def test_a_number_is_never_issued_twice_even_if_the_last_rows_are_lost():
    log = stream()
    stored = Stored(log)
    stored.add(put(log, "first"))
    stored.take(log)
    for _ in range(3):  # and again, after each restart
        seen = [put(log, f"lost{n}").number for n in range(RESERVED // 2)]
        log = stored.rebuilt()
        assert put(log, "next").number > seen[-1]
        stored.take(log)


def test_the_row_says_so_when_its_block_is_used_up():
    log = stream()
    reserved: list[int] = []
    counters: list[int] = []
    for n in range(3 * RESERVED):
        put(log, f"k{n}")
        (shard,) = log.shards()
        reserved.append(shard.reserved)
        counters.append(shard.counter)
    assert all(counter <= most for counter, most in zip(counters, reserved, strict=True))
    assert len(set(reserved)) <= 7, "few rows for many records"


def test_numbers_of_siblings_stay_apart_after_a_restart():
    log = stream(roots=4)
    again = Stored(log).rebuilt()
    numbers = [put(again, f"k{n}").number for n in range(400)]
    assert len(set(numbers)) == len(numbers)


def test_event_ids_and_new_shards_are_not_those_of_before():
    log = stream()
    stored = Stored(log)
    again = stored.rebuilt()
    assert put(log, "a").body != put(again, "a").body
    assert log.split(log.shards()[0].shard_id, NOW) != again.split(again.shards()[0].shard_id, NOW)


def test_what_was_trimmed_stays_trimmed():
    log = stream()
    stored = Stored(log)
    old = put(log, "old")
    late = NOW + timedelta(hours=25)
    log.trim(late)
    stored.take(log)
    again = stored.rebuilt()
    (shard,) = again.shards()
    with pytest.raises(TrimmedError):
        shard.at(old.number)
    assert shard.last == old.number
    assert put(again, "new", late).number > old.number


def test_a_closed_shard_ends_where_it_ended():
    log = stream()
    stored = Stored(log)
    stored.add(put(log, "a"))
    log.disable(NOW)
    stored.take(log)
    again = stored.rebuilt()
    (shard,) = again.shards()
    assert not again.enabled
    assert shard.end_number == log.shards()[0].end_number
    assert shard.read(FROM_HORIZON).end


def test_positions_that_are_too_large_for_an_integer_survive():
    log = stream(first_counter=10**19)
    stored = Stored(log)
    one = put(log, "a")
    stored.add(one)
    stored.take(log)
    assert stored.rebuilt().shards()[0].last == Position(one.number) > 2**64


def test_a_schedule_and_its_instants_survive():
    log = stream(roots=4)
    due = log.next_end()
    assert Stored(log).rebuilt().next_end() == due, "they follow from the ids"
    log.schedule(lifetime_s=600, children=2)
    again = Stored(log).rebuilt()
    assert (again.lifetime_s, again.children) == (600, 2)
    assert again.next_end() == log.next_end() < due
