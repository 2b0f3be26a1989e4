"""One entry of the journal, as a line of a record's story.

Decides the words. Which entries belong to a record is ``recall.py``'s, what they come to ``why.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never

from afterbay.core.mapping.notice import Notice
from afterbay.core.shard.position import Position
from afterbay.engine.recall import Recorded
from afterbay.telemetry.journal import (
    Answered,
    Entry,
    Lettered,
    LetterStep,
    Lifecycle,
    Lost,
    Passed,
    Read,
    Resting,
    Sent,
    Told,
    Verdicts,
    unpack,
)

__all__ = ["Happening", "What", "Words", "fate_in"]

What = Literal["read", "sent", "answered", "sinks", "resting", "notice", "letter", "passed", "asked", "lost"]

Fate = Literal["delivered", "failed", "not reached"]


@dataclass(frozen=True, slots=True)
class Happening:
    """``at``: UTC, in ISO form. ``text``: one line for a person. ``members``: the same as values, by the names of the
    documented JSON (docs/why.md)."""

    at: str
    what: What
    text: str
    members: Mapping[str, object] = field(default_factory=dict[str, object])


def fate_in(answer: Answered, position: Position) -> Fate:
    """What an answer to a batch says of one record in it."""
    match answer.outcome:
        case "Delivered":
            return "delivered"
        case "FailedFrom":
            return "delivered" if position < int(answer.failed_from or 0) else "failed"
        case "FailedSome":
            # Those of its items behind a failed one come again too (R82): their next delivery says so.
            return "failed" if str(position) in (answer.failed_some or ()) else "delivered"
        case "NotReached":
            return "not reached"
        case "Failed":
            return "failed"


class Words:
    """Tells of one record. ``called``: what the mapping delivers to, in a person's words. Entries come in order: a
    delivery is remembered until its answer."""

    def __init__(self, position: Position, called: str) -> None:
        self._position = position
        self._called = called
        self._sent_ms: dict[str | None, int] = {}

    def of(self, one: Recorded) -> Happening:
        what, text, members = self._told(one, one.entry)
        at = one.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if one.request_id is not None:
            members = {"request_id": one.request_id, **members}
        return Happening(at, what, text, members)

    def _told(self, one: Recorded, entry: Entry) -> tuple[What, str, dict[str, object]]:
        match entry:
            case Read():
                count = len(unpack(one.first or 0, entry.positions))
                beside = f", with {count - 1} other record(s)" if count > 1 else ""
                return "read", f"read from {one.shard}{beside}", {"page_records": count}
            case Sent():
                return self._sent(one, entry)
            case Answered():
                return self._answered(one, entry)
            case Resting(delay_s=delay_s):
                return "resting", f"its batch rests for about {delay_s:g} s", {"delay_s": delay_s}
            case Lettered():
                return self._letter(entry)
            case Passed(end=end):
                more = "; the shard is done" if end else ""
                return "passed", f"its position is saved: no restart reads it again{more}", {"shard_end": end}
            case Told(notice=name, detail=detail):
                known = Notice[name].value if name in Notice.__members__ else name
                return "notice", f"{known}: {detail}", {"notice": name, "detail": detail}
            case Verdicts():
                return self._sinks(entry)
            case Lifecycle(event=event, detail=detail):
                asked = f"{event} {detail}".strip()
                return "asked", f"somebody asked the mapping: {asked}", {"event": event, "detail": detail}
            case Lost(rows=rows):
                return "lost", f"{rows} row(s) of the journal are missing here", {"rows": rows}
            case _:
                assert_never(entry)

    def _sent(self, one: Recorded, entry: Sent) -> tuple[What, str, dict[str, object]]:
        self._sent_ms[one.request_id] = entry.at_ms
        count = len(unpack(one.first or 0, entry.positions))
        others = f" with {count - 1} other record(s)" if count > 1 else " alone"
        again = f", attempt {entry.attempts + 1}" if entry.attempts else ""
        why = f" ({entry.why}{again})" if entry.why else (f" ({again[2:]})" if again else "")
        members: dict[str, object] = {
            "batch_records": count,
            "attempt": entry.attempts + 1,
            "why": entry.why,
            "lane": entry.lane,
        }
        return "sent", f"sent to {self._called}{others}{why}", members

    def _answered(self, one: Recorded, entry: Answered) -> tuple[What, str, dict[str, object]]:
        began_ms = self._sent_ms.get(one.request_id)
        took_ms = None if began_ms is None else entry.at_ms - began_ms
        took = "" if took_ms is None else f" after {took_ms} ms"
        said = ": ".join(one for one in (entry.error_type, entry.error_message) if one)
        fate = fate_in(entry, self._position)
        match fate:
            case "delivered":
                text = f"delivered{took}" + (
                    "" if entry.outcome == "Delivered" else "; other records of its batch failed"
                )
            case "not reached":
                text = f"not reached{took}: {entry.reason}"
            case _:
                words = ("the answer goes on from " + (entry.failed_from or "")) if entry.failed_from else entry.reason
                text = f"failed{took}: " + "; ".join(part for part in (words, said) if part)
        members: dict[str, object] = {
            "outcome": entry.outcome,
            "record": fate,
            "duration_ms": took_ms,
            "reason": entry.reason,
            "error_type": entry.error_type,
            "error_message": entry.error_message,
            "failed_from": entry.failed_from,
        }
        return "answered", text, members

    @staticmethod
    def _letter(entry: Lettered) -> tuple[What, str, dict[str, object]]:
        match entry.step:
            case LetterStep.ASKED:
                why = f"{entry.condition} after {entry.invoke_count} attempt(s)"
                text = f"given up: {why}; the letter names {entry.count} record(s) and goes to {entry.destination}"
            case LetterStep.STORED:
                text = "its dead letter is stored in the outbox"
            case LetterStep.SENT:
                text = f"its dead letter is at {entry.destination}"
            case LetterStep.FAILED:
                text = f"its dead letter was not taken by {entry.destination}, try {entry.tries + 1}; it is retried"
        members: dict[str, object] = {
            "step": entry.step.value,
            "condition": entry.condition,
            "destination": entry.destination,
            "records": entry.count,
            "invoke_count": entry.invoke_count,
        }
        return "letter", text, members

    @staticmethod
    def _sinks(entry: Verdicts) -> tuple[What, str, dict[str, object]]:
        told = [f"{sink} {_counted(verdicts)}" for sink, verdicts in entry.sinks.items()]
        told += [f"{one.sink} {one.kind}: {one.reason}" for one in entry.reasons]
        reasons = [
            {"sink": one.sink, "kind": one.kind, "reason": one.reason, "records": one.records} for one in entry.reasons
        ]
        members: dict[str, object] = {"records": entry.records, "sinks": entry.sinks, "reasons": reasons}
        return "sinks", f"of its batch's {entry.records} record(s): " + "; ".join(told), members


def _counted(verdicts: Mapping[str, int]) -> str:
    some = [f"{name} {count}" for name, count in verdicts.items() if count]
    return ", ".join(some) or "nothing"
