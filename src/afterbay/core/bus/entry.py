"""PutEvents: which entries are events, and which requests are none (B10 to B19).

Decides from the request alone. An entry for a bus that does not exist is accepted like any other (B13): whether anybody
gets it is for ``buses.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from afterbay.core.bus.constraints import (
    ARN_MAX,
    BUS_NAME_OR_ARN,
    Listed,
    Text,
    invalid,
    objects,
    refuse_members,
    violations,
)
from afterbay.core.bus.detail import compact_detail
from afterbay.core.bus.envelope import Arrival, Event, event_time, whole_seconds
from afterbay.core.bus.names import DEFAULT_BUS, Home
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, moment, text, validation_error
from afterbay.errors import SettingsError

__all__ = [
    "ENTRIES_MAX",
    "REQUEST_BYTES_MAX",
    "Entry",
    "EntryRefused",
    "PutEventsResult",
    "arrival_of",
    "entry_bytes",
    "put_events",
    "read_entries",
]

ENTRIES_MAX = 10  # B10

REQUEST_BYTES_MAX = 1024 * 1024
"""What the entries of a request must stay below (B15); it was 256 KB until about the turn of 2025 to 2026."""

_TIME_BYTES = 14  # B15
_OURS = "aws."

_MODEL = (
    Listed(name="Resources", each=Text(name="Resources", high=2048)),
    Text(name="EventBusName", low=1, high=ARN_MAX, pattern=BUS_NAME_OR_ARN),
    Text(name="TraceHeader", low=1, high=500),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry that is an event.

    ``detail`` is compact JSON; ``time`` None: the time of the call (B19, B21); ``bus`` is a name or an ARN;
    ``counted_bytes`` counts all but the time (B15).
    """

    source: str
    detail_type: str
    detail: bytes
    resources: tuple[str, ...]
    time: datetime | None
    bus: str
    trace_header: str | None
    counted_bytes: int


@dataclass(frozen=True, slots=True)
class EntryRefused:
    """An entry that is none: it does not stop the others (B10)."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PutEventsResult:
    """``answer`` is PutEvents' answer; ``arrivals`` are the events it accepted, in their order."""

    answer: dict[str, JsonValue]
    arrivals: tuple[Arrival, ...]


def put_events(
    params: Mapping[str, JsonValue],
    home: Home,
    *,
    ids: Sequence[str],
    now: datetime,
    limit_bytes: int = REQUEST_BYTES_MAX,
) -> PutEventsResult:
    """Answer a PutEvents request. ``ids`` are fresh UUIDs, one for each entry. Raises ``SettingsError``.

    Rules: B10 one result for each entry, in order, B16 the answer says nothing of what targets make of it, B22 the
    EventId is the event's id.
    """
    entries = read_entries(params, limit_bytes=limit_bytes)
    assert len(ids) >= len(entries), "every entry has an id"
    results: list[JsonValue] = []
    arrivals: list[Arrival] = []
    for event_id, entry in zip(ids, entries, strict=False):
        if isinstance(entry, EntryRefused):
            results.append({"ErrorCode": entry.code, "ErrorMessage": entry.message})
        else:
            results.append({"EventId": event_id})
            arrivals.append(arrival_of(entry, home, event_id=event_id, now=now))
    failed = len(results) - len(arrivals)
    return PutEventsResult({"FailedEntryCount": failed, "Entries": results}, tuple(arrivals))


def read_entries(
    params: Mapping[str, JsonValue], *, limit_bytes: int = REQUEST_BYTES_MAX
) -> tuple[Entry | EntryRefused, ...]:
    """What each entry of a request is. Raises ``SettingsError`` where the request fails as a whole.

    Rules: B11 a lone bad entry does not fail it, B14 one to ten entries, B15 the sum of their sizes stays below
    ``limit_bytes``.
    """
    refuse_members(params, ("EndpointId",), "there are no global endpoints here")
    given = objects(params, "Entries")
    broken = list(_broken(items(params, "Entries"), given))
    if broken:
        raise validation_error(broken)
    if sum(map(entry_bytes, given)) >= limit_bytes:
        raise invalid("Total size of the entries in the request is over the limit.")
    return tuple(map(_read, given))


def arrival_of(entry: Entry, home: Home, *, event_id: str, now: datetime) -> Arrival:
    """The event of an entry as it arrives at its bus."""
    event = Event(
        id=event_id,
        detail_type=entry.detail_type,
        source=entry.source,
        account=home.account,
        time_s=whole_seconds(entry.time or now),
        region=home.region,
        resources=entry.resources,
        detail=entry.detail,
    )
    return Arrival(
        event=event,
        bus_arn=home.bus_arn(entry.bus),
        arrived_s=now.timestamp(),
        trace_header=entry.trace_header,
        entry_bytes=entry.counted_bytes,
    )


def entry_bytes(entry: Mapping[str, JsonValue]) -> int:
    """What an entry counts: UTF-8 bytes, and 14 if Time is set; EventBusName and TraceHeader are free (B15)."""
    return _counted_bytes(entry) + (_TIME_BYTES if entry.get("Time") is not None else 0)


def _counted_bytes(entry: Mapping[str, JsonValue]) -> int:
    texts = [text(entry, name) or "" for name in ("Source", "DetailType", "Detail")]
    return sum(len(one.encode(errors="surrogatepass")) for one in (*texts, *_resources(entry)))


def _resources(entry: Mapping[str, JsonValue]) -> list[str]:
    return [text({"Resources": one}, "Resources") or "" for one in items(entry, "Resources") or []]


def _broken(listed: list[JsonValue] | None, entries: Sequence[Mapping[str, JsonValue]]) -> Iterator[str]:
    """What the model says of a request (B14, recorded for too many entries)."""
    at = "at 'entries' failed to satisfy constraint: Member must"
    if listed is None:
        yield f"Value null {at} not be null"
    elif not listed:
        yield f"Value '[]' {at} have length greater than or equal to 1"
    elif len(listed) > ENTRIES_MAX:
        shown = ", ".join(map(_shown, entries))
        yield f"Value '[{shown}]' {at} have length less than or equal to {ENTRIES_MAX}"
    for number, entry in enumerate(entries, start=1):
        yield from violations(entry, _MODEL, at=f"entries.{number}.member.")


def _shown(entry: Mapping[str, JsonValue]) -> str:
    """An entry as AWS's sentence shows it (B14); how it writes a Time and resources is not recorded."""
    time = _time(entry)
    resources = _resources(entry)
    members = {
        "time": None if time is None else event_time(time.timestamp()),
        "source": text(entry, "Source"),
        "resources": f"[{', '.join(resources)}]" if resources else None,
        "detailType": text(entry, "DetailType"),
        "detail": text(entry, "Detail"),
        "eventBusName": text(entry, "EventBusName"),
        "traceHeader": text(entry, "TraceHeader"),
        "kmsKeyIdentifier": None,
        "internalMetadata": None,
    }
    written = ", ".join(f"{name}={'null' if value is None else value}" for name, value in members.items())
    return f"PutEventsRequestEntry({written})"


def _read(entry: Mapping[str, JsonValue]) -> Entry | EntryRefused:
    """Rules: B11 what is required, B17 sources that are AWS's own, B12 what a detail is. The order is ours."""
    source, detail_type, detail = (text(entry, name) for name in ("Source", "DetailType", "Detail"))
    if not source:
        return _required("Source")
    if not detail_type:
        return _required("DetailType")
    if not detail:
        return _required("Detail")
    if source.startswith(_OURS):
        return EntryRefused("NotAuthorizedForSourceException", "Not authorized for the source.")
    resources = _resources(entry)
    for name, value in (("Source", source), ("DetailType", detail_type), ("Resources", "".join(resources))):
        if not _is_unicode(value):
            return EntryRefused("InvalidArgument", f"Parameter {name} is not valid. Reason: it is no Unicode text.")
    compact = compact_detail(detail)
    if compact is None:
        return EntryRefused("MalformedDetail", "Detail is malformed.")
    return Entry(
        source=source,
        detail_type=detail_type,
        detail=compact,
        resources=tuple(resources),
        time=_time(entry),
        bus=text(entry, "EventBusName") or DEFAULT_BUS,
        trace_header=text(entry, "TraceHeader"),
        counted_bytes=_counted_bytes(entry),
    )


def _required(name: str) -> EntryRefused:
    return EntryRefused("InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument.")


def _time(entry: Mapping[str, JsonValue]) -> datetime | None:
    """A time that cannot be used is none (B19)."""
    try:
        return moment(entry, "Time")
    except SettingsError:
        return None


def _is_unicode(value: str) -> bool:
    """False for half a surrogate pair, which no UTF-8 holds."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
