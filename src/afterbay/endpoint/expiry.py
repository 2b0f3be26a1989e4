"""Which items of moto's tables are past their time to live, and when the next one will be (S66).

Decides only when; removing is ``tables.py``'s. A heap per table, so that nothing is scanned. For moto's thread alone.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from datetime import datetime

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from afterbay.endpoint.capture import Recorder

__all__ = ["ExpiryIndex"]

OLDEST_S = 5 * 365 * 24 * 3600
"""An expiry further back is taken for a mistake and left alone, as on AWS."""

DELAY_S = 1
"""An item that is written already expired is an INSERT first, and is there for a moment (S66)."""

_STALE_MIN = 1000


class ExpiryIndex:
    """When items expire. Entries of items that changed since are dropped as they come up, or when they are too many."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, int, DynamoType, DynamoType | None]]] = {}
        self._order = itertools.count()

    def next_due_s(self) -> int | None:
        """Epoch seconds at which something may expire, or None."""
        return min((heap[0][0] for heap in self._heaps.values() if heap), default=None)

    def written(self, recorder: Recorder, item: Item, now: datetime) -> bool:
        """Note an item that was written; True if it has an expiry."""
        expiry_s = _expiry_s(recorder, item)
        if expiry_s is None:
            return False
        due_s = max(expiry_s, int(now.timestamp()) + DELAY_S)
        heap = self._heaps.setdefault(recorder.table_arn, [])
        heapq.heappush(heap, (due_s, next(self._order), item.hash_key, item.range_key))
        return True

    def rebuild(self, recorder: Recorder, table: Table, now: datetime) -> None:
        """Start over with what the table holds: its setting changed, or too many entries are stale."""
        self._heaps.pop(recorder.table_arn, None)
        if recorder.ttl_attribute is not None:
            for item in table.all_items():
                self.written(recorder, item, now)

    def forget(self, table_arn: str) -> None:
        self._heaps.pop(table_arn, None)

    def outgrown(self, recorder: Recorder, table: Table) -> bool:
        """True when most entries must be stale: the index would grow with every rewrite of an item."""
        return len(self._heaps.get(recorder.table_arn, ())) > 2 * len(table) + _STALE_MIN

    def due(self, recorder: Recorder, table: Table, now: datetime, *, limit: int) -> Iterator[Item]:
        """Take up to ``limit`` items of a table that are expired now."""
        heap = self._heaps.get(recorder.table_arn, [])
        now_s = int(now.timestamp())
        while heap and heap[0][0] <= now_s and limit > 0:
            _, _, hash_key, range_key = heapq.heappop(heap)
            item = table.get_item(hash_key, range_key)
            expiry_s = None if item is None else _expiry_s(recorder, item)
            if item is not None and expiry_s is not None and now_s - OLDEST_S < expiry_s <= now_s:
                limit -= 1
                yield item


def _expiry_s(recorder: Recorder, item: Item) -> int | None:
    """The item's expiry; an attribute of another type than N is none."""
    value = None if recorder.ttl_attribute is None else item.attrs.get(recorder.ttl_attribute)
    if value is None or not value.is_number():
        return None
    return int(value.cast_value)
