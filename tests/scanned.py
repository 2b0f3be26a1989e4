"""A table in memory that answers Scan as DynamoDB does, and a time that passes when it is waited for."""

from __future__ import annotations

import asyncio
import json
import math
import zlib
from collections.abc import Iterator

from afterbay.core.change.size import item_size

STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/items/stream/2026-01-01T00:00:00.000"


class ScannedTable:
    """Items by their key ``pk``. A page ends after ``Limit`` items, and where ``cuts`` says so.

    ``faults`` are raised by the next calls, in turn (None: none by this one); ``requests`` are those that were
    answered, ``charged`` the units of each with the time of its start.
    """

    def __init__(self, *items: dict[str, object], cuts: Iterator[int] | None = None, time: PassingTime | None = None):
        self.items = {one["pk"]["S"]: one for one in items}
        self.cuts = cuts
        self.time = time or PassingTime()
        self.faults: list[Exception | None] = []
        self.requests: list[dict] = []
        self.charged: list[tuple[float, float]] = []
        self.tells_units = True
        self.takes_s = 0.0

    def put(self, key: str, **attributes: object) -> None:
        self.items[key] = {"pk": {"S": key}, **attributes}

    async def call(self, operation: str, body: bytes) -> bytes:
        assert operation == "Scan"
        began_s = self.time.now_s()
        await self.time.sleep(self.takes_s)
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault
        asked = json.loads(body)
        assert asked["ConsistentRead"] is True and asked["ReturnConsumedCapacity"] == "TOTAL"
        self.requests.append(asked)
        page, last = self._page(asked)
        units = max(1.0, math.ceil(sum(map(item_size, page)) / 4096))
        self.charged.append((began_s, units))
        answer: dict[str, object] = {"Items": page, "Count": len(page), "ScannedCount": len(page)}
        answer["ConsumedCapacity"] = {"TableName": "items", "CapacityUnits": units if self.tells_units else 1.0}
        if last is not None:
            answer["LastEvaluatedKey"] = {"pk": {"S": last}}
        return json.dumps(answer).encode()

    def _page(self, asked: dict) -> tuple[list[dict], str | None]:
        after = asked.get("ExclusiveStartKey", {}).get("pk", {}).get("S")
        total = asked["TotalSegments"]
        behind = [
            key
            for key in sorted(self.items)
            if zlib.crc32(key.encode()) % total == asked["Segment"] and (after is None or key > after)
        ]
        limit = min(asked.get("Limit", 1_000_000), next(self.cuts) if self.cuts is not None else 1_000_000)
        page = behind[:limit]
        # as the service does: a page that is full says that there may be more, though it be the last one
        return [self.items[key] for key in page], page[-1] if page and len(page) == limit else None


class PassingTime:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now_s(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        end = self.seconds + seconds
        await asyncio.sleep(0)
        self.seconds = max(self.seconds, end)
