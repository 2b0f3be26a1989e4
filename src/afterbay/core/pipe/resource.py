"""A pipe as the API knows it: its settings, its state and its times; and how the API shows it (X1, X3, X5, X8, X11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.lifecycle import DesiredState, PipeState

__all__ = ["PipeResource"]

_DELETED = (PipeState.DELETING, PipeState.DELETE_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipeResource:
    """``created_s`` and ``modified_s`` are epoch seconds; the second is that of the last request. ``reason`` is why the
    state is not what was asked for, or None (``reason.py``)."""

    settings: PipeSettings
    state: PipeState
    created_s: float
    modified_s: float
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    reason: str | None = None

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def desired_state(self) -> DesiredState:
        """What was asked for last; DELETED once that was a deletion."""
        return DesiredState.DELETED if self.state in _DELETED else self.settings.desired_state
