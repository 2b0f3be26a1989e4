"""How often each command, fault, outcome and rule was met: a world that meets nothing proves nothing."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from afterbay.core.mapping.commands import Command
from afterbay.core.mapping.deadletter import Condition
from afterbay.core.mapping.events import Event
from afterbay.core.mapping.outcome import Outcome

__all__ = ["NEVER", "REQUIRED", "Coverage"]


class Coverage:
    """Counts by name; ``met`` may be merged over worlds."""

    __slots__ = ("met",)

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        self.met[name] += 1

    def merge(self, other: Counter[str]) -> None:
        self.met.update(other)

    def never_met(self) -> tuple[str, ...]:
        """What a run of many worlds should have met and did not."""
        return tuple(name for name in REQUIRED if not self.met[name])

    def lines(self) -> list[str]:
        """One line per name, required ones that were never met too."""
        names = sorted({*self.met, *REQUIRED})
        width = max(map(len, names), default=0)
        return [f"{name:<{width}}  {self.met[name]}" for name in names]


_NOTICES = (
    *("BISECTED", "BLOCKED", "DISCARDED", "DROPPED", "PARENT_MISSING", "SHARD_GONE", "SOURCE_FAILED"),
    *("SOURCE_RECOVERED", "TRIMMED"),
)
_FAULTS = (
    *("throttled", "unavailable", "denied", "iterator expired", "trimmed", "listing failed", "child listed late"),
    *("empty page before records", "repeated records", "shard gone", "stream disabled"),
)
_HANDLER = (
    *("success", "partial", "first record failed", "malformed answer", "hides an earlier failure", "poison", "error"),
    *("timeout", "throttled", "not reached", "too large", "answer too large", "no window state"),
    "window state too large",
)
_RULES = (
    "E5 a duplicate or stale change was refused",
    "E6 a delete left its token",
    "R46 LATEST was fixed",
    "R48 a child started after its parent",
    "R50 delivered again by another run",
    "R55 a window was over",
    "R61 lanes side by side",
    "R65 a lane ahead of the others repeats nothing",
    "R66 another factor, lanes drained",
    "R69 a half, a remainder or what was not reached",
    "R78 filtered before batching",
    "R82 progress",
    "R89 retried unchanged",
    "R92 a failed batch was split",
    "R99 several records discarded at once",
    "R104 only the head was too old",
    "R105 too old before any attempt",
    "R106 too old after failures",
    "R124 a state went on",
    "R126 a final invocation",
    "R126 a final invocation early (R129)",
    "R126 a window was closed",
    "R126 a window of another length was closed after an update",
    "R128 a shard's end closes its window",
    "R130 a final invocation was discarded",
    "a batch was skipped in part",
    "a shard was unblocked by an operator",
)
NEVER = {
    "event: ShardWithdrawn": "a fleet's; there is none yet",
    "outcome: FailedSome": "of pipes and queues only",
}
"""What no world meets, and why."""

REQUIRED: tuple[str, ...] = tuple(
    name
    for name in (
        *(f"command: {kind.__name__}" for kind in get_args(Command)),
        *(f"event: {kind.__name__}" for kind in get_args(Event)),
        *(f"outcome: {kind.__name__}" for kind in get_args(Outcome)),
        *(f"notice: {name}" for name in _NOTICES),
        *(f"fault: {name}" for name in _FAULTS),
        *(f"handler: {name}" for name in _HANDLER),
        *(f"rule: {name}" for name in _RULES),
        *(f"discard: {condition.value}" for condition in Condition),
        *("crash", "crash: an invocation outlives the process", "stream: split", "stream: roll"),
        *("outbox: full", "outbox: not delivered", "outbox: sent twice under one request id"),
        *("lifecycle: disable", "lifecycle: enable", "lifecycle: update", "lifecycle: refused while in use"),
        "lifecycle: stopped and started again",
    )
    if name not in NEVER
)
"""What two thousand worlds meet; one that is not met means that the simulator lost sight of something."""
