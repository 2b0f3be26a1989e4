"""What became of one record of a redrive, and of its letter."""

from __future__ import annotations

from enum import Enum

import msgspec

from afterbay.core.guard import Kind, Verdict

__all__ = ["LetterResult", "LetterState", "Outcome", "RecordResult", "of_verdict"]


class Outcome(Enum):
    """Of a record. A sink says which of the first four, a function that it was delivered."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    STALE = "stale"
    SKIPPED = "skipped"
    DELIVERED = "delivered"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    """An earlier record failed; what comes after it is sent again with it."""

    @property
    def succeeded(self) -> bool:
        return self not in (Outcome.FAILED, Outcome.NOT_REACHED)


class LetterState(Enum):
    """Of a letter."""

    DONE = "done"
    ALREADY_DONE = "already done"
    """It is not there any more: an earlier run, or somebody else, has done with it."""
    NOT_REMOVED = "not removed"
    """Every record succeeded, and the letter could not be removed: a second run repeats it, which guards make
    harmless."""
    FAILED = "failed"
    HIDDEN = "hidden"
    """Another reader of the queue has it."""
    CHANGED = "changed"
    """What is read now is not what the plan shows: it has to be planned again."""
    LOST = "lost"
    HELD = "held"
    """The plan says why it cannot be sent."""
    UNKNOWN = "unknown"
    """No letter of ours: left alone."""

    @property
    def fails_the_run(self) -> bool:
        return self not in (LetterState.DONE, LetterState.ALREADY_DONE, LetterState.UNKNOWN)


class RecordResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """``reason``: why it failed, or was skipped."""

    sequence_number: str
    outcome: Outcome
    reason: str = ""


class LetterResult(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``place`` as text; ``removed`` says what became of the letter itself."""

    letter: str
    owner: str
    state: LetterState
    why: str = ""
    records: tuple[RecordResult, ...] = ()
    removed: str = ""


_OUTCOMES = {
    Kind.APPLIED: Outcome.APPLIED,
    Kind.DUPLICATE: Outcome.DUPLICATE,
    Kind.STALE: Outcome.STALE,
    Kind.SKIPPED: Outcome.SKIPPED,
    Kind.RETRYABLE: Outcome.FAILED,
    Kind.POISON: Outcome.FAILED,
}


def of_verdict(sequence_number: str, verdict: Verdict) -> RecordResult:
    """A sink's verdict (E8) as a redrive reports it."""
    return RecordResult(sequence_number, _OUTCOMES[verdict.kind], verdict.reason)
