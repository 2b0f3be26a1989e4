"""Creating, Enabled, Disabling and the rest, as one table: state -> event -> state (R32).

Decides which state follows and which request is refused as "in use" (E19). How long a state lasts is the driver's: it
says ``STARTED`` once the mapping polls and ``STOPPED`` once nothing of it runs any more.
"""

from __future__ import annotations

from enum import StrEnum

from afterbay.errors import SettingsError

__all__ = ["USER_ACTION", "LifecycleEvent", "State", "diagram", "step", "update_event"]

USER_ACTION = "User action"
"""``StateTransitionReason`` of every state in this table: none is left but by a user's request (R27, R31, R33)."""


class State(StrEnum):
    """The states that the API shows (R32)."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"

    @property
    def settled(self) -> bool:
        """True where the state lasts until somebody asks for another."""
        return self in (State.ENABLED, State.DISABLED)


class LifecycleEvent(StrEnum):
    """What moves a mapping: five requests of the user, two reports of the driver."""

    CREATE = "create"
    ENABLE = "enable"
    DISABLE = "disable"
    UPDATE = "update"
    DELETE = "delete"
    STARTED = "started"
    STOPPED = "stopped"


_E = LifecycleEvent

# ``None`` is "no such mapping": before it was created, and once it is gone. What is not in the table does not happen: a
# request is refused (E19), a report of the driver is a bug.
_TABLE: dict[State | None, dict[LifecycleEvent, State | None]] = {
    None: {_E.CREATE: State.CREATING},
    State.CREATING: {_E.STARTED: State.ENABLED, _E.STOPPED: State.DISABLED},
    State.ENABLED: {_E.DISABLE: State.DISABLING, _E.UPDATE: State.UPDATING, _E.DELETE: State.DELETING},
    State.DISABLED: {_E.ENABLE: State.ENABLING, _E.UPDATE: State.UPDATING, _E.DELETE: State.DELETING},
    State.ENABLING: {_E.STARTED: State.ENABLED},
    State.DISABLING: {_E.STOPPED: State.DISABLED},
    State.UPDATING: {_E.STARTED: State.ENABLED, _E.STOPPED: State.DISABLED},
    State.DELETING: {_E.STOPPED: None},
}

_REQUESTS = frozenset({_E.ENABLE, _E.DISABLE, _E.UPDATE, _E.DELETE})
"""What a user may ask of a mapping that exists, and so may ask too early."""


def step(state: State | None, event: LifecycleEvent) -> State | None:
    """The state after ``event``; ``None`` stands for a mapping that does not exist (before CREATE, after DELETING).

    A request that the state does not take raises ``SettingsError`` with the code ResourceInUseException. AWS's model
    names two such cases, an update while creating and a delete while updating, "and the like": read here as every
    request in every state that is on its way to another (E19). So a settled mapping takes each request at any time, and
    a client that meets the error has only to try again.
    """
    events = _TABLE[state]
    if event in events:
        return events[event]
    if event not in _REQUESTS or state is None or state.settled:
        raise AssertionError(f"{event} does not happen to a mapping that is {state or 'not there'}")
    verb = "delete" if event is _E.DELETE else "update"
    raise SettingsError(
        f"Cannot {verb} the event source mapping because it is in use.",
        code="ResourceInUseException",
        hint=f"it is {state}: try again once it is {State.ENABLED} or {State.DISABLED}",
    )


def update_event(state: State, *, enabled: bool | None) -> LifecycleEvent:
    """Which event an Update request is; ``enabled`` is its ``Enabled``, or None where it does not say.

    Enabled=true answers Enabling and false Disabling, with other changes beside them or not (R31); where that is what
    the mapping is already, R32 has no such edge and it is an update like any other.
    """
    if enabled is None or (state.settled and enabled == (state is State.ENABLED)):
        return _E.UPDATE
    return _E.ENABLE if enabled else _E.DISABLE


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documents."""
    lines = ["stateDiagram-v2"]
    for state, events in _TABLE.items():
        lines += [f"    {state or '[*]'} --> {target or '[*]'}: {event}" for event, target in events.items()]
    return "\n".join(lines) + "\n"
