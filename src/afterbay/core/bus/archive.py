"""Archives: which events they keep, for how long, and what is told of them (B70 to B72, B78).

Decides what requests about them are answered and which archives want an arrival. Storing the events is the driver's,
which says what it stored and what it dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import msgspec

from afterbay.core.bus.buses import Buses
from afterbay.core.bus.constraints import (
    ARN_MAX,
    AWS_NAME,
    DESCRIPTION,
    KMS_KEY,
    Text,
    Whole,
    check,
    invalid,
    not_found,
)
from afterbay.core.bus.envelope import Arrival, Event, encode_event
from afterbay.core.bus.pages import PAGING, page
from afterbay.core.bus.pattern import PATTERN, compile_pattern, managed_pattern
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import integer, text
from afterbay.errors import EndpointError

__all__ = ["SOURCE_ARN", "Archive", "ArchiveState", "Archived", "Archives", "archived"]

DAY_S = 86_400
_TIME_BYTES = 20
"""The event's time as text: with it, B78's recording (159 bytes for a detail of 85) comes out exactly (inferred)."""

SOURCE_ARN = Text(
    name="EventSourceArn",
    low=1,
    high=ARN_MAX,
    pattern=r"^arn:aws([a-z]|\-)*:events:([a-z]|\d|\-)*:([0-9]{12})?:.+\/.+$",
    required=True,
)


class ArchiveState(StrEnum):
    """Ours are ENABLED from the start, as recorded; no other state is ever seen (B70)."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    CREATING = "CREATING"
    UPDATING = "UPDATING"
    CREATE_FAILED = "CREATE_FAILED"
    UPDATE_FAILED = "UPDATE_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One archive of one bus. ``retention_days`` 0: for ever; ``pattern`` None: all events. Moments: epoch seconds."""

    name: str
    arn: str
    bus_arn: str
    created_s: float
    pattern: str | None = None
    retention_days: int = 0
    description: str | None = None
    kms_key: str | None = None
    state: ArchiveState = ArchiveState.ENABLED
    event_count: int = 0
    size_bytes: int = 0

    def outcome(self) -> dict[str, JsonValue]:
        """As CreateArchive and UpdateArchive are answered (B70)."""
        return {"ArchiveArn": self.arn, "CreationTime": self.created_s, "State": self.state.value}

    def summary(self) -> dict[str, JsonValue]:
        """As ListArchives shows it: without its ARN (B70)."""
        return {
            "ArchiveName": self.name,
            "EventSourceArn": self.bus_arn,
            "State": self.state.value,
            "RetentionDays": self.retention_days,
            "SizeBytes": self.size_bytes,
            "EventCount": self.event_count,
            "CreationTime": self.created_s,
        }

    def body(self) -> dict[str, JsonValue]:
        """As DescribeArchive shows it [recorded]."""
        optional: dict[str, JsonValue] = {
            "Description": self.description,
            "EventPattern": self.pattern,
            "KmsKeyIdentifier": self.kms_key,
        }
        return {
            "ArchiveArn": self.arn,
            **self.summary(),
            **{name: value for name, value in optional.items() if value is not None},
        }

    def dropped_before_s(self, now: datetime) -> float | None:
        """What was archived before this is to be dropped; None: nothing ever is (B70)."""
        return now.timestamp() - self.retention_days * DAY_S if self.retention_days else None


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """An event in an archive. ``counted_bytes`` is what it adds to SizeBytes (B78)."""

    event: Event
    archived_s: float
    counted_bytes: int


def archived(arrival: Arrival) -> Archived:
    """The arrival as an archive keeps it. Rules: B78 entry fields count, not the envelope."""
    return Archived(event=arrival.event, archived_s=arrival.arrived_s, counted_bytes=arrival.entry_bytes + _TIME_BYTES)


_NAME = Text(name="ArchiveName", low=1, high=48, pattern=AWS_NAME, required=True)
_RETENTION = Whole(name="RetentionDays", low=0)
_SETTINGS = (DESCRIPTION, PATTERN, _RETENTION, KMS_KEY)
_FILTERS = ("NamePrefix", "EventSourceArn", "State")


class Archives:
    """The archives of the home of ``buses``. ``saved`` are those of an earlier run."""

    def __init__(self, buses: Buses, saved: Iterable[Archive] = ()) -> None:
        self._buses = buses
        self._by_name = {one.name: one for one in saved}
        self._patterns = {one.name: compile_pattern(managed_pattern(one.pattern)) for one in self._by_name.values()}

    def create(self, params: Mapping[str, JsonValue], *, now: datetime) -> dict[str, JsonValue]:
        """CreateArchive. Raises ``SettingsError``, ``EndpointError`` (B71)."""
        check(params, (_NAME, SOURCE_ARN, *_SETTINGS))
        name, bus = text(params, "ArchiveName") or "", self._buses.bus(text(params, "EventSourceArn"))
        if name in self._by_name:
            raise EndpointError("ResourceAlreadyExistsException", f"Archive {name} already exists.")
        empty = Archive(
            name=name, arn=self._buses.home.arn(f"archive/{name}"), bus_arn=bus.arn, created_s=now.timestamp()
        )
        return self._keep(_with_settings(empty, params)).outcome()

    def update(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """UpdateArchive: what is left out stays. Nothing at all is refused before the archive is looked up (B71)."""
        check(params, (_NAME, *_SETTINGS))
        if all(params.get(name) is None for name in ("EventPattern", "RetentionDays", "Description")):
            raise invalid("At least one of EventPattern, RetentionDays or Description must be provided.")
        return self._keep(_with_settings(self._named(params), params)).outcome()

    def describe(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        check(params, (_NAME,))
        return self._named(params).body()

    def listed(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        prefix = replace(_NAME, name="NamePrefix", required=False)
        state = Text(name="State", choices=tuple(ArchiveState))
        check(params, (prefix, replace(SOURCE_ARN, required=False), state, *PAGING))
        if sum(params.get(name) is not None for name in _FILTERS) > 1:
            raise invalid(
                "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."
            )
        start, source, wanted_state = (text(params, name) for name in _FILTERS)
        bus_arn = None if source is None else self._buses.bus(source).arn  # an unknown one is refused [recorded]
        wanted = {
            name: one
            for name, one in self._by_name.items()
            if name.startswith(start or "") and bus_arn in (None, one.bus_arn) and wanted_state in (None, one.state)
        }
        shown, more = page(wanted, params)
        return {"Archives": [one.summary() for one in shown], **more}

    def delete(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        check(params, (_NAME,))
        name = self._named(params).name
        del self._by_name[name], self._patterns[name]
        return {}

    def wanting(self, arrival: Arrival) -> list[str]:
        """The archives that keep an arrival; what a replay sent is kept by none (B72), nor what vanishes (B13)."""
        of_bus = [one.name for one in self._by_name.values() if one.bus_arn == arrival.bus_arn]
        if not of_bus or not self._buses.has(arrival.bus_arn):
            return []
        event = encode_event(arrival.event)
        return [name for name in of_bus if self._patterns[name].matches(event)]

    def counted(self, name: str, *, events: int, size_bytes: int) -> None:
        """So many more events are in an archive, or less where both are negative; AWS's counters lag, ours do not."""
        current = self._by_name.get(name)
        if current is not None:
            self._by_name[name] = replace(
                current, event_count=current.event_count + events, size_bytes=current.size_bytes + size_bytes
            )

    def named(self, name: str) -> Archive | None:
        return self._by_name.get(name)

    def find(self, arn: str) -> Archive | None:
        return next((one for one in self._by_name.values() if one.arn == arn), None)

    def saved(self) -> tuple[Archive, ...]:
        return tuple(self._by_name.values())

    def _keep(self, archive: Archive) -> Archive:
        self._patterns[archive.name] = compile_pattern(managed_pattern(archive.pattern))
        self._by_name[archive.name] = archive
        return archive

    def _named(self, params: Mapping[str, JsonValue]) -> Archive:
        name = text(params, "ArchiveName") or ""
        if name not in self._by_name:
            raise not_found(f"Archive {name} does not exist.")
        return self._by_name[name]


def _with_settings(archive: Archive, params: Mapping[str, JsonValue]) -> Archive:
    """Raises ``SettingsError`` for a pattern that is none."""
    pattern, days = text(params, "EventPattern"), integer(params, "RetentionDays")
    if pattern:
        compile_pattern(pattern)
    return replace(
        archive,
        pattern=archive.pattern if pattern is None else pattern or None,
        retention_days=archive.retention_days if days is None else days,
        description=text(params, "Description") or archive.description,
        kms_key=text(params, "KmsKeyIdentifier") or archive.kms_key,
    )
