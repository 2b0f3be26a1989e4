"""RUNNING, STOPPED, CREATE_FAILED and the rest, as one table: state -> event -> state (X3, X4).

Decides which state follows and which request conflicts. How long a transition lasts is the driver's: it says
``STARTED`` once the pipe polls, ``STOPPED`` once nothing of it runs any more, ``FAILED`` when it cannot get there.
"""

from __future__ import annotations

from enum import StrEnum

from afterbay.core.mapping.lifecycle import State
from afterbay.core.pipe.errors import conflict

__all__ = ["DesiredState", "LifecycleEvent", "PipeState", "diagram", "state_of", "step"]


class PipeState(StrEnum):
    """``CurrentState`` (X3). We roll nothing back, so the three ROLLBACK states are never entered; a list may ask for
    them."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    CREATING = "CREATING"
    UPDATING = "UPDATING"
    DELETING = "DELETING"
    STARTING = "STARTING"
    STOPPING = "STOPPING"
    CREATE_FAILED = "CREATE_FAILED"
    UPDATE_FAILED = "UPDATE_FAILED"
    START_FAILED = "START_FAILED"
    STOP_FAILED = "STOP_FAILED"
    DELETE_FAILED = "DELETE_FAILED"
    CREATE_ROLLBACK_FAILED = "CREATE_ROLLBACK_FAILED"
    UPDATE_ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    DELETE_ROLLBACK_FAILED = "DELETE_ROLLBACK_FAILED"

    @property
    def settled(self) -> bool:
        """True where the state lasts until somebody asks for another."""
        return not self.endswith("ING") or self is PipeState.RUNNING


class DesiredState(StrEnum):
    """What was asked for last (X3). A request says RUNNING or STOPPED; DELETED is said by answers only."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


class LifecycleEvent(StrEnum):
    """What moves a pipe: five requests of the user, four reports of the driver.

    ``HALTED``: a running pipe stopped by itself (X5, X12, X55, X85).
    """

    CREATE = "create"
    START = "start"
    STOP = "stop"
    UPDATE = "update"
    DELETE = "delete"
    STARTED = "started"
    STOPPED = "stopped"
    FAILED = "failed"
    HALTED = "halted"


_E, _S = LifecycleEvent, PipeState
_REQUESTS = {
    _E.START: _S.STARTING,
    _E.STOP: _S.STOPPING,
    _E.UPDATE: _S.UPDATING,
    _E.DELETE: _S.DELETING,
}
"""What a user may ask of a settled pipe, and where it leads."""

# ``None`` is "no such pipe": before it was created, and once it is gone. What is not in the table does not happen: a
# request is refused as a conflict (X4), a report of the driver is a bug. To start what runs and to stop what is stopped
# changes nothing (ours: AWS's answer is not public).
_TABLE: dict[PipeState | None, dict[LifecycleEvent, PipeState | None]] = {
    None: {_E.CREATE: _S.CREATING},
    _S.CREATING: {_E.STARTED: _S.RUNNING, _E.STOPPED: _S.STOPPED, _E.FAILED: _S.CREATE_FAILED},
    _S.RUNNING: {**_REQUESTS, _E.START: _S.RUNNING, _E.HALTED: _S.STOPPED},
    _S.STOPPED: {**_REQUESTS, _E.STOP: _S.STOPPED},
    _S.STARTING: {_E.STARTED: _S.RUNNING, _E.FAILED: _S.START_FAILED},
    _S.STOPPING: {_E.STOPPED: _S.STOPPED, _E.FAILED: _S.STOP_FAILED},
    _S.UPDATING: {_E.STARTED: _S.RUNNING, _E.STOPPED: _S.STOPPED, _E.FAILED: _S.UPDATE_FAILED},
    _S.DELETING: {_E.STOPPED: None, _E.FAILED: _S.DELETE_FAILED},
    _S.CREATE_FAILED: dict(_REQUESTS),
    _S.UPDATE_FAILED: dict(_REQUESTS),
    _S.START_FAILED: dict(_REQUESTS),
    _S.STOP_FAILED: dict(_REQUESTS),
    _S.DELETE_FAILED: dict(_REQUESTS),
}


def step(state: PipeState | None, event: LifecycleEvent, *, name: str) -> PipeState | None:
    """The state of the pipe ``name`` after ``event``; None stands for a pipe that does not exist (before CREATE, after
    DELETING).

    Raises ``PipeError`` ConflictException for a request in a transition (X4), so a client has only to try again, and
    for the creation of a pipe that is there.
    """
    events = _TABLE[state]
    if event in events:
        return events[event]
    if state is not None and event is _E.CREATE:
        raise conflict(name, f"Pipe {name} already exists.")
    if state is None or state.settled or event not in _REQUESTS:
        raise AssertionError(f"{event} does not happen to a pipe that is {state or 'not there'}")
    raise conflict(name, f"Pipe {name} is {state}: {event} it once that is over.")


_STATES = {
    State.CREATING: _S.CREATING,
    State.ENABLING: _S.STARTING,
    State.ENABLED: _S.RUNNING,
    State.DISABLING: _S.STOPPING,
    State.DISABLED: _S.STOPPED,
    State.UPDATING: _S.UPDATING,
    State.DELETING: _S.DELETING,
}


def state_of(mapping: State) -> PipeState:
    """The pipe's state, told by that of the mapping that reads its source."""
    return _STATES[mapping]


def diagram() -> str:
    """The table as a Mermaid state diagram, for the documents."""
    lines = ["stateDiagram-v2"]
    for state, events in _TABLE.items():
        lines += [f"    {state or '[*]'} --> {target or '[*]'}: {event}" for event, target in events.items()]
    return "\n".join(lines) + "\n"
