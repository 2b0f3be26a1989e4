"""Replays: which archived events they send again, in which order, and how far they are (B73 to B77).

Decides what requests about them are answered and which events belong to which minute. Reading the archive and sending
are the driver's, which reports what happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from afterbay.core.bus.archive import SOURCE_ARN, Archived, Archives
from afterbay.core.bus.buses import Buses
from afterbay.core.bus.constraints import (
    ARN_MAX,
    AWS_NAME,
    DESCRIPTION,
    Listed,
    Text,
    check,
    invalid,
    limit_exceeded,
    not_found,
    violations,
)
from afterbay.core.bus.envelope import Arrival, Event, replayed
from afterbay.core.bus.pages import PAGING, page
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, members, moment, text, validation_error
from afterbay.errors import EndpointError

__all__ = ["Replay", "ReplayEvent", "ReplayState", "Replays", "in_minutes", "minute_of", "replay_arrival", "selects"]

ACTIVE_MAX = 10  # B76
KEPT_S = 90 * 86_400  # B74
MINUTE_S = 60


class ReplayState(StrEnum):
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def active(self) -> bool:
        return self in (ReplayState.STARTING, ReplayState.RUNNING, ReplayState.CANCELLING)


class ReplayEvent(StrEnum):
    """What moves a replay: a request of the user, three reports of the driver."""

    CANCEL = "cancel"
    STARTED = "started"
    STOPPED = "stopped"
    FAILED = "failed"


_S, _E = ReplayState, ReplayEvent

# A replay that is stopped has sent all its events, unless it was being cancelled (B75, B77).
_TABLE: dict[ReplayState, dict[ReplayEvent, ReplayState]] = {
    _S.STARTING: {_E.STARTED: _S.RUNNING, _E.CANCEL: _S.CANCELLING, _E.FAILED: _S.FAILED},
    _S.RUNNING: {_E.STOPPED: _S.COMPLETED, _E.CANCEL: _S.CANCELLING, _E.FAILED: _S.FAILED},
    _S.CANCELLING: {_E.STARTED: _S.CANCELLING, _E.STOPPED: _S.CANCELLED, _E.FAILED: _S.FAILED},
    _S.COMPLETED: {},
    _S.CANCELLED: {},
    _S.FAILED: {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One replay. ``rules`` are the ARNs of the only rules it is for; none: all of the bus. Moments are epoch seconds.

    ``last_replayed_s`` is the time of the last event sent, None until there is one; ``ended_s`` None until it is over.
    """

    name: str
    arn: str
    archive_arn: str
    bus_arn: str
    from_s: float
    until_s: float
    started_s: float
    rules: tuple[str, ...] = ()
    description: str | None = None
    state: ReplayState = ReplayState.STARTING
    reason: str | None = None
    last_replayed_s: float | None = None
    ended_s: float | None = None

    def summary(self) -> dict[str, JsonValue]:
        """As ListReplays shows it [recorded]: what is not known yet is absent (B77)."""
        optional: dict[str, JsonValue] = {
            "StateReason": self.reason,
            "EventLastReplayedTime": self.last_replayed_s,
            "ReplayEndTime": self.ended_s,
        }
        return {
            "ReplayName": self.name,
            "EventSourceArn": self.archive_arn,
            "State": self.state.value,
            "EventStartTime": self.from_s,
            "EventEndTime": self.until_s,
            "ReplayStartTime": self.started_s,
            **{name: value for name, value in optional.items() if value is not None},
        }

    def body(self) -> dict[str, JsonValue]:
        """As DescribeReplay shows it [recorded]."""
        destination: dict[str, JsonValue] = {"Arn": self.bus_arn}
        if self.rules:
            destination["FilterArns"] = list(self.rules)
        described: dict[str, JsonValue] = {} if self.description is None else {"Description": self.description}
        return {"ReplayArn": self.arn, **self.summary(), **described, "Destination": destination}


def selects(replay: Replay, event: Event) -> bool:
    """True for an event in the replay's time, both ends included (B74)."""
    return replay.from_s <= event.time_s <= replay.until_s


def minute_of(replay: Replay, event: Event) -> int:
    """The minute of the replay's time that an event belongs to, 0 the first: all of one go before those of the next
    (B74)."""
    return _minute(replay, event.time_s)


def _minute(replay: Replay, time_s: float) -> int:
    return int((time_s - replay.from_s) // MINUTE_S)


def in_minutes(replay: Replay, events: Iterable[Archived]) -> list[tuple[Archived, ...]]:
    """The events to send, minute by minute, first minute first; within one in the order given (B74 allows any).

    A replay that has sent some goes on with the minute of the last one, which it may send twice (B4).
    """
    done_s = replay.from_s if replay.last_replayed_s is None else replay.last_replayed_s
    first = _minute(replay, done_s)
    minutes: dict[int, list[Archived]] = {}
    for one in events:
        if selects(replay, one.event) and minute_of(replay, one.event) >= first:
            minutes.setdefault(minute_of(replay, one.event), []).append(one)
    return [tuple(minutes[minute]) for minute in sorted(minutes)]


def replay_arrival(replay: Replay, one: Archived, *, now_s: float) -> Arrival:
    """An archived event as it arrives again, at its own bus and for the replay's rules (B73, B74)."""
    return Arrival(event=replayed(one.event, replay.name), bus_arn=replay.bus_arn, arrived_s=now_s, rules=replay.rules)


_NAME = Text(name="ReplayName", low=1, high=64, pattern=AWS_NAME, required=True)
_FILTERS = ("NamePrefix", "EventSourceArn", "State")
_DESTINATION = (
    Text(name="Arn", low=1, high=ARN_MAX, required=True),
    Listed(name="FilterArns", each=Text(name="FilterArns", low=1, high=ARN_MAX)),
)


class Replays:
    """The replays of the home of ``buses``. ``saved`` are those of an earlier run."""

    def __init__(self, buses: Buses, archives: Archives, saved: Iterable[Replay] = ()) -> None:
        self._buses, self._archives = buses, archives
        self._by_name = {one.name: one for one in saved}

    def start(self, params: Mapping[str, JsonValue], *, now: datetime) -> dict[str, JsonValue]:
        """StartReplay. Raises ``SettingsError``, ``EndpointError``.

        Rules: B76 its texts, in an order of ours; B74 to the archive's own bus and no other.
        """
        _check_start(params)
        destination = members(params, "Destination") or {}
        bus = self._buses.bus(text(destination, "Arn"))
        archive_arn = text(params, "EventSourceArn") or ""
        archive = self._archives.find(archive_arn)
        if archive is None:
            name = archive_arn.rpartition("/")[2]
            raise invalid(f"Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist.")
        if archive.bus_arn != bus.arn:
            raise invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
        start, end = moment(params, "EventStartTime"), moment(params, "EventEndTime")
        assert start is not None and end is not None, "the model wants both"
        if start >= end:
            raise invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
        name = text(params, "ReplayName") or ""
        if name in self._by_name:
            raise EndpointError("ResourceAlreadyExistsException", f"Replay {name} already exists.")
        if sum(one.state.active for one in self._by_name.values()) >= ACTIVE_MAX:
            raise limit_exceeded()
        made = Replay(
            name=name,
            arn=self._buses.home.arn(f"replay/{name}"),
            archive_arn=archive.arn,
            bus_arn=bus.arn,
            from_s=start.timestamp(),
            until_s=end.timestamp(),
            started_s=now.timestamp(),
            rules=tuple(map(str, items(destination, "FilterArns") or [])),
            description=text(params, "Description"),
        )
        self._by_name[name] = made
        return {"ReplayArn": made.arn, "ReplayStartTime": made.started_s, "State": made.state.value}

    def cancel(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """CancelReplay: from STARTING or RUNNING only (B77; the text is LocalStack's)."""
        check(params, (_NAME,))
        current = self._named(params)
        state = _TABLE[current.state].get(ReplayEvent.CANCEL)
        if state is None:
            raise EndpointError(
                "IllegalStatusException", f"Replay {current.name} is not in a valid state for this operation."
            )
        self._by_name[current.name] = replace(current, state=state)
        return {"ReplayArn": current.arn, "State": state.value}

    def describe(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        check(params, (_NAME,))
        return self._named(params).body()

    def listed(self, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        prefix, state = replace(_NAME, name="NamePrefix", required=False), tuple(ReplayState)
        source = replace(SOURCE_ARN, required=False)
        check(params, (prefix, Text(name="State", choices=state), source, *PAGING))
        if sum(params.get(name) is not None for name in _FILTERS) > 1:
            raise invalid(
                "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix."
            )
        start, archive, wanted_state = (text(params, name) for name in _FILTERS)
        wanted = {
            name: one
            for name, one in self._by_name.items()
            if name.startswith(start or "") and archive in (None, one.archive_arn) and wanted_state in (None, one.state)
        }
        shown, more = page(wanted, params)
        return {"Replays": [one.summary() for one in shown], **more}

    def report(self, name: str, event: ReplayEvent, *, now: datetime, reason: str | None = None) -> Replay:
        """The driver's word on a replay; whether it is to go on is in the state that comes back."""
        current = self._by_name[name]
        assert event in _TABLE[current.state], f"{event} does not happen to a replay that is {current.state}"
        state = _TABLE[current.state][event]
        ended_s = None if state.active else now.timestamp()
        self._by_name[name] = replace(current, state=state, reason=reason, ended_s=ended_s)
        return self._by_name[name]

    def replayed(self, name: str, event: Event) -> Replay:
        """The driver sent an event (B77)."""
        self._by_name[name] = replace(self._by_name[name], last_replayed_s=float(event.time_s))
        return self._by_name[name]

    def current(self, name: str) -> Replay:
        """How it stands with a replay that there is."""
        return self._by_name[name]

    def forget(self, now: datetime) -> tuple[str, ...]:
        """Drop the records of replays that ended 90 days ago; their names (B74)."""
        before_s = now.timestamp() - KEPT_S
        old = [one.name for one in self._by_name.values() if one.ended_s is not None and one.ended_s < before_s]
        for name in old:
            del self._by_name[name]
        return tuple(old)

    def saved(self) -> tuple[Replay, ...]:
        return tuple(self._by_name.values())

    def _named(self, params: Mapping[str, JsonValue]) -> Replay:
        name = text(params, "ReplayName") or ""
        if name not in self._by_name:
            raise not_found(f"Replay {name} does not exist.")
        return self._by_name[name]


def _check_start(params: Mapping[str, JsonValue]) -> None:
    broken = list(violations(params, (_NAME, DESCRIPTION, SOURCE_ARN)))
    for name in ("EventStartTime", "EventEndTime", "Destination"):
        if params.get(name) is None:
            at = name[0].lower() + name[1:]
            broken.append(f"Value null at '{at}' failed to satisfy constraint: Member must not be null")
    destination = members(params, "Destination")
    if destination is not None:
        broken.extend(violations(destination, _DESTINATION, at="destination."))
    if broken:
        raise validation_error(broken)
