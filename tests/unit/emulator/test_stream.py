"""The shard log: records, lineage, retention (S16 to S24, S46 to S54, S103)."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from afterbay.core.change.arn import parse_stream_arn
from afterbay.core.change.view import ViewType
from afterbay.core.shard.lineage import ShardDescription, children_of, leaves, roots
from afterbay.core.shard.position import ShardId
from afterbay.emulator.record import Change
from afterbay.emulator.shard import FROM_HORIZON, ShardLog
from afterbay.emulator.stream import KeyElement, StreamLog, stream_label
from afterbay.errors import NotFoundError, SettingsError
from vectors.loading import vectors

NOW = datetime(2026, 1, 5, 10, 11, 12, 345678, UTC)


def stream(**more) -> StreamLog:
    arn = f"arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/{stream_label(NOW)}"
    settings = {"view": ViewType.NEW_AND_OLD_IMAGES, "keys": [KeyElement("pk", "HASH")], "created": NOW, "seed": b"s"}
    return StreamLog(parse_stream_arn(arn), **(settings | more))


def put(log: StreamLog, key: str, now: datetime = NOW, **attributes):
    return log.append(Change(None, {"pk": {"S": key}, **attributes}), now)


def records(shard: ShardLog) -> list[dict]:
    return [json.loads(one) for one in shard.read(FROM_HORIZON).records]


def test_a_label_is_the_time_with_milliseconds_and_no_zone():
    assert stream_label(NOW) == "2026-01-05T10:11:12.345"


def test_ids_tell_the_creation_time_and_rise_with_every_shard():
    log = stream(roots=4)
    ids = [one.shard_id for one in log.shards()]
    assert all(re.fullmatch("shardId-[0-9]{20}-[0-9a-f]{8}", one) for one in ids)
    first = ids[0]
    log.split(first, NOW)
    assert len(set(ids)) == 4 and int(ids[0][8:28]) == int(NOW.timestamp() * 1000)
    assert all(child.shard_id > max(ids) for child in log.shards(children_of=first))


def test_numbers_start_low_and_grow_digits():
    log = stream()
    numbers = [put(log, f"k{n}").number for n in range(120)]
    assert numbers == sorted(numbers) and {len(str(one)) for one in numbers} == {21, 22, 23}
    assert numbers[0] > log.shards()[0].start


def test_a_first_counter_forces_the_next_length_at_once():
    log = stream(first_counter=10**4 - 2)
    assert [len(str(put(log, "k", n={"N": str(n)}).number)) for n in range(2)] == [24, 25]


def test_no_two_records_of_a_stream_share_a_number():
    log = stream(roots=4)
    numbers = [put(log, f"k{n}").number for n in range(500)]
    assert len(set(numbers)) == 500 and all(len(one) > 0 for one in log.shards())


def test_an_item_stays_in_its_shard_however_its_key_is_spelt():
    log = stream(roots=4, keys=[KeyElement("pk", "HASH")])
    spelt = [log.append(Change(None, {"pk": {"N": text}}), NOW).shard for text in ("7", "7.0", "0.7E1")]
    assert len(set(spelt)) == 1


def test_children_share_what_was_their_parents():
    log = stream()
    (parent,) = log.shards()
    keys = [f"k{n}" for n in range(200)]
    for key in keys:
        put(log, key)
    children = log.split(parent.shard_id, NOW)
    for key in keys:
        put(log, key)
    kept = [len(log.shard(one)) for one in children]
    assert sum(kept) == 200 and min(kept) > 50
    assert parent.closed and all(log.shard(one).start > parent.end_number for one in children)


def test_a_rolled_shard_is_continued_by_one():
    log = stream(roots=4)
    first = log.shards()[0].shard_id
    (child,) = log.roll(first, NOW)
    assert log.shard(child).parent == first and [one.shard_id for one in log.shards(children_of=first)] == [child]


@pytest.mark.parametrize("end", [StreamLog.split, StreamLog.roll])
def test_a_closed_shard_is_not_ended_again(end):
    log = stream()
    (shard,) = log.shards()
    end(log, shard.shard_id, NOW)
    with pytest.raises(SettingsError, match="closed already"):
        end(log, shard.shard_id, NOW)


def test_an_unknown_shard_is_not_found():
    with pytest.raises(NotFoundError):
        stream().shard("shardId-00000000000000000001-00000000")


def test_records_go_after_a_day_and_their_closed_shard_with_them():
    log = stream()
    (parent,) = log.shards()
    put(log, "old")
    (child,) = log.roll(parent.shard_id, NOW)
    put(log, "later", NOW + timedelta(hours=1))
    log.trim(NOW + timedelta(hours=24, minutes=30))
    assert [one.shard_id for one in log.shards()] == [child]
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in records(log.shard(child))] == ["later"]
    log.trim(NOW + timedelta(hours=26))
    assert records(log.shard(child)) == [] and not log.shard(child).closed


def test_a_disabled_stream_is_closed_and_stays_for_a_day():
    log = stream(roots=4)
    put(log, "k")
    log.disable(NOW)
    assert all(one.end_number is not None for one in log.shards())
    assert not log.gone(NOW + timedelta(hours=24)) and log.gone(NOW + timedelta(hours=24, seconds=1))


def test_an_expiry_says_who_did_it_in_capitals():
    log = stream()
    log.append(Change({"pk": {"S": "k"}}, None, expired=True), NOW)
    (record,) = records(log.shards()[0])
    assert record["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


def test_sets_in_another_order_and_numbers_spelt_otherwise_are_no_change():
    log = stream()
    before = {"pk": {"S": "k"}, "s": {"SS": ["a", "b"]}, "n": {"N": "7"}}
    after = {"n": {"N": "7.0"}, "s": {"SS": ["b", "a"]}, "pk": {"S": "k"}}
    assert log.append(Change(before, after), NOW) is None and log.append(Change(None, None), NOW) is None


def described(shards: list[dict]) -> dict[ShardId, ShardDescription]:
    """Shards of a DescribeStream answer as the lineage rules take them."""
    return {
        ShardId(one["ShardId"]): ShardDescription(
            ShardId(one["ShardId"]),
            (ShardId(one["ParentShardId"]),) if "ParentShardId" in one else (),
            "EndingSequenceNumber" in one["SequenceNumberRange"],
        )
        for one in shards
    }


def test_our_own_lineage_is_one_that_readers_can_follow():
    log = stream()
    (root,) = log.shards()
    left, right = log.split(root.shard_id, NOW)
    (last,) = log.roll(left, NOW)
    listed = {
        one.shard_id: ShardDescription(one.shard_id, (one.parent,) if one.parent else (), one.closed)
        for one in log.shards()
    }
    assert roots(listed) == (root.shard_id,) and set(leaves(listed)) == {right, last}
    assert children_of(root.shard_id, listed) == (left, right)


@pytest.mark.parametrize(
    "vector", [one for one in vectors("streams/iterators.json") if "writes" in one.values[0].input]
)
def test_writes_of_one_item_share_their_open_shard(vector):
    with vector.opened() as (given, wanted):
        assert given["writes"] == "two writes of one item seconds apart, no shard roll between"
        log = stream(roots=4)
        first, second = put(log, "k"), put(log, "k", NOW + timedelta(seconds=3), n={"N": "1"})
        assert (first.shard == second.shard) is wanted["both_in_same_shard"]
