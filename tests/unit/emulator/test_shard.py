"""Positions inside a shard: ``vectors/streams/iterators.json`` (S37 to S43, S54), pages and trimming."""

import re

import pytest

from afterbay.core.shard.position import Position, ShardId
from afterbay.emulator.shard import FROM_HORIZON, PAGE_BYTES_MAX, ShardLog
from afterbay.errors import TrimmedError
from vectors.loading import Reader, vectors

START = 200000000000000499600
ID = ShardId("shardId-00000001789649451000-2bac9cd2")


def shard(records: list[str] | list[tuple[str, int]], start: int = START) -> ShardLog:
    """A shard with records of these numbers; each record's body is its number. Created at second 0 if none is given."""
    made = ShardLog(ID, parent=None, low=0, high=1, counter=start // 10**20, tail=start % 10**20, created_ms=0)
    for one in records:
        number, created = (one, 0) if isinstance(one, str) else one
        made.append(Position(int(number)), number.encode(), created)
    return made


def position(log: ShardLog, kind: str, given: Reader) -> Position:
    """Where an iterator of this type stands."""
    number = Position(int(given["seq"])) if "seq" in given.names else None
    match kind:
        case "TRIM_HORIZON":
            return FROM_HORIZON
        case "LATEST":
            return log.last
        case "AT_SEQUENCE_NUMBER":
            return log.at(Position(int(log_first(log))) if number is None else number)
        case "AFTER_SEQUENCE_NUMBER":
            return log.after(number)
        case "AT_TIMESTAMP":
            wish = given["timestamp"]
            return log.at_time(-1.0 if wish == "older than the trim horizon" else wish)
    raise AssertionError(f"unknown type {kind}")


def log_first(log: ShardLog) -> str:
    return log.read(FROM_HORIZON, limit=1).records[0].decode()


def texts(page) -> list[str]:
    return [one.decode() for one in page.records]


def check_text_form(given: Reader, wanted: Reader) -> None:
    """The published form of an iterator's text; what ours looks like is tested with the service."""
    shown = given["iterator"].replace("<stream arn>", "arn:aws:dynamodb:eu-west-1:000000000000:table/t/stream/l")
    assert re.search(wanted["regex"], shown) and len(shown) <= wanted["max_len"] and wanted["opaque"] is True


def check_reuse(log: ShardLog, given: Reader, wanted: Reader) -> None:
    assert given["then"] == "append one record and call GetRecords with the SAME iterator"
    where = position(log, given["type"], given)
    assert texts(log.read(where)) == wanted["read_first"]
    added = wanted["read_second"][-1]
    log.append(Position(int(added)), added.encode(), 0)
    assert texts(log.read(where)) == wanted["read_second"]


def check_calls(log: ShardLog, given: Reader, wanted: Reader) -> None:
    assert (given["calls"], given["closed"]) == (2, False)
    first = log.read(position(log, given["type"], given))
    second = log.read(first.last)
    assert (texts(first), texts(second)) == (wanted["first"], wanted["second"])
    assert (not second.end) is wanted["next_iterator"]


def check_one_read(log: ShardLog, given: Reader, wanted: Reader) -> None:
    if "closed" in given.names and given["closed"]:
        log.close(0)
    page = log.read(position(log, given["type"], given))
    assert texts(page) == wanted["read"]
    if "next_iterator" in wanted.names:
        assert (not page.end) is wanted["next_iterator"]
    if "equivalent_to" in wanted.names:
        assert texts(log.read(position(log, wanted["equivalent_to"], given))) == texts(page)
    if "note" in wanted.names:
        assert wanted["note"]


@pytest.mark.parametrize(
    "vector", [one for one in vectors("streams/iterators.json") if "writes" not in one.values[0].input]
)
def test_an_iterator_stands_where_it_should(vector):
    with vector.opened() as (given, wanted):
        if "iterator" in given.names:
            check_text_form(given, wanted)
            return
        records = given["records_with_creation" if "records_with_creation" in given.names else "records"]
        log = shard(
            [one if isinstance(one, str) else tuple(one) for one in records],
            int(given["starting"]) if "starting" in given.names else START,
        )
        if "then" in given.names:
            check_reuse(log, given, wanted)
        elif "calls" in given.names:
            check_calls(log, given, wanted)
        else:
            check_one_read(log, given, wanted)


def test_a_page_ends_at_its_limit_and_goes_on_behind_it():
    log = shard([f"{n}00000000000000499659" for n in range(3, 10)])
    page = log.read(FROM_HORIZON, limit=3)
    assert len(page.records) == 3 and len(log.read(page.last).records) == 4


def test_a_page_holds_at_most_a_megabyte_but_always_a_record():
    log = shard([])
    for n in range(3, 6):
        log.append(Position(n * 10**20), b"x" * (PAGE_BYTES_MAX - 10), 0)
    assert len(log.read(FROM_HORIZON).records) == 1
    small = shard([])
    small.append(Position(3 * 10**20), b"x" * (2 * PAGE_BYTES_MAX), 0)
    assert len(small.read(FROM_HORIZON).records) == 1


def test_positions_behind_trimmed_records_are_refused_and_the_horizon_is_not():
    log = shard([("300000000000000499659", 100), ("400000000000000499660", 200)])
    log.trim(150)
    assert texts(log.read(FROM_HORIZON)) == ["400000000000000499660"]
    with pytest.raises(TrimmedError):
        log.at(Position(300000000000000499659))
    with pytest.raises(TrimmedError):
        log.read(log.start)
    assert texts(log.read(log.after(Position(300000000000000499659)))) == ["400000000000000499660"]


def test_latest_of_a_shard_whose_records_were_trimmed_is_behind_them():
    log = shard([("300000000000000499659", 100)])
    log.trim(150)
    assert log.last == 300000000000000499659 and log.read(log.last).records == []


def test_an_idle_shard_ends_where_it_starts():
    log = shard([])
    log.close(7)
    assert log.end_number == log.start and log.read(FROM_HORIZON).end


def test_the_end_is_told_with_the_last_records_and_not_before():
    log = shard(["300000000000000499659", "400000000000000499660"])
    log.close(0)
    first = log.read(FROM_HORIZON, limit=1)
    assert not first.end and log.read(first.last).end


def test_a_reader_is_told_of_news_only_if_there_are_any():
    log = shard(["300000000000000499659"])
    assert log.has_more(FROM_HORIZON) and not log.has_more(log.last)
    log.close(0)
    assert log.has_more(log.last)
