"""A table read by a parallel, strongly consistent Scan, within a budget of read capacity (E12, E15).

Decides how large a page is asked for, and when. What becomes of the items is not known here.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Protocol

import msgspec

from afterbay.backfill.budget import UNIT_BYTES, Budget, Charge, Weights
from afterbay.backfill.plan import Part
from afterbay.backfill.source import ItemPage, Patience, Time
from afterbay.core.change.size import item_size
from afterbay.core.change.value import TypedItem
from afterbay.errors import RecordError, ServiceError, ThrottledError, UnavailableError

__all__ = ["ANSWER_S", "PAGE_ITEMS_MAX", "SIGNING_NAME", "TARGET", "JsonCalls", "TableScan"]

SIGNING_NAME = "dynamodb"
TARGET = "DynamoDB_20120810"

ANSWER_S = 120.0
"""AWS answers within a second or two. A local address looks at the whole table for each page, one page at a time."""

PAGE_ITEMS_MAX = 1_000
"""A kill costs the pages in flight; and 1 MB of very small items would keep a reader, and its sink, for long."""

LOOK_EVERY_S = 0.05
"""A wait becomes shorter when a page turns out to have cost less than was reserved for it."""

WAIT_MIN_S = 0.001

_JSON_PER_BYTE = 8
"""An item's JSON is seldom so many times its size in the table; a page that is charged for less is weighed."""


class JsonCalls(Protocol):
    """What sends a call: ``aws.http.JsonCaller``. Raises ``ServiceError``."""

    async def call(self, operation: str, body: bytes) -> bytes: ...


class _Consumed(msgspec.Struct):
    CapacityUnits: float = 0.0


class _Answer(msgspec.Struct):
    Items: list[dict[str, object]] = msgspec.field(default_factory=list[dict[str, object]])
    LastEvaluatedKey: dict[str, object] | None = None
    ConsumedCapacity: _Consumed | None = None


_ANSWERS = msgspec.json.Decoder(_Answer)


class TableScan:
    """An ``ItemSource`` of a table's segments. A cursor is the JSON text of a LastEvaluatedKey."""

    def __init__(
        self, calls: JsonCalls, table: str, segments: int, budget: Budget, weights: Weights, time: Time
    ) -> None:
        self._calls = calls
        self._table = table
        self._segments = segments
        self._budget = budget
        self._weights = weights
        self._time = time
        self._line = asyncio.Lock()

    async def read(self, part: Part) -> ItemPage:
        patience = Patience(self._time)
        while True:
            try:
                return await self._page(part)
            except ServiceError as failure:
                if isinstance(failure, ThrottledError):
                    self._budget.throttled(self._time.now_s())
                await patience.pause(failure)

    async def _page(self, part: Part) -> ItemPage:
        units = self._budget.page_units
        limit = PAGE_ITEMS_MAX if units is None else min(PAGE_ITEMS_MAX, self._weights.limit(units))
        charge = await self._turn(self._weights.cost(limit))
        used = 0.0
        try:
            body = await self._calls.call("Scan", self._request(part, limit))
            answer = _read(body)
            used = _charged(answer, len(body))
        finally:
            self._budget.settle(charge, used, self._time.now_s())
        self._weights.learn(len(answer.Items), used)
        last = answer.LastEvaluatedKey
        return ItemPage(answer.Items, None if last is None else msgspec.json.encode(last).decode(), used)

    async def _turn(self, units: float) -> Charge:
        """Wait until a page may be let go; readers wait in line."""
        async with self._line:
            while (wait_s := self._budget.wait_s(self._time.now_s())) > 0:
                await self._time.sleep(min(max(wait_s, WAIT_MIN_S), LOOK_EVERY_S))
            return self._budget.start(units, self._time.now_s())

    def _request(self, part: Part, limit: int) -> bytes:
        request: dict[str, object] = {
            "TableName": self._table,
            "ConsistentRead": True,
            "Segment": part.number,
            "TotalSegments": self._segments,
            "ReturnConsumedCapacity": "TOTAL",
            "Limit": limit,
        }
        if part.cursor is not None:
            request["ExclusiveStartKey"] = msgspec.Raw(part.cursor.encode())
        return msgspec.json.encode(request)


def _read(body: bytes) -> _Answer:
    try:
        return _ANSWERS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise UnavailableError(f"Scan answered something else: {wrong}", code="UnreadableAnswer") from wrong


def _charged(answer: _Answer, answer_bytes: int) -> float:
    """The units that the service reports. An address that reports none, or the same for every call (moto's), is held to
    what the items weigh."""
    told = 0.0 if answer.ConsumedCapacity is None else answer.ConsumedCapacity.CapacityUnits
    plausible = told * UNIT_BYTES * _JSON_PER_BYTE >= answer_bytes
    return told if plausible else max(told, _weighed(answer.Items))


def _weighed(items: Sequence[TypedItem]) -> float:
    try:
        return float(math.ceil(sum(map(item_size, items)) / UNIT_BYTES))
    except RecordError:
        return 0.0  # what cannot be decoded has no weight here; the sink says what is wrong with it
