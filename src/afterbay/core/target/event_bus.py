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
    """All of an entry but its detail; ``time`` None: the time of the call."""

    source: str
    detail_type: str
    resources: tuple[str, ...] = ()
    time: datetime | None = None

    def members(self, bus_arn: str) -> dict[str, object]:
        """The entry's members; ``Detail``, JSON text, is to be added."""
        told: dict[str, object] = {
            "EventBusName": bus_arn,
            "Source": self.source,
            "DetailType": self.detail_type,
        }
        if self.resources:
            told["Resources"] = list(self.resources)
        if self.time is not None:
            told["Time"] = self.time
        return told


def put_events(bus_arn: str, entries: Sequence[dict[str, object]], *, endpoint_id: str | None = None) -> AwsCall:
    """At most ``ENTRIES_MAX`` of them, whole. The answer is read by ``entries.by_place``, its list is ``Entries``."""
    parameters: dict[str, object] = {"Entries": list(entries)}
    if endpoint_id is not None:
        parameters["EndpointId"] = endpoint_id
    return AwsCall("events", "put_events", parse_arn(bus_arn).region, parameters)
