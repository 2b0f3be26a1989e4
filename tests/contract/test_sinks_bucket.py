"""The S3 sinks on a real server: two writers at once, and what a change log promises instead of verdicts.

A log cannot know what it was told before, so its verdicts name no duplicates; what it says when read must be right.
"""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

import buckets
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.sinks import bucket_log
from afterbay.sinks.bucket_log import BucketLogSink
from afterbay.sinks.bucket_rows import log_format
from afterbay.sinks.bucket_state import BucketStateSink
from afterbay.sinks.options import Expiry, SinkOptions
from contract import sink_suite
from contract.histories import KEYS, History, history

MIRROR = SinkOptions(ttl=Expiry.MIRROR)
LOGS = ["jsonl gzip", "jsonl zstd", "parquet zstd"]


@pytest.fixture
def place():
    client = buckets.connect()
    yield {"bucket": buckets.bucket(), "prefix": buckets.prefix(), "client": client}
    client.close()


@pytest.fixture
def make_log(place):
    """``make_log(ttl, written)``: a log on the one prefix of this test."""
    made = []

    def make(ttl=Expiry.MIRROR, written="jsonl gzip"):
        made.append(BucketLogSink(**place, options=SinkOptions(ttl=ttl), written=log_format(*written.split())))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def objects(place):
    pages = place["client"].get_paginator("list_objects_v2").paginate(Bucket=place["bucket"], Prefix=place["prefix"])
    return [one["Key"].removeprefix(place["prefix"] + "/") for page in pages for one in page.get("Contents", [])]


def deliver(sink, batches):
    """As an event source does: a batch comes again until nothing of it failed."""
    for batch in batches:
        for _ in range(10):
            if not any(one.failed for one in sink.apply(batch)):
                break
        else:
            raise AssertionError("a batch never got through")


# ---- current state


def test_two_writers_with_different_progress_end_in_the_tables_state(place):
    """Each delivers the whole history in batches of its own, one of them from the middle on first."""
    made = history(11, changes=40, mirrored=True)
    changes = made.changes
    whole = [changes[start : start + 6] for start in range(0, len(changes), 6)]
    other = [changes[start : start + 9] for start in range(0, len(changes), 9)]
    sinks = [BucketStateSink(**place, options=MIRROR) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(deliver, sinks, (whole, other[3:] + other)))
    for sink in sinks:
        assert sink_suite.live(sink) == made.expected()
        sink.close()


def test_a_key_put_and_deleted_by_two_writers_at_once_ends_as_its_newest_change(place):
    made = History(random.Random(12))
    for number in range(6):
        made.put(KEYS[2], n={"N": str(number)})
        made.delete(KEYS[2])
    changes = made.changes
    sinks = [BucketStateSink(**place, options=MIRROR) for _ in range(2)]
    sinks[0].apply(changes[:2])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(deliver, sinks, ([[one] for one in changes[2::2]], [[one] for one in changes[3::2]])))
    assert sink_suite.live(sinks[0]) == {}
    assert {one.value for one in sink_suite.kinds(sinks[1], changes)} <= {"duplicate", "stale"}
    for sink in sinks:
        sink.close()


def test_a_purge_leaves_the_items_and_by_the_servers_time_nothing_of_the_deleted(place):
    made = history(15, changes=40, mirrored=True)
    for key in list(made.items)[:2]:
        made.delete(key)
    sink = BucketStateSink(**place, options=MIRROR)
    deliver(sink, [[one] for one in made.changes])
    gone = len(KEYS) - len(made.items)
    assert gone and len(objects(place)) > len(KEYS)
    assert sink.purge(now_s=1767700000.0) == 0 and sink.purge() == gone
    assert len(objects(place)) == len(made.items) and sink_suite.live(sink) == made.expected()
    sink.close()


# ---- the change log


@pytest.mark.parametrize("written", LOGS)
@pytest.mark.parametrize("ttl", list(Expiry))
def test_replays_and_other_cuts_of_batches_change_nothing_that_a_log_says(make_log, place, written, ttl):
    made = history(13, changes=40, mirrored=ttl is Expiry.MIRROR)
    sink, changes = make_log(ttl, written), made.changes
    cut = [changes[start : start + 11] for start in range(0, len(changes), 11)]
    for batch in (*cut, *made.rng.sample(cut, len(cut))):
        assert set(sink_suite.kinds(sink, batch)) <= {Kind.APPLIED, Kind.SKIPPED}
    names = objects(place)
    assert len(names) == len(cut), "a batch that comes again replaces its object"
    deliver(sink, [changes[start : start + 7] for start in range(0, len(changes), 7)])
    assert len(objects(place)) > len(names)
    rows = list(sink.read_log())
    assert sorted(row.token for row in rows) == sorted(change.token for change in changes)
    assert sink_suite.live(sink) == made.expected()
    told = sink.compact(table="orders", date="2026-01-05")
    assert (told.written, told.rows, told.repeated) == (1, len(changes), len(changes))
    assert len(objects(place)) == 1 and sorted(sink.read_log(), key=str) == sorted(rows, key=str)
    assert sink_suite.live(sink) == made.expected()
    assert sink.compact(table="orders", date="2026-01-05").written == 0
    deliver(sink, cut)
    assert sink_suite.live(sink) == made.expected()


def test_a_log_keeps_the_promises_of_the_suite_that_are_about_state(make_log, place):
    sink_suite.in_no_order(make_log(), 4)
    for check in (
        sink_suite.keys_that_look_alike,
        sink_suite.one_bad_record_between_good_ones,
        sink_suite.an_image_that_the_view_hides_is_refused,
        sink_suite.a_text_that_no_store_takes_is_refused_alone,
    ):
        place["prefix"] = buckets.prefix()
        check(make_log())


def test_an_image_of_a_backfill_is_older_than_every_change_in_a_log(make_log):
    made = History(random.Random(4))
    images = [made.put(key, n={"N": "0"}) | {"afterbay": {"backfill": True}} for key in KEYS[2:5]]
    changes = [ChangeRecord(made.put(KEYS[2], n={"N": "1"})), ChangeRecord(made.delete(KEYS[3]))]
    sink = make_log()
    deliver(sink, [changes, [ChangeRecord(image) for image in images]])
    assert sink_suite.live(sink) == made.expected()


def rows_of_replays_without_a_reader(sink, place) -> None:
    """Who counts rows without removing what is there twice still counts each change once (shortcut 6)."""
    changes = history(14, changes=20).changes
    cut = [changes[start : start + 5] for start in range(0, len(changes), 5)]
    for batch in (*cut, *cut, cut[2]):
        sink.apply(batch)
    plain = [place["client"].get_object(Bucket=place["bucket"], Key=f"{place['prefix']}/{n}") for n in objects(place)]
    assert sum(one["Body"].read().count(b"\n") for one in plain) == len(changes)


def test_a_batch_that_comes_again_adds_no_rows(make_log, place):
    rows_of_replays_without_a_reader(make_log(written="jsonl none"), place)


def test_objects_named_by_wall_clock_time_fail_the_same_check(make_log, place, monkeypatch):
    """Known-wrong shortcut 6. The clock here is one that only goes on."""
    clock = itertools.count(1767607872)
    monkeypatch.setattr(bucket_log, "object_name", lambda _rows, suffix: f"changes-{next(clock)}{suffix}")
    with pytest.raises(AssertionError):
        rows_of_replays_without_a_reader(make_log(written="jsonl none"), place)
