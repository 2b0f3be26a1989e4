"""Keys of requests that are none of their table's: refused before moto, which takes one of another type as that of an
item that is not there, and fails for a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.table_key import TableKey
from afterbay.errors import EndpointError

__all__ = ["KEYED_OPERATIONS", "check_keys"]

KEYED_OPERATIONS = frozenset({"BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "UpdateItem"})
"""Not PutItem, whose key moto looks at; transactions are cancelled instead (``cancellations``)."""

KeyOf = Callable[[str], TableKey]


def check_keys(members: dict[str, JsonValue], key_of: KeyOf) -> None:
    """Raises ``EndpointError``, and what ``key_of`` raises for a table that is not there. What is malformed otherwise
    is somebody else's to say."""
    for fault in _faults(members, key_of):
        raise EndpointError("ValidationException", fault)


def _faults(members: dict[str, JsonValue], key_of: KeyOf) -> Iterator[str]:
    by_table, table = members.get("RequestItems"), members.get("TableName")
    if isinstance(by_table, dict):
        for name, wanted in by_table.items():
            yield from _of_batch(wanted, key_of(name))
    elif isinstance(table, str):
        yield from _of_keys([members.get("Key")], key_of(table))


def _of_batch(wanted: JsonValue, key: TableKey) -> Iterator[str]:
    """What is wrong with what a batch asks of one table; of an item that is put its key alone is looked at, and told in
    the words of a key."""
    if isinstance(wanted, dict):
        keys = wanted.get("Keys")
        yield from _of_keys(keys if isinstance(keys, list) else [], key)
        return
    for one in wanted if isinstance(wanted, list) else []:
        put = one.get("PutRequest") if isinstance(one, dict) else None
        delete = one.get("DeleteRequest") if isinstance(one, dict) else None
        item = put.get("Item") if isinstance(put, dict) else None
        if isinstance(item, dict):
            yield from _of_keys([{name: item[name] for name in key.types if name in item}], key)
        elif isinstance(delete, dict):
            yield from _of_keys([delete.get("Key")], key)


def _of_keys(given: list[JsonValue], key: TableKey) -> Iterator[str]:
    for one in given:
        fault = key.fault_of_key(one) if isinstance(one, dict) else None
        if fault is not None:
            yield fault
