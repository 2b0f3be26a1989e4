"""What ``/_afterbay/status`` says, as far as the demo looks at it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from afterbay.errors import UnavailableError

__all__ = ["Counts", "Progress", "read_progress"]


class Counts(msgspec.Struct, frozen=True):
    """Totals of a mapping since the address started, in records unless a name says otherwise."""

    delivered: int = 0
    lettered: int = 0
    dropped: int = 0
    invocations: int = 0
    errors: int = 0
    retries: int = 0
    bisects: int = 0
    letters: int = 0


class _Mapping(msgspec.Struct, frozen=True):
    state: str
    age_s: float
    counters: Counts


class _Outbox(msgspec.Struct, frozen=True):
    waiting: int


class _Status(msgspec.Struct, frozen=True):
    mappings: list[_Mapping]
    outbox: _Outbox


@dataclass(frozen=True, slots=True)
class Progress:
    """The demo's one mapping at a moment. ``age_s`` is the age of its oldest record that is not done, 0 where there is
    none; ``outbox`` counts dead letters that are stored and not sent."""

    state: str = "Creating"
    age_s: float = 0.0
    outbox: int = 0
    counts: Counts = field(default_factory=Counts)

    @property
    def done(self) -> int:
        """Records that left the mapping, one way or another."""
        return self.counts.delivered + self.counts.lettered + self.counts.dropped


def read_progress(body: bytes) -> Progress:
    """Raises ``UnavailableError`` for an answer of another form."""
    try:
        status = msgspec.json.decode(body, type=_Status)
    except msgspec.DecodeError as wrong:
        raise UnavailableError(f"/_afterbay/status has another form: {wrong}", code="WrongForm") from wrong
    if not status.mappings:
        return Progress(outbox=status.outbox.waiting)
    mapping = status.mappings[0]
    return Progress(mapping.state, mapping.age_s, status.outbox.waiting, mapping.counters)
