"""What a batch call's answer says of each entry (X82): one reading for all the services that have such answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from afterbay.core.change.wire import JsonValue
from afterbay.core.target.call import Fault, Rejected

__all__ = ["by_id", "by_place", "fault_of_code"]

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestThrottled",
        "ServiceUnavailableException",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
    }
)
_UNAVAILABLE = frozenset(
    {"InternalError", "InternalException", "InternalFailure", "InternalServerError", "ServiceUnavailable"}
)


def fault_of_code(code: str) -> Fault:
    """What an entry's error code means; a code that nobody knows is the caller's fault."""
    if code in _THROTTLED:
        return Fault.THROTTLED
    return Fault.UNAVAILABLE if code in _UNAVAILABLE else Fault.REFUSED


def by_place(members: Mapping[str, JsonValue], name: str) -> tuple[Rejected, ...]:
    """Answers with one result for each entry, in order, such as PutEvents'; ``name`` is the list's."""
    found: list[Rejected] = []
    for index, entry in enumerate(_entries(members, name)):
        code = entry.get("ErrorCode")
        if isinstance(code, str) and code:
            found.append(Rejected(index, code, str(entry.get("ErrorMessage") or ""), fault_of_code(code)))
    return tuple(found)


def by_id(members: Mapping[str, JsonValue]) -> tuple[Rejected, ...]:
    """Answers that list failures by the entry's Id, as SendMessageBatch's and PublishBatch's; our Ids are the places.

    ``SenderFault`` false: the service's own trouble.
    """
    found: list[Rejected] = []
    for entry in _entries(members, "Failed"):
        code = str(entry.get("Code") or "Unknown")
        fault = fault_of_code(code)
        if fault is Fault.REFUSED and entry.get("SenderFault") is False:
            fault = Fault.UNAVAILABLE
        found.append(Rejected(int(str(entry["Id"])), code, str(entry.get("Message") or ""), fault))
    return tuple(found)


def _entries(members: Mapping[str, JsonValue], name: str) -> Sequence[dict[str, JsonValue]]:
    listed = members.get(name)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
