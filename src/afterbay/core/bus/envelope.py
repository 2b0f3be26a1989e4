"""An event as its targets see it, and the way it came (B20 to B27).

Decides what the envelope says, byte for byte, and what it keeps when a bus hands it to another. ``detail`` is never
parsed here: it stays the JSON text that the sender wrote, without blanks.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Raw

from afterbay.core.bus.outcome import ErrorCode, Refused
from afterbay.core.change.arn import parse_arn

__all__ = ["Arrival", "Event", "Hop", "encode_event", "event_time", "forward", "replayed", "whole_seconds"]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope's members. ``time_s`` counts whole epoch seconds; ``detail`` is a JSON object, compact."""

    id: str
    detail_type: str
    source: str
    account: str
    time_s: int
    region: str
    resources: tuple[str, ...] = ()
    detail: bytes = b"{}"
    replay_name: str | None = None

    def __repr__(self) -> str:
        """Without detail: it is the customer's data."""
        return f"Event(id={self.id!r}, source={self.source!r}, detail_type={self.detail_type!r})"


class Hop(msgspec.Struct, frozen=True):
    """A rule that handed the event on to another bus."""

    rule_arn: str
    across_regions: bool


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An event at one bus, and all that is not in its envelope.

    ``arrived_s`` is when the bus got it, in epoch seconds: its age counts from there (B51). ``hops`` are the rules of
    other buses that it came through, first one first (B27). ``rules`` are the ARNs of the only rules it is meant for,
    none: all (a replay's FilterArns, B74). ``entry_bytes`` is what its entry counted, without the time (B15, B78).
    """

    event: Event
    bus_arn: str
    arrived_s: float
    hops: tuple[Hop, ...] = ()
    rules: tuple[str, ...] = ()
    trace_header: str | None = None
    entry_bytes: int = 0

    def passed(self, rule_arn: str) -> bool:
        """True if this rule has handed the event on before: once more would be a loop (B27)."""
        return any(hop.rule_arn == rule_arn for hop in self.hops)


def encode_event(event: Event) -> bytes:
    """The event as JSON without blanks (B24), its members in AWS's order (B20, B73)."""
    members: dict[str, object] = {
        "version": "0",
        "id": event.id,
        "detail-type": event.detail_type,
        "source": event.source,
        "account": event.account,
        "time": event_time(event.time_s),
        "region": event.region,
    }
    if event.replay_name is not None:
        members["replay-name"] = event.replay_name
    members["resources"] = event.resources
    members["detail"] = Raw(event.detail)
    return msgspec.json.encode(members)


def event_time(time_s: float) -> str:
    """UTC, whole seconds, with the Z (B21)."""
    return datetime.fromtimestamp(time_s // 1, UTC).isoformat().replace("+00:00", "Z")


def whole_seconds(moment: datetime) -> int:
    """Epoch seconds; what is left of a second is dropped (B21)."""
    return int(moment.timestamp() // 1)


def replayed(event: Event, replay: str) -> Event:
    """An archived event as a replay sends it: ``id`` and ``time`` stay as they were (B73, the default there)."""
    return msgspec.structs.replace(event, replay_name=replay)


def forward(arrival: Arrival, rule_arn: str, bus_arn: str, *, new_id: str, now_s: float) -> Arrival | Refused:
    """The event as it arrives at the bus that ``rule_arn`` has as its target.

    Rules: B25 everything is kept, but in another region the event has a new id; what one bus got from another goes no
    further (once within a region and once across regions, the reading of AWS's two codes here), B27 the rule is
    remembered.
    """
    across = parse_arn(arrival.bus_arn).region != parse_arn(bus_arn).region
    if any(hop.across_regions is across for hop in arrival.hops):
        code = ErrorCode.THIRD_REGION_HOP_DETECTED if across else ErrorCode.THIRD_ACCOUNT_HOP_DETECTED
        return Refused(code, "Events received from another event bus cannot be forwarded to this event bus.")
    return Arrival(
        event=msgspec.structs.replace(arrival.event, id=new_id) if across else arrival.event,
        bus_arn=bus_arn,
        arrived_s=now_s,
        hops=(*arrival.hops, Hop(rule_arn, across)),
        trace_header=arrival.trace_header,
        entry_bytes=arrival.entry_bytes,
    )
