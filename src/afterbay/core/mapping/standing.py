"""The state that a mapping's API shows, and what its user wants of it (R31 to R33, R38).

Decides which request is taken, and what the mapping goes on with once nothing is in flight. How it drains, and how it
starts, is the mapping's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from afterbay.core.mapping.events import (
    Created,
    DeletionRequested,
    DisableRequested,
    EnableRequested,
    Request,
    StopRequested,
    UpdateRequested,
)
from afterbay.core.mapping.lifecycle import LifecycleEvent, State, step
from afterbay.core.mapping.settings import MappingSettings

__all__ = ["Next", "Standing", "Wish"]


class Next(Enum):
    """What a mapping does once it has drained."""

    START = "start"
    REST = "rest"
    DELETE = "delete"
    END = "end"


@dataclass(frozen=True, slots=True)
class Wish:
    """``event`` is what the API shows of it; None: nothing. ``settings``: new ones, where it brings any."""

    event: LifecycleEvent | None
    next: Next
    settings: MappingSettings | None = None


class Standing:
    """Where a mapping stands between its user and its work. ``wish`` is the last that was taken."""

    def __init__(self) -> None:
        self.state = State.CREATING
        self.wish = Wish(None, Next.REST)

    def take(self, request: Request) -> bool:
        """False where it is past asking: the mapping is being deleted, or its process ends, and stays so.

        Raises ``SettingsError`` (ResourceInUseException) for a request that the state does not take (E19).
        """
        if self.wish.next in (Next.DELETE, Next.END):
            return False
        wish = self._wish(request)
        if wish.event is not None:
            self._go(wish.event)
        self.wish = wish
        return True

    def arrive(self, event: LifecycleEvent) -> None:
        """End a transition; a settled state stays."""
        if not self.state.settled:
            self._go(event)

    def _go(self, event: LifecycleEvent) -> None:
        state = step(self.state, event)
        assert state is not None, "a mapping is gone only when it is over"
        self.state = state

    def _wish(self, request: Request) -> Wish:
        match request:
            case Created(enabled=enabled):
                return Wish(None, Next.START if enabled else Next.REST)
            case EnableRequested(settings=settings):
                return Wish(LifecycleEvent.ENABLE, Next.START, settings)
            case DisableRequested(settings=settings):
                return Wish(LifecycleEvent.DISABLE, Next.REST, settings)
            case UpdateRequested(settings=settings):
                return Wish(LifecycleEvent.UPDATE, self.wish.next, settings)
            case DeletionRequested():
                return Wish(LifecycleEvent.DELETE, Next.DELETE)
            case StopRequested():
                return Wish(None, Next.END)
            case _:
                assert_never(request)
