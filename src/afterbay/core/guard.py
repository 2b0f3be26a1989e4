"""Effectively-once: stored token against a change's token, and what a sink says of each record.

Decides whether a change applies (E5) and what a verdict is (E8). The atomic step that acts on it is each sink's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from afterbay.core.change.sequence import LOWEST_TOKEN

__all__ = ["APPLIED", "DUPLICATE", "LOWEST_TOKEN", "SKIPPED", "STALE", "Kind", "Verdict", "judge"]


class Kind(Enum):
    """What became of one change in one sink (E8), from best to worst."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALE = "stale"
    SKIPPED = "skipped"
    RETRYABLE = "retryable"
    POISON = "poison"

    @property
    def failed(self) -> bool:
        return self in (Kind.RETRYABLE, Kind.POISON)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One record's result. ``reason`` says why it was skipped, or what failed."""

    kind: Kind
    reason: str = ""

    @property
    def failed(self) -> bool:
        return self.kind.failed


APPLIED = Verdict(Kind.APPLIED)
DUPLICATE = Verdict(Kind.DUPLICATE)
STALE = Verdict(Kind.STALE)
SKIPPED = Verdict(Kind.SKIPPED)


def judge(token: str, stored: str | None) -> Verdict:
    """Say what a change with ``token`` does to a key whose last applied token is ``stored`` (None: nothing stored).

    Rules: E5 strictly newer applies; equal is a duplicate, lower is stale, and both are success.
    """
    if stored is None or token > stored:
        return APPLIED
    return DUPLICATE if token == stored else STALE
