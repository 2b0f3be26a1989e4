"""A table, read for its items: described, scanned, single items looked up. Always strongly consistent (E12, E14).

Decides how calls are made and what waits for capacity. What the items are for is the caller's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from afterbay.aws.client import Caller
from afterbay.aws.date import date_of
from afterbay.backfill.budget import UNIT_BYTES, Budget
from afterbay.backfill.table import describe_table
from afterbay.core.change.size import item_size
from afterbay.core.change.value import TypedItem, canonical, decode_item, sdk_item, wire_item
from afterbay.errors import SettingsError, ThrottledError

__all__ = ["Capacity", "SteadyCapacity", "TableItems", "TableShape", "describe_shape"]

GET_ITEMS_MAX = 100
"""Keys of one BatchGetItem (the service's limit)."""

THROTTLES_MAX = 8
PAUSE_S = 0.1
PAUSE_S_MAX = 5.0
"""Throttled: the pauses double, half a minute in all. A table that still refuses then has no capacity to spare."""

WAIT_MIN_S = 0.001
"""A clock that says the same twice must not make a wait endless."""

Pause = Callable[[float], Awaitable[None]]


class Capacity(Protocol):
    """Who says when there is capacity to read on."""

    async def take(self, units: float) -> None:
        """Note what was read; return when the next call may be made."""
        ...


class SteadyCapacity:
    """So many read capacity units a second, by a ``Budget``. What a call cost is known only afterwards: the next one
    waits for it."""

    def __init__(
        self, units_per_s: float, *, monotonic: Callable[[], float] = time.monotonic, pause: Pause = asyncio.sleep
    ) -> None:
        self._budget = Budget(units_per_s)
        self._monotonic = monotonic
        self._pause = pause

    async def take(self, units: float) -> None:
        await self._turn()
        now_s = self._monotonic()
        self._budget.settle(self._budget.start(units, now_s), units, now_s)
        await self._turn()

    async def _turn(self) -> None:
        while (wait_s := self._budget.wait_s(self._monotonic())) > 0:
            await self._pause(max(wait_s, WAIT_MIN_S))


@dataclass(frozen=True, slots=True)
class TableShape:
    """What a table is. ``keys``: its key attributes and their types (S, N or B), the partition key first.

    ``items_about`` is the service's own count, some hours old. ``ttl_attribute`` None: TTL is off.
    """

    name: str
    keys: Mapping[str, str]
    items_about: int
    stream_arn: str | None
    ttl_attribute: str | None

    def key_of(self, item: TypedItem) -> dict[str, object]:
        """The key of one of the table's items, typed."""
        return {name: item[name] for name in self.keys}

    def key_named(self, canonical_key: Mapping[str, object], origin: str) -> dict[str, object]:
        """A key that a sink shows, checked against the table's. Raises ``SettingsError`` for another table's."""
        types = {
            name: next(iter(cast("Mapping[str, object]", value)), "") if isinstance(value, Mapping) else ""
            for name, value in canonical_key.items()
        }
        if types != dict(self.keys):
            raise SettingsError(
                f"{origin} holds an item whose key is not one of table {self.name}",
                hint="is it this table's sink? A sink belongs to one source table",
            )
        return dict(canonical_key)


async def describe_shape(caller: Caller, name: str, *, on_date: Callable[[datetime], None] | None = None) -> TableShape:
    """What is to be known of a table before it is held against a sink. Raises as ``describe_table``."""
    table = await describe_table(caller, name, on_date=on_date)
    told = await caller.call("dynamodb", "describe_time_to_live", TableName=name)
    expiry = cast("dict[str, str]", told.get("TimeToLiveDescription", {}))
    return TableShape(
        name=table.name,
        keys=table.keys,
        items_about=table.items or 0,
        stream_arn=table.latest_stream_arn,
        ttl_attribute=expiry.get("AttributeName") if expiry.get("TimeToLiveStatus") == "ENABLED" else None,
    )


class TableItems:
    """Reads of one table. Raises ``ServiceError``; a throttled call is made again, later."""

    def __init__(
        self,
        caller: Caller,
        table: TableShape,
        *,
        capacity: Capacity | None = None,
        on_date: Callable[[datetime], None] | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.table = table
        self._caller = caller
        self._capacity = capacity
        self._on_date = on_date
        self._pause = pause

    async def scan(
        self, segment: int = 0, segments: int = 1, *, limit: int | None = None
    ) -> AsyncGenerator[list[TypedItem], None]:
        """The items of one segment, page by page; ``limit`` is how many a page has at most."""
        request: dict[str, object] = {"TableName": self.table.name, "ConsistentRead": True}
        if segments > 1:
            request |= {"Segment": segment, "TotalSegments": segments}
        if limit is not None:
            request["Limit"] = limit
        while True:
            answer = await self._call("scan", request)
            page: list[TypedItem] = [wire_item(one) for one in cast("list[TypedItem]", answer["Items"])]
            await self._spent(answer.get("ConsumedCapacity"), page)
            yield page
            last = answer.get("LastEvaluatedKey")
            if not last:
                return
            request["ExclusiveStartKey"] = last

    async def get(self, keys: Sequence[TypedItem]) -> list[TypedItem | None]:
        """The items of ``keys`` as they are now, in their order; None where there is none. No two keys are equal."""
        found: dict[bytes, TypedItem] = {}
        for start in range(0, len(keys), GET_ITEMS_MAX):
            for item in await self._get(keys[start : start + GET_ITEMS_MAX]):
                found[canonical(self.table.key_of(item))] = item
        return [found.get(canonical(one)) for one in keys]

    async def _get(self, keys: Sequence[TypedItem]) -> list[TypedItem]:
        items: list[TypedItem] = []
        name = self.table.name
        wanted: object = {"Keys": [sdk_item(decode_item(one)) for one in keys], "ConsistentRead": True}
        again = 0
        while wanted is not None:
            answer = await self._call("batch_get_item", {"RequestItems": {name: wanted}})
            responses = cast("dict[str, list[TypedItem]]", answer["Responses"])
            page = [wire_item(one) for of_table in responses.values() for one in of_table]
            consumed = cast("list[object]", answer.get("ConsumedCapacity") or [None])
            await self._spent(consumed[0], page)
            items += page
            unprocessed = cast("dict[str, object]", answer.get("UnprocessedKeys") or {})
            wanted = next(iter(unprocessed.values()), None)
            # A page of 16 MB leaves the rest over; nothing at all read is a throttle in other words.
            again = 0 if page else again + 1
            if wanted is not None and again:
                await self._wait(again, ThrottledError(f"{name}: no key of a batch was read", code="UnprocessedKeys"))
        return items

    async def _call(self, operation: str, request: Mapping[str, object]) -> dict[str, object]:
        throttled = 0
        while True:
            try:
                answer = await self._caller.call("dynamodb", operation, **request, ReturnConsumedCapacity="TOTAL")
            except ThrottledError as slower:
                throttled += 1
                await self._wait(throttled, slower)
                continue
            if self._on_date is not None and (date := date_of(answer)) is not None:
                self._on_date(date)
            return answer

    async def _wait(self, times: int, why: ThrottledError) -> None:
        if times > THROTTLES_MAX:
            raise why
        await self._pause(why.retry_after_s or min(PAUSE_S * 2**times, PAUSE_S_MAX))

    async def _spent(self, told: object, page: Sequence[TypedItem]) -> None:
        """What a call cost: what the service says, or what its items come to where that is more, since an address may
        say anything."""
        if self._capacity is None:
            return
        said = cast("dict[str, float]", told).get("CapacityUnits", 0.0) if isinstance(told, Mapping) else 0.0
        units = sum(map(item_size, page)) / UNIT_BYTES
        await self._capacity.take(max(float(said), units))
