"""A transaction that is cancelled: its answer, and the keys for which it is.

Done in front of moto: it takes a key of another type than the table's, or refuses the whole request for it. What else
cancels a transaction, moto finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from afterbay.core.change.wire import JsonValue
from afterbay.endpoint.protocol import Response, json_response
from afterbay.endpoint.table_key import TableKey

__all__ = ["cancelled", "cancelled_for_faults", "cancelled_for_keys"]

_TYPE = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"


def cancelled(reasons: Sequence[dict[str, JsonValue]]) -> Response:
    """The answer with these reasons, one for each item, in order; each has its ``Code``."""
    codes = ", ".join(str(one["Code"]) for one in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    answer: dict[str, JsonValue] = {"__type": _TYPE, "Message": message, "CancellationReasons": list(reasons)}
    return json_response(answer, status=400, protocol="json-1.0")


def cancelled_for_faults(faults: Sequence[str | None]) -> Response | None:
    """The answer where one of the items is at fault, by sentence; None: none is."""
    if not any(faults):
        return None
    none: dict[str, JsonValue] = {"Code": "None"}
    return cancelled([none if one is None else {"Code": "ValidationError", "Message": one} for one in faults])


def cancelled_for_keys(members: dict[str, JsonValue], key_of: Callable[[str], TableKey]) -> Response | None:
    """The answer to a TransactWriteItems or TransactGetItems with a key that is none of its table's; None: there is no
    such key, or the request is malformed, which is somebody else's to say.

    ``key_of`` knows the tables; what it raises for one that is not there is raised.
    """
    items = members.get("TransactItems")
    faults: list[str | None] = []
    for item in items if isinstance(items, list) else []:
        request = next(iter(item.values()), None) if isinstance(item, dict) and len(item) == 1 else None
        if not isinstance(request, dict) or not isinstance(request.get("TableName"), str):
            return None
        key = key_of(str(request["TableName"]))
        put, given = request.get("Item"), request.get("Key")
        if isinstance(put, dict):
            faults.append(key.fault_of_item(put))
        elif isinstance(given, dict):
            faults.append(key.fault_of_key(given))
        else:
            return None
    return cancelled_for_faults(faults)
