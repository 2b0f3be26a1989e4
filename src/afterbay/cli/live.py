"""What ``afterbay dev`` shows while it runs: a line for each invocation, and what functions print."""

from __future__ import annotations

from collections.abc import Callable

from afterbay.core.change.arn import owner_name, parse_arn
from afterbay.core.mapping.outcome import Delivered, Failed, FailedFrom, FailedSome, NotReached, Outcome
from afterbay.engine.meter import Attempt, Listener
from afterbay.functions.logs import LogLine

__all__ = ["LiveLines"]

_PLATFORM = ("START RequestId: ", "END RequestId: ", "REPORT RequestId: ")
"""Lines that Lambda writes around an invocation: the line of the invocation says it already."""


class LiveLines(Listener):
    """One line for each attempt: what was called, with how much, why then, what came of it, how long, how old.

    ``say`` None: nothing is told.
    """

    def __init__(self, say: Callable[[str], None] | None) -> None:
        self._say = say if say is not None else _nothing

    def attempt(self, attempt: Attempt) -> None:
        batch = attempt.batch
        called = owner_name(attempt.settings.function_arn)
        count = len(batch.records)
        what = f"{count} record{'' if count == 1 else 's'}" if count else "no records"
        again = f", attempt {batch.attempts + 1}" if batch.attempts else ""
        took_ms = (attempt.ended - attempt.started).total_seconds() * 1000
        age_s = batch.age_s(attempt.started)
        age = "" if age_s is None else f", age {age_s:.1f} s"
        source = _source_name(attempt.settings.event_source_arn)
        self._say(
            f"{source} -> {called}: {what} ({batch.why.value}{again}): "
            f"{_told(attempt.outcome, count)} in {took_ms:.0f} ms{age}"
        )

    def line(self, line: LogLine) -> None:
        """What a function printed."""
        text = line.text.rstrip("\n")
        if text and not text.startswith(_PLATFORM):
            self._say(f"{line.function} | {text}")


def _nothing(line: str) -> None:
    """--quiet"""


def _told(outcome: Outcome, count: int) -> str:
    match outcome:
        case Delivered():
            return "ok"
        case FailedFrom(position=position):
            return f"failed from {position} on"
        case FailedSome(positions=positions, not_reached=not_reached):
            word = "failed" if not_reached is None else f"not reached ({not_reached.reason})"
            return f"{len(positions)} of {count} {word}"
        case Failed(cause=cause):
            return f"failed ({cause.value})"
        case NotReached(reason=reason):
            return f"not reached ({reason})"


def _source_name(arn: str) -> str:
    """The table, stream or queue."""
    resource = parse_arn(arn).resource
    parts = resource.split("/")
    return parts[1] if len(parts) > 1 else resource.rpartition(":")[2]
