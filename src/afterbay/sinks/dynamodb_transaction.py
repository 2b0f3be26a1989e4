"""Why a DynamoDB transaction was cancelled: one reason for each of its items, read one by one.

Decides which reasons pass by themselves. What a reason means for a record is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError

__all__ = ["CONDITION", "CONDITION_FAULT", "Reason", "passing", "reasons"]

CONDITION = "ConditionalCheckFailed"
CONDITION_FAULT = "ConditionalCheckFailedException"
"""What a condition that does not hold is called: as an item's reason, and as the fault of a call of its own."""

_PASSING = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "InternalServerError",
    }
)


@dataclass(frozen=True, slots=True)
class Reason:
    """``code`` is empty for an item that is not to blame. ``item`` is what the condition met, where it was asked for
    and the service sends it."""

    code: str
    item: Mapping[str, object] | None = None


def reasons(fault: ClientError | BotoCoreError) -> list[Reason]:
    """In the order of the transaction's items; empty where the fault is no cancelled transaction."""
    if not isinstance(fault, ClientError):
        return []
    if fault.response.get("Error", {}).get("Code") != "TransactionCanceledException":
        return []
    told = cast("list[Mapping[str, object]]", fault.response.get("CancellationReasons") or [])
    return [_reason(one) for one in told]


def passing(code: str) -> bool:
    """Another transaction, or a throttle: the same transaction may well succeed a moment later."""
    return code in _PASSING


def _reason(told: Mapping[str, object]) -> Reason:
    code, item = str(told.get("Code", "")), told.get("Item")
    return Reason(
        "" if code == "None" else code, cast("Mapping[str, object]", item) if isinstance(item, dict) else None
    )
