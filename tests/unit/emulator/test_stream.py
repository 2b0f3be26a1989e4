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
from afterbay.emulator.stream import OPEN_SHARDS_MAX, KeyElement, StreamLog, stream_label
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


# ---- age


def hours_of(log: StreamLog, hours: float) -> list[float]:
    """The ages at which shards ended in so many hours of an idle stream, looked at each minute."""
    for minute in range(int(hours * 60) + 1):
        log.age(NOW + timedelta(minutes=minute))
    made = {one.shard_id: one.created_ms for one in log.shards()}
    return [(one.created_ms - made[one.parent]) / 3_600_000 for one in log.shards() if one.parent in made]


def test_a_shard_lives_about_four_hours_and_is_continued_by_one():
    log = stream(roots=4)
    ages = hours_of(log, 23)
    assert len(ages) >= 16 and all(3.75 <= age < 4.51 for age in ages)
    assert len(set(ages)) == len(ages), "they do not end all together"
    assert [one.closed for one in log.shards(after=sorted(one.shard_id for one in log.shards())[-5])] == [False] * 4


def test_shards_end_at_their_own_instant_whenever_somebody_looks():
    """Looked at each minute or once, the lineage is the same."""
    often, once = stream(), stream()
    hours_of(often, 20)
    once.age(NOW + timedelta(hours=20))
    assert [vars(one) for one in often.shards()] == [vars(one) for one in once.shards()]
    assert len(once.shards()) >= 5


def test_writes_go_to_the_child_from_its_instant_on():
    log = stream()
    put(log, "early", NOW + timedelta(hours=3))
    due = log.next_end()
    log.age(due - timedelta(seconds=1))
    assert [one.closed for one in log.shards()] == [False]
    (ended,) = log.age(due)
    put(log, "late", due)
    parent, child = log.shards()
    assert parent.shard_id == ended and child.parent == ended
    assert [len(one) for one in (parent, child)] == [1, 1]
    assert child.created_ms == int(due.timestamp() * 1000) and child.start > parent.end_number


def test_a_schedule_of_ones_own_splits_until_there_are_enough():
    log = stream()
    log.schedule(lifetime_s=600, children=2)
    sizes = []
    for minute in range(0, 101, 10):
        log.age(NOW + timedelta(minutes=minute, seconds=1))
        sizes.append(sum(not one.closed for one in log.shards()))
    assert sizes[:7] == [1, 2, 4, 8, 16, 32, 64] and sizes[-1] == OPEN_SHARDS_MAX
    log.schedule(lifetime_s=None, children=1)
    assert log.next_end() > NOW + timedelta(hours=3), "as on AWS again"


def test_a_shorter_life_ends_a_shard_behind_its_records():
    log = stream()
    put(log, "a", NOW + timedelta(hours=2))
    log.schedule(lifetime_s=60, children=1)
    log.age(NOW + timedelta(hours=2, minutes=1))
    first, *_ = log.shards()
    assert first.closed_s == int((NOW + timedelta(hours=2)).timestamp())


def test_a_year_of_idle_time_leaves_a_day_of_shards():
    log = stream()
    log.schedule(lifetime_s=3600, children=1)
    later = NOW + timedelta(days=365)
    log.age(later)
    log.trim(later)
    assert 24 <= len(log.shards()) <= 26
    put(log, "a", later)
    assert sum(len(one) for one in log.shards()) == 1


def test_a_disabled_stream_ages_no_more():
    log = stream()
    log.disable(NOW)
    assert log.next_end() is None and log.age(NOW + timedelta(hours=12)) == ()


def test_where_the_newest_record_can_still_be_read():
    log = stream()
    (shard,) = log.shards()
    assert shard.read(shard.before_last).records == []
    for key in "abc":
        put(log, key)
        assert [json.loads(one)["dynamodb"]["Keys"]["pk"]["S"] for one in shard.read(shard.before_last).records] == [
            key
        ]
