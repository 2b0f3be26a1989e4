"""Entries for an event bus (X65, B25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from afterbay.core.change.arn import parse_arn
from afterbay.core.target.call import AwsCall

__all__ = ["ENTRIES_MAX", "BusEntry", "put_events"]

ENTRIES_MAX = 10


@dataclass(frozen=True, slots=True)
class BusEntry:
    """``detail`` is JSON text; ``time`` None: the time of the call."""

    source: str
    detail_type: str
    detail: str
    resources: tuple[str, ...] = ()
    time: datetime | None = None


def put_events(bus_arn: str, entries: Sequence[BusEntry], *, endpoint_id: str | None = None) -> AwsCall:
    """At most ``ENTRIES_MAX`` of them. The answer is read by ``entries.by_place``, its list is ``Entries``."""
    told: list[dict[str, object]] = []
    for entry in entries:
        one: dict[str, object] = {
            "EventBusName": bus_arn,
            "Source": entry.source,
            "DetailType": entry.detail_type,
            "Detail": entry.detail,
        }
        if entry.resources:
            one["Resources"] = list(entry.resources)
        if entry.time is not None:
            one["Time"] = entry.time
        told.append(one)
    parameters: dict[str, object] = {"Entries": told}
    if endpoint_id is not None:
        parameters["EndpointId"] = endpoint_id
    return AwsCall("events", "put_events", parse_arn(bus_arn).region, parameters)
