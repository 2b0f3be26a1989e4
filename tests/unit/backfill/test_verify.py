"""A whole run over a table and a sink in memory: what is found, what is mended, what is said."""

from __future__ import annotations

import json
import random
from contextlib import closing
from dataclasses import replace

import msgspec
import pytest

from afterbay.backfill.items import TableShape
from afterbay.backfill.newest import Newest
from afterbay.backfill.notebook import Notebook
from afterbay.backfill.verified import lines
from afterbay.backfill.verify import Verification, VerifyOptions
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import LOWEST_TOKEN
from afterbay.errors import SettingsError, UnavailableError
from afterbay.sinks.memory import MemoryRow, MemorySink
from afterbay.sinks.where import WhereSink, read_where
from unit.backfill.sides import NOW_S, TABLE, FakeTable, Time, both_sides, key

LABEL = "2026-01-05T10:11:12.345"


def token(number: int) -> str:
    return f"{LABEL}/{number:040d}"


def item(pk: str, version: int, **attributes: dict) -> dict:
    return {"pk": {"S": pk}, "v": {"N": str(version)}, **attributes}


class Pair:
    """A table of ``items`` and a memory sink that shows the same; ``rows`` are the sink's, by partition key."""

    def __init__(self, items: dict[str, dict], sink=None) -> None:
        self.table = FakeTable(items)
        self.memory = sink or MemorySink()
        self.rows = self.memory._store.rows
        for number, (pk, one) in enumerate(items.items(), 1):
            self.row(pk, MemoryRow(token(number), {"pk": pk, "v": int(one["v"]["N"])}))

    def row(self, pk: str, row: MemoryRow | None) -> None:
        if row is None:
            del self.rows[key(pk)]
        else:
            self.rows[key(pk)] = row

    async def verify(
        self, *, repair=False, newest=None, time=None, sink=None, described=TABLE, rng=None, wait_s=2.0, **options
    ):
        both = both_sides(self.table, sink or self.memory, described=described)
        time = time or Time()
        verification = Verification(
            both, VerifyOptions(wait_s=wait_s, **options), newest=newest, pace=time.pace, rng=rng or random.Random(1)
        )
        with closing(both.holdings), closing(Notebook()) as notebook:
            report = await verification.run(notebook)
            repaired = await verification.repair(notebook, both.holdings) if repair else None
        return report, repaired


@pytest.fixture
def pair() -> Pair:
    return Pair({f"k{number}": item(f"k{number}", number) for number in range(10)})


def kinds(report) -> dict[str, str]:
    return {json.loads(one.key)["pk"]["S"]: one.finding.kind.value for one in report.samples}


async def test_equal_sides_are_equal(pair):
    report, _ = await pair.verify()
    assert (report.compared, report.damaged, report.samples, report.settled) == (10, 0, (), 0)
    assert list(lines(report))[-1] == "nothing differs"
    pair.memory.apply([])
    assert [name for name, _ in pair.table.calls] == ["scan"] * 4, "no item is read twice"


async def test_each_side_is_read_for_what_the_other_has_not(pair):
    pair.row("k1", None)
    pair.row("k2", MemoryRow(token(99), None))
    pair.row("ghost", MemoryRow(token(99), {"pk": "ghost"}))
    pair.row("k3", MemoryRow(token(4), {"pk": "k3", "v": 33}))
    report, _ = await pair.verify()
    assert kinds(report) == {"k1": "missing", "k2": "missing", "ghost": "extra", "k3": "different"}
    assert report.compared == 11
    told = "\n".join(lines(report))
    assert f"missing {key('k1')}: never written" in told and f"different {key('k3')}: v differs" in told
    assert "33" not in told, "values are the customer's"
    document = json.loads(msgspec.json.encode(report.document()))
    assert (document["missing"], document["extra"], document["different"], document["equal"]) == (2, 1, 1, False)
    assert document["samples"][0]["key"] == {"pk": {"S": "k1"}}


async def test_values_are_shown_when_they_are_asked_for(pair):
    pair.row("k3", MemoryRow(token(4), {"pk": "k3", "v": 33}))
    report, _ = await pair.verify(show_values=True)
    assert '  expected {"pk":"k3","v":3}' in list(lines(report))
    document = json.loads(msgspec.json.encode(report.document()))
    assert document["samples"][0]["found"] == {"pk": "k3", "v": 33}


async def test_stale_is_what_lacks_a_change_that_the_stream_has(pair):
    pair.row("k3", MemoryRow(token(4), {"pk": "k3", "v": 33}))
    pair.row("k4", MemoryRow(token(5), {"pk": "k4", "v": 44}))
    pair.row("k5", MemoryRow(LOWEST_TOKEN, {"pk": "k5", "v": 55}))
    asked = []

    async def newest(keys) -> Newest:
        asked.append(set(keys))
        return Newest({key("k3"): token(7), key("k4"): token(5), key("k5"): token(1)})

    report, _ = await pair.verify(newest=newest)
    assert kinds(report) == {"k3": "stale", "k4": "different", "k5": "stale"}
    assert asked == [{key("k3"), key("k4"), key("k5")}]
    equal, _ = await Pair({"a": item("a", 1)}).verify(newest=newest)
    assert equal.damaged == 0 and len(asked) == 1, "an unread stream costs nothing"


async def test_a_stream_that_cannot_be_read_is_said(pair):
    pair.row("k3", MemoryRow(token(4), {"pk": "k3", "v": 33}))

    async def newest(keys) -> Newest:
        raise UnavailableError("no stream today", code="Down")

    report, _ = await pair.verify(newest=newest)
    assert kinds(report) == {"k3": "different"} and "no stream today" in report.notes[0]


async def test_what_arrives_while_verify_waits_is_no_difference(pair):
    pair.table.items["k3"] = item("k3", 4)
    time = Time(lambda now_s: pair.row("k3", MemoryRow(token(40), {"pk": "k3", "v": 4})) if now_s > 1 else None)
    report, _ = await pair.verify(time=time)
    assert (report.damaged, report.settled) == (0, 1)


async def test_only_the_matching_items_are_to_be_there():
    pair = Pair({"a": item("a", 1), "b": item("b", 2)})
    sink = WhereSink(pair.memory, read_where({"v": {"N": ["1"]}}, "test"))
    report, repaired = await pair.verify(sink=sink, repair=True)
    assert kinds(report) == {"b": "extra"}
    assert repaired is not None and (repaired.repaired, repaired.remaining) == (1, 0)
    assert pair.rows[key("b")] == MemoryRow(token(2), None)


async def test_repair_mends_with_the_token_that_is_there(pair):
    pair.row("k1", None)
    pair.row("ghost", MemoryRow(token(99), {"pk": "ghost"}))
    pair.row("k3", MemoryRow(token(4), {"pk": "k3", "v": 33}))
    report, repaired = await pair.verify(repair=True)
    assert repaired is not None
    assert (repaired.repaired, repaired.agreed, repaired.remaining, repaired.could_not) == (3, 0, 0, {})
    assert pair.rows[key("k1")] == MemoryRow(LOWEST_TOKEN, {"pk": "k1", "v": 1})
    assert pair.rows[key("ghost")] == MemoryRow(token(99), None)
    assert pair.rows[key("k3")] == MemoryRow(token(4), {"pk": "k3", "v": 3})
    assert "repaired 3; 0 agreed by then; 0 still differ" in list(lines(report, repaired))


async def test_a_key_that_cannot_be_mended_is_told_and_counted(pair):
    pair.row("k1", MemoryRow("zzz", {"pk": "k1", "v": 1}))
    pair.row("k2", MemoryRow("zzz", {"pk": "k2", "v": 22}))
    report, repaired = await pair.verify(repair=True)
    assert kinds(report) == {"k1": "different", "k2": "different"}
    assert repaired is not None and (repaired.repaired, repaired.remaining) == (0, 2)
    assert all("delete the item in the sink" in reason for reason in repaired.could_not.values())
    assert pair.rows[key("k2")].item == {"pk": "k2", "v": 22}
    pair.row("k1", None)
    pair.row("k2", None)
    _, repaired = await pair.verify(repair=True)
    assert repaired is not None and (repaired.repaired, repaired.remaining) == (2, 0)


async def test_what_expired_is_neither_damage_nor_mended(pair):
    described = replace(TABLE, ttl_attribute="until")
    kept = MemoryRow(token(99), {"pk": "old", "until": int(NOW_S) - 5})
    pair.row("old", kept)
    report, repaired = await pair.verify(described=described, repair=True)
    assert (report.damaged, report.counts["kept"], kinds(report)) == (0, 1, {"old": "kept"})
    assert repaired is not None and repaired.repaired == 0 and pair.rows[key("old")] == kept


async def test_a_sink_that_only_reads_is_compared_as_a_whole(pair):
    class Log:
        def read_live(self):
            return pair.memory.read_live()

    pair.row("k1", None)
    pair.row("ghost", MemoryRow(token(99), {"pk": "ghost"}))
    pair.row("k3", MemoryRow(token(4), {"pk": "k3", "v": 33}))
    late = Time(lambda now_s: pair.row("k5", MemoryRow(token(6), {"pk": "k5", "v": 5})))
    pair.row("k5", None)
    report, _ = await pair.verify(sink=Log(), time=late, looks_many=0)
    assert kinds(report) == {"k1": "missing", "ghost": "extra", "k3": "different"}
    assert report.settled == 1


@pytest.mark.parametrize("large", [False, True])
async def test_a_sample_looks_at_so_many_of_each_side(large):
    items = {f"k{number:04}": item(f"k{number:04}", number) for number in range(3000 if large else 60)}
    pair = Pair(items)
    described = TableShape("orders", {"pk": "S"}, 20_000 if large else 60, None, None)
    report, _ = await pair.verify(sample=20, described=described)
    assert report.sampling is not None
    assert (report.sampling.of_table, report.sampling.of_sink) == (20, 20)
    assert 20 <= report.compared <= 40
    assert report.sampling.share_max(0) == pytest.approx(1 - 0.05 ** (1 / 20))
    assert "fewer than 13.91% of all" in "\n".join(lines(report))
    for row in list(pair.rows):
        del pair.rows[row]
    damaged, _ = await pair.verify(sample=20, described=described)
    assert damaged.damaged == 20 and damaged.sampling is not None and damaged.sampling.share_max(20) is None
    assert "verify without --sample" in "\n".join(lines(damaged))


async def test_a_sample_gives_each_item_its_chance():
    pair = Pair({f"k{number}": item(f"k{number}", number) for number in range(12)})
    drawn: dict[str, int] = {}
    for row in list(pair.rows):
        del pair.rows[row]
    for seed in range(120):
        report, _ = await pair.verify(sample=3, rng=random.Random(seed), wait_s=0)
        for name in kinds(report):
            drawn[name] = drawn.get(name, 0) + 1
    assert len(drawn) == 12 and sum(drawn.values()) == 360
    assert min(drawn.values()) > 12 and max(drawn.values()) < 60


async def test_the_sink_of_another_table_is_refused(pair):
    pair.rows['{"id":{"S":"x"}}'] = MemoryRow(token(1), {"id": "x"})
    with pytest.raises(SettingsError, match="is it this table's sink"):
        await pair.verify()


@pytest.mark.parametrize("sample", [None, 2])
async def test_a_sink_that_cannot_be_asked_is_one_error_and_no_group_of_them(pair, monkeypatch, sample):
    def away(keys):
        raise UnavailableError("the sink is away", code="Away")

    monkeypatch.setattr(pair.memory, "look_up", away)
    with pytest.raises(UnavailableError, match="the sink is away"):
        await pair.verify(sample=sample)


def test_changes_are_what_the_sink_was_written_with():
    """The rows above are what ``apply`` leaves."""
    record = {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": TABLE.stream_arn,
        "dynamodb": {
            "Keys": {"pk": {"S": "k1"}},
            "NewImage": item("k1", 1),
            "SequenceNumber": "1" + "0" * 20,
            "ApproximateCreationDateTime": 1,
            "StreamViewType": "NEW_IMAGE",
        },
    }
    sink = MemorySink()
    sink.apply([ChangeRecord(record)])
    assert sink.rows() == {key("k1"): MemoryRow(token(10**20), {"pk": "k1", "v": 1})}
