"""What the engine measures, handed to whoever listens: metrics, the journal, a display.

Decides what is measured. What becomes of it is the listeners'.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Command
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import Event
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.queue_commands import QueueCommand
from afterbay.core.mapping.queue_events import QueueEvent
from afterbay.core.mapping.settings import MappingSettings

__all__ = ["Attempt", "Handled", "Listener", "Meter"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery of ``batch``, from the moment it was sent to the moment its answer was there."""

    mapping: str
    settings: MappingSettings
    batch: Batch
    started: datetime
    ended: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Handled:
    """One event that a mapping was told, and what it answered.

    ``polled`` is None unless a page of records or a receipt of messages was taken in; counts are in records and are
    this event's own. ``deleted``: messages that are gone from their queue because the function is done with them.
    """

    mapping: str
    settings: MappingSettings
    at: datetime
    event: Event | QueueEvent
    commands: tuple[Command | QueueCommand, ...]
    polled: int | None
    filtered_out: int
    dropped: int
    deleted: int = 0


class Listener:
    """Hears what is measured; override what is wanted. Called on the loop: it must be quick, and must not raise."""

    def attempt(self, attempt: Attempt) -> None: ...

    def handled(self, handled: Handled) -> None: ...

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        """A dead letter was sent, or was not; ``tries`` failed before."""


class Meter(Listener):
    """Passes measurements on to every listener; with none it does nothing."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def attempt(self, attempt: Attempt) -> None:
        for one in self._listeners:
            one.attempt(attempt)

    def handled(self, handled: Handled) -> None:
        for one in self._listeners:
            one.handled(handled)

    def letter_sent(self, letter: Letter, *, delivered: bool, tries: int, at: datetime) -> None:
        for one in self._listeners:
            one.letter_sent(letter, delivered=delivered, tries=tries, at=at)
