"""A recording runs through a real mapping into a handler, in no time, and everything that happened is told."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import afterbay
from afterbay.core.change.kinesis import kinesis_record
from afterbay.core.change.wire import raw_from_lambda
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId
from afterbay.errors import RecordError, SettingsError
from afterbay.sources.recording_lines import Head, RecordedGap, RecordedRecord, RecordedShard, RecordedUnreadable
from afterbay.sources.recording_writer import RecordingWriter
from afterbay.testing import FIRST_NUMBER, STREAM_ARN, change, items, recording, replay, stream_event
from afterbay.testing.fixtures import afterbay_sink as afterbay_sink

P, L, R = "parent", "left", "right"
PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def keys(changes) -> str:
    return "".join(one.keys["pk"] for one in changes)


def event(letters: str, **more):
    """One item a letter, of value ``n``: its place."""
    return stream_event(*(change(new={"pk": one, "n": n}, **more) for n, one in enumerate(letters)))


def succeed(event, context):
    return None


class Handler:
    """Fails while the batch holds one of ``bad``; a partial answer names it."""

    def __init__(self, bad: str = "", *, partial: bool = False, times: int = 1_000_000) -> None:
        self.bad, self.partial, self.times = bad, partial, times
        self.calls: list[str] = []

    def __call__(self, event, context):
        names = "".join(one["dynamodb"]["Keys"]["pk"]["S"] for one in event["Records"])
        self.calls.append(names)
        failed = [one for one in event["Records"] if one["dynamodb"]["Keys"]["pk"]["S"] in self.bad]
        if not failed or self.times <= 0:
            return None
        self.times -= 1
        if not self.partial:
            raise ValueError("poison")
        return {"batchItemFailures": [{"itemIdentifier": one["dynamodb"]["SequenceNumber"]} for one in failed]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A parent and its children after a split; the item ``a`` is changed on both sides of it."""
    file = tmp_path / "items.changes.gz"
    with RecordingWriter.create(file, Head(STREAM_ARN, "trim", "2026-01-01T00:00:00.000Z")) as writer:
        for shard, parents, letters in ((P, (), "ab"), (L, (P,), "a"), (R, (P,), "b")):
            writer.write(RecordedShard(ShardDescription(ShardId(shard), tuple(map(ShardId, parents)))))
            for letter in letters:
                n = writer.records + 1
                record = change(new={"pk": letter, "n": n}, number=FIRST_NUMBER + n)
                body = json.dumps(record).encode()
                writer.write(RecordedRecord(ShardId(shard), raw_from_lambda(body)))
    return file


def test_a_recording_gives_its_changes_and_events(path):
    loaded = recording(path)
    assert keys(loaded.changes()) == "abab" and loaded.stream_arn == STREAM_ARN
    assert [keys(afterbay.changes(one)) for one in loaded.events()] == ["ab", "a", "b"]
    assert [keys(afterbay.changes(one)) for one in loaded.events(batch=1)] == ["a", "b", "a", "b"]
    with pytest.raises(SettingsError, match="0 is no number"):
        loaded.events(batch=0)


def test_a_recording_of_a_kinesis_stream_gives_its_events_and_refuses_what_is_of_tables(tmp_path):
    arn, file = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks", tmp_path / "clicks.changes"
    with RecordingWriter.create(file, Head(arn, "trim", "2026-01-01T00:00:00.000Z")) as writer:
        writer.write(RecordedShard(ShardDescription(ShardId(P))))
        for n in (1, 2):
            made = kinesis_record(
                stream_arn=arn,
                shard=P,
                sequence_number=str(n),
                partition_key="p",
                data=b"click",
                arrived=datetime(2026, 1, 1, tzinfo=UTC),
                role="r",
            )
            writer.write(RecordedRecord(ShardId(P), made))
    loaded = recording(file)
    (told,) = loaded.events()
    assert [one["kinesis"]["sequenceNumber"] for one in told["Records"]] == ["1", "2"]
    with pytest.raises(SettingsError, match=rf"changes\(\): .*{arn}.*events\(\)"):
        loaded.changes()
    for source in (file, loaded):
        with pytest.raises(SettingsError, match=rf"replay\(\): plays a table's stream.*{arn}.*events\(\)"):
            replay(source, succeed)


def test_parents_are_delivered_before_children(path, afterbay_sink):
    told = replay(path, afterbay.into(afterbay_sink))
    assert told.calls[0].shard == P and sorted(one.shard for one in told.calls[1:]) == [L, R]
    assert [one["n"] for one in items(afterbay_sink)] == [3, 4]
    assert len(told.delivered) == 4 and told.discarded == told.blocked == told.filtered == ()


def test_the_address_of_the_sink_of_a_test_is_its_own(afterbay_sink):
    replay(event("a"), afterbay.into(afterbay.sink(str(afterbay_sink))))
    assert items(afterbay_sink) == [{"pk": "a", "n": 0}]


def test_a_loaded_recording_is_taken_as_well(path):
    assert len(replay(recording(path), succeed).delivered) == 4


def test_batches_are_as_large_as_asked(path):
    handler = Handler()
    told = replay(event("abcde"), handler, BatchSize=2)
    assert handler.calls == ["ab", "cd", "e"] and [one.ok for one in told.calls] == [True] * 3
    assert told.calls[0].event["Records"][0]["dynamodb"]["Keys"] == {"pk": {"S": "a"}}


def test_filters_are_the_mappings(path):
    pattern = json.dumps({"dynamodb": {"NewImage": {"pk": {"S": ["b", "d"]}}}})
    told = replay(event("abcd"), succeed, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    assert (keys(told.delivered), keys(told.filtered)) == ("bd", "ac")


def test_a_poison_record_is_bisected_out_and_gets_its_letter():
    handler = Handler("c")
    told = replay(event("abcd"), handler, MaximumRetryAttempts=0, BisectBatchOnFunctionError=True)
    assert handler.calls == ["abcd", "ab", "cd", "c", "d"]
    assert (keys(told.delivered), keys(told.discarded), keys(told.blocked)) == ("abd", "c", "")
    (letter,) = told.letters
    assert letter["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert letter["DDBStreamBatchInfo"]["startSequenceNumber"] == str(FIRST_NUMBER + 2)
    assert [one.error for one in told.calls] == ["poison", None, "poison", "poison", None]


def test_a_partial_answer_goes_on_from_the_lowest_failure():
    handler = Handler("c", partial=True, times=2)
    told = replay(event("abcd"), handler, MaximumRetryAttempts=5, **PARTIAL)
    assert handler.calls == ["abcd", "cd", "cd"] and [one.attempt for one in told.calls] == [1, 1, 2]
    assert keys(told.delivered) == "abcd" and told.calls[0].answer["batchItemFailures"]


def test_failures_that_nobody_asked_for_are_ignored_as_on_aws():
    assert keys(replay(event("ab"), Handler("a", partial=True)).delivered) == "ab"


def test_retries_back_off_in_virtual_time_only():
    began = time.monotonic()
    told = replay(event("a"), Handler("a", times=12), MaximumRetryAttempts=20)
    assert len(told.calls) == 13 and told.took_s > 120 and keys(told.delivered) == "a"
    assert time.monotonic() - began < 5
    assert [one.at_s for one in told.calls[:4]] == [0.0, 0.25, 0.75, 1.75]


def test_records_that_grow_too_old_are_discarded():
    told = replay(event("ab"), Handler("a"), MaximumRecordAgeInSeconds=60)
    assert keys(told.discarded) == "ab" and told.delivered == ()
    assert {one["requestContext"]["condition"] for one in told.letters} == {"RecordAgeExceeded"}


def test_a_shard_that_is_blocked_for_ever_is_said_to_be():
    told = replay(event("ab"), Handler("a"), blocked_after_s=600)
    assert keys(told.blocked) == "ab" and told.letters == () and 600 < told.took_s < 700


def test_lanes_take_items_side_by_side_each_in_order():
    handler = Handler("a", times=3)
    told = replay(event("abcdefghabcdefgh"), handler, ParallelizationFactor=4, MaximumRetryAttempts=9)
    assert len(handler.calls) > 4 and len(told.delivered) == 16
    for letter in "abcdefgh":
        assert [one.new["n"] for one in told.delivered if one.keys["pk"] == letter] == [
            "abcdefgh".index(letter),
            "abcdefgh".index(letter) + 8,
        ]


def test_a_tumbling_window_is_told_its_state():
    def count(event, context):
        return {"state": {"n": event["state"].get("n", 0) + len(event["Records"])}}

    told = replay(event("abc"), count, BatchSize=2, TumblingWindowInSeconds=60)
    assert told.calls[-1].event["isFinalInvokeForWindow"] is True and told.calls[-1].event["state"] == {"n": 3}
    assert told.calls[-1].records == ()


def test_paced_records_come_when_they_were_written():
    made = stream_event(
        *(change(new={"pk": one}, created=1_000_000 + at) for one, at in (("a", 0), ("b", 0), ("c", 9)))
    )
    handler = Handler()
    told = replay(made, handler, paced=True)
    assert handler.calls == ["ab", "c"] and told.calls[1].at_s == 9.0
    assert replay(made, succeed).calls[0].at_s == 0.0 and len(replay(made, succeed).calls) == 1


def test_records_are_accounted_for_once_in_a_batch_that_was_discarded_beside_others():
    told = replay(event("abcdefgh"), Handler("ae"), ParallelizationFactor=2, BatchSize=1, MaximumRetryAttempts=0)
    assert sorted(keys(told.discarded)) == ["a", "e"] and len(told.delivered) == 6 and told.blocked == ()


def test_a_destination_of_ones_own_is_named_in_the_letter():
    queue = "arn:aws:sqs:us-east-1:000000000000:mine"
    config = {"OnFailure": {"Destination": queue}}
    told = replay(event("a"), Handler("a"), MaximumRetryAttempts=0, DestinationConfig=config)
    assert len(told.letters) == 1


REFUSED = {
    "a misspelt name": ({"BatchSise": 1}, "'BatchSise' is no parameter"),
    "a number out of range": ({"BatchSize": 0}, "'0' at 'batchSize'"),
    "a position behind it all": ({"StartingPosition": "LATEST"}, "LATEST begins behind"),
    "another stream than the records'": ({"EventSourceArn": "arn:aws:sqs:us-east-1:1:q"}, r"replay\(EventSourceArn=\)"),
    "no ARN at all": ({"EventSourceArn": None}, r"replay\(EventSourceArn=\)"),
}


@pytest.mark.parametrize(("settings", "told"), REFUSED.values(), ids=REFUSED)
def test_settings_are_checked_as_aws_checks_them(settings, told):
    with pytest.raises(SettingsError, match=told):
        replay(event("a"), succeed, **settings)


def test_the_stream_of_the_records_may_be_named():
    assert len(replay(event("a"), succeed, EventSourceArn=STREAM_ARN).delivered) == 1


def test_what_is_no_event_is_refused():
    with pytest.raises(SettingsError, match="an event has Records"):
        replay({"Records": []}, succeed)
    with pytest.raises(SettingsError, match="an event has Records"):
        replay([], succeed)
    with pytest.raises(SettingsError, match="NoneType is no handler"):
        replay(event("a"), None)


def test_only_a_memory_sink_shows_its_items(afterbay_sink):
    filtered = afterbay.sink(str(afterbay_sink), where={"pk": {"S": ["a"]}})
    assert afterbay.into(filtered)(event("ab"), None) == {"batchItemFailures": []}
    assert items(filtered) == items(afterbay_sink) == [{"pk": "a", "n": 0}]
    for other in (None, "memory:x", afterbay.sink("sqlite:///x?table=t")):
        with pytest.raises(SettingsError, match="shows a memory sink"):
            items(other)


def test_a_record_that_could_not_be_read_stops_it_as_it_stops_a_mapping(tmp_path):
    path = tmp_path / "r"
    with RecordingWriter.create(path, Head(STREAM_ARN, "trim", "")) as writer:
        writer.write(RecordedShard(ShardDescription(ShardId(P))))
        writer.write(RecordedUnreadable(ShardId(P), str(FIRST_NUMBER), "no keys", b"{}"))
        writer.write(RecordedGap(ShardId(P), "trimmed"))
    for use in (lambda: replay(path, succeed), recording(path).changes, recording(path).events):
        with pytest.raises(RecordError, match="no keys"):
            use()
    assert recording(path).gaps == ["parent: trimmed"]


def test_an_event_loop_of_the_tests_own_is_not_in_the_way():
    async def inside() -> int:
        return len(replay(event("ab"), succeed).delivered)

    assert asyncio.run(inside()) == 2
