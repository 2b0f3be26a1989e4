"""What a list of dead letters says: causes, places, the time left.

Decides the JSON documents (docs/redrive.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from afterbay.redrive.bodies import Bodies
from afterbay.redrive.letter import DeadLetter
from afterbay.redrive.owner import Owner
from afterbay.redrive.plan import written_place
from afterbay.redrive.planning import instant, time_left_s

__all__ = ["Seen", "groups", "letter_document"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A letter and what was found out about it; of a list, no more than how long its stream keeps a record."""

    letter: DeadLetter
    retention_s: float
    owner: Owner = field(default_factory=Owner)
    bodies: Bodies = field(default_factory=Bodies)


def letter_document(seen: Seen, now: datetime) -> dict[str, object]:
    """One letter of ``deadletters list --json``; a member that does not apply is null."""
    letter = seen.letter
    left_s = time_left_s(letter, now, seen.retention_s)
    gone_s = None if left_s is None or letter.first_created_s is None else letter.first_created_s + seen.retention_s
    return {
        "place": written_place(letter.place),
        "kind": letter.kind.value,
        "owner": letter.owner or None,
        "target": letter.target,
        "condition": letter.condition or None,
        "error": letter.error,
        "detail": letter.detail or None,
        "attempts": letter.attempts,
        "request_id": letter.request_id,
        "sent_at": instant(letter.sent_s),
        "stream": letter.stream_arn or None,
        "shard": letter.shard or None,
        "first": None if letter.span is None else str(letter.span.first),
        "last": None if letter.span is None else str(letter.span.last),
        "batch_size": letter.count,
        "first_created_at": instant(letter.first_created_s),
        "trimmed_at": instant(gone_s),
        "time_left_s": left_s,
        "trimmed": left_s == 0.0,
        "why": letter.why or None,
    }


def groups(seen: Iterable[Seen], now: datetime) -> list[dict[str, object]]:
    """The letters by cause: who, the condition, the error. The largest group comes first."""
    found: dict[tuple[str, str, str, str], list[Seen]] = {}
    for one in seen:
        letter = one.letter
        cause = (letter.kind.value, letter.owner, letter.condition, letter.error or "")
        found.setdefault(cause, []).append(one)
    ordered = sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))
    return [_group(cause, of_cause, now) for cause, of_cause in ordered]


def _group(cause: tuple[str, str, str, str], seen: Sequence[Seen], now: datetime) -> dict[str, object]:
    kind, owner, condition, error = cause
    left = [one for one in (time_left_s(each.letter, now, each.retention_s) for each in seen) if one is not None]
    return {
        "kind": kind,
        "owner": owner or None,
        "condition": condition or None,
        "error": error or None,
        "letters": len(seen),
        "records": sum(one.letter.count for one in seen),
        "oldest": instant(min((one.letter.sent_s for one in seen if one.letter.sent_s is not None), default=None)),
        "time_left_s": min((one for one in left if one > 0), default=None),
        "trimmed": sum(one == 0.0 for one in left),
    }
