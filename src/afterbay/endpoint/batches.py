"""BatchWriteItem's own limits, which moto does not know: 25 requests, no item twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.errors import EndpointError

__all__ = ["BATCH_WRITES_MAX", "check_batch"]

BATCH_WRITES_MAX = 25


def check_batch(members: dict[str, JsonValue], keys_of: Callable[[str], Sequence[str] | None]) -> None:
    """Raises ``EndpointError`` for too many requests and for two of one item: their order would be anybody's guess.

    ``keys_of`` gives the names of a table's key attributes, None for a table that is not there.
    """
    by_table = members.get("RequestItems")
    if not isinstance(by_table, dict):
        return
    lists = {table: wanted for table, wanted in by_table.items() if isinstance(wanted, list)}
    if sum(map(len, lists.values())) > BATCH_WRITES_MAX:
        raise EndpointError("ValidationException", "Too many items requested for the BatchWriteItem call")
    for table, wanted in lists.items():
        names = keys_of(table)
        seen: set[bytes] = set()
        for one in wanted:
            item = _item(one)
            if names is None or item is None:
                continue
            key = msgspec.json.encode([item.get(name) for name in names], order="sorted")
            if key in seen:
                raise EndpointError("ValidationException", "Provided list of item keys contains duplicates")
            seen.add(key)


def _item(request: JsonValue) -> dict[str, JsonValue] | None:
    """The item that is put, or the key of one that is deleted."""
    if not isinstance(request, dict):
        return None
    for kind, member in (("PutRequest", "Item"), ("DeleteRequest", "Key")):
        wanted = request.get(kind)
        item = wanted.get(member) if isinstance(wanted, dict) else None
        if isinstance(item, dict):
            return item
    return None
