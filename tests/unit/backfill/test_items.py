"""Reads of a table: pages, what is left over, throttles, capacity."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from afterbay.backfill.items import SteadyCapacity, TableItems, TableShape, describe_shape
from afterbay.errors import SettingsError, ThrottledError
from unit.backfill.sides import TABLE, FakeTable, Time

ITEMS = {f"k{number}": {"pk": {"S": f"k{number}"}, "raw": {"B": bytes([number])}} for number in range(8)}


async def test_a_table_is_described():
    dates: list[datetime] = []

    class Service:
        async def call(self, service, operation, **parameters):
            assert parameters == {"TableName": "orders"}
            if operation == "describe_time_to_live":
                return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "until"}}
            return {
                "Table": {
                    "TableName": "orders",
                    "TableArn": "arn:aws:dynamodb:eu-west-1:000000000000:table/orders",
                    "CreationDateTime": datetime(2026, 1, 1, tzinfo=UTC),
                    "KeySchema": [
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                        {"AttributeName": "pk", "KeyType": "HASH"},
                    ],
                    "AttributeDefinitions": [
                        {"AttributeName": name, "AttributeType": kind}
                        for name, kind in (("pk", "S"), ("sk", "B"), ("g", "N"))
                    ],
                    "ItemCount": 7,
                    "LatestStreamArn": TABLE.stream_arn,
                },
                "ResponseMetadata": {"HTTPHeaders": {"date": "Mon, 05 Jan 2026 10:11:12 GMT"}},
            }

    told = await describe_shape(Service(), "orders", on_date=dates.append)
    assert told == TableShape("orders", {"pk": "S", "sk": "B"}, 7, TABLE.stream_arn, "until")
    assert list(told.keys) == ["pk", "sk"]
    assert dates == [datetime(2026, 1, 5, 10, 11, 12, tzinfo=UTC)]
    assert told.key_named({"sk": {"B": "AQ=="}, "pk": {"S": "a"}}, "sink") == {"pk": {"S": "a"}, "sk": {"B": "AQ=="}}
    for foreign in ({"pk": {"S": "a"}}, {"pk": {"S": "a"}, "sk": {"S": "AQ=="}}, {"pk": "a", "sk": {"B": "AQ=="}}):
        with pytest.raises(SettingsError, match="sink holds an item whose key is not one of table orders"):
            told.key_named(foreign, "sink")


async def test_a_scan_goes_through_all_pages_with_binary_as_text():
    reader = TableItems(FakeTable(ITEMS), TABLE)
    pages = [page async for page in reader.scan()]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert pages[0][1] == {"pk": {"S": "k1"}, "raw": {"B": "AQ=="}}
    segments = [item["pk"]["S"] for one in range(3) async for page in reader.scan(one, 3) for item in page]
    assert sorted(segments) == sorted(ITEMS)


async def test_items_come_in_the_order_of_their_keys_with_what_a_call_left_over():
    table = FakeTable(ITEMS)
    keys = [{"pk": {"S": name}} for name in ("k7", "none", "k0", "k3", "k5")]
    found = await TableItems(table, TABLE).get(keys)
    assert [None if one is None else one["pk"]["S"] for one in found] == ["k7", None, "k0", "k3", "k5"]
    assert [operation for operation, _ in table.calls] == ["batch_get_item"] * 2


async def test_a_throttled_call_is_made_again_later_and_not_for_ever():
    time = Time()
    throttled = [3]

    def before(operation: str) -> None:
        throttled[0] -= 1
        if throttled[0] >= 0:
            raise ThrottledError("slow down", code="ThrottlingException")

    reader = TableItems(FakeTable(ITEMS, before=before), TABLE, pause=time.pause)
    assert len(await reader.get([{"pk": {"S": "k1"}}])) == 1
    assert time.pauses == [0.2, 0.4, 0.8]
    throttled[0] = 1000
    with pytest.raises(ThrottledError):
        await reader.get([{"pk": {"S": "k1"}}])
    assert sum(time.pauses) < 40


async def test_keys_that_are_never_read_end_as_a_throttle():
    time = Time()
    table = FakeTable(ITEMS, page=0)
    with pytest.raises(ThrottledError):
        await TableItems(table, TABLE, pause=time.pause).get([{"pk": {"S": "k1"}}])


async def test_capacity_is_kept_over_time():
    time = Time()
    capacity = SteadyCapacity(10, monotonic=lambda: time.now_s, pause=time.pause)
    for _ in range(20):
        await capacity.take(5)
    assert time.now_s == pytest.approx(100 / 10)


async def test_a_page_costs_at_least_what_its_items_weigh():
    taken: list[float] = []

    class Capacity:
        async def take(self, units: float) -> None:
            taken.append(units)

    heavy = {"a": {"pk": {"S": "a"}, "v": {"S": "x" * 40_000}}}
    reader = TableItems(FakeTable(heavy), TABLE, capacity=Capacity())
    [_ async for _ in reader.scan()]
    assert taken[0] == pytest.approx(40_000 / 4096, rel=0.01)
