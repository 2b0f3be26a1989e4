"""What the engine measures of each delivery, handed to whoever publishes it.

Decides what is measured. Publishing (CloudWatch, Prometheus, a live display) is the listener's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.commands import Tell
from afterbay.core.mapping.outcome import Outcome

__all__ = ["Attempt", "Meter"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery of ``batch``, from the moment it was sent to the moment its answer was there."""

    mapping: str
    batch: Batch
    started: datetime
    ended: datetime
    outcome: Outcome

    @property
    def iterator_age_ms(self) -> float | None:
        """From the stream's receipt of the last record to the sending of the batch (R139); None without records."""
        if not self.batch.records:
            return None
        return max(0.0, (self.started.timestamp() - self.batch.records[-1].created_s) * 1000)


class Meter:
    """Passes measurements on; with nobody listening it does nothing."""

    def __init__(
        self,
        on_attempt: Callable[[Attempt], None] | None = None,
        on_notice: Callable[[str, Tell], None] | None = None,
    ) -> None:
        self._on_attempt = on_attempt
        self._on_notice = on_notice

    def attempt(self, attempt: Attempt) -> None:
        if self._on_attempt is not None:
            self._on_attempt(attempt)

    def notice(self, mapping: str, tell: Tell) -> None:
        if self._on_notice is not None:
            self._on_notice(mapping, tell)
