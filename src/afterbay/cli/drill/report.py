"""What the drill found: one step for each promise, with what was seen and when.

Decides how that is told. Judging a step is the step's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

__all__ = ["Drilled", "Report", "Seen", "Step", "Steps", "Verdict", "lines"]


class Verdict(StrEnum):
    """What came of a promise."""

    HELD = "held"
    BROKEN = "does not hold"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that happened, ``at_s`` seconds of the address's clock after the step began."""

    at_s: float
    what: str


@dataclass(frozen=True, slots=True)
class Step:
    """A promise, tried. ``why`` says what is wrong and what to do, or why it could not be tried."""

    name: str
    promise: str
    verdict: Verdict
    why: str = ""
    seen: tuple[Seen, ...] = ()


@dataclass(slots=True)
class Steps:
    """Steps as they are taken; ``say`` hears of each."""

    now: datetime
    done: list[Step] = field(default_factory=list[Step])
    seen: list[Seen] = field(default_factory=list[Seen])

    def begin(self, now: datetime) -> None:
        """What is seen from here on belongs to the next step."""
        self.now, self.seen = now, []

    def see(self, at: datetime, what: str) -> None:
        self.seen.append(Seen(round(max(0.0, (at - self.now).total_seconds()), 3), what))

    def held(self, name: str, promise: str) -> None:
        self._end(name, promise, Verdict.HELD, "")

    def broken(self, name: str, promise: str, why: str) -> None:
        self._end(name, promise, Verdict.BROKEN, why)

    def not_applicable(self, name: str, promise: str, why: str) -> None:
        self._end(name, promise, Verdict.NOT_APPLICABLE, why)

    def _end(self, name: str, promise: str, verdict: Verdict, why: str) -> None:
        seen = sorted(self.seen, key=lambda one: one.at_s)
        self.done.append(Step(name, promise, verdict, why, tuple(seen)))
        self.seen = []


@dataclass(frozen=True, slots=True)
class Drilled:
    """One mapping's steps."""

    mapping: str
    table: str
    function: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All mappings that were drilled, and what was left out and why."""

    template: str
    drilled: Sequence[Drilled]
    left_out: Sequence[str] = ()

    @property
    def broken(self) -> list[str]:
        """The promises that do not hold, by function and step."""
        return [
            f"{one.function}: {step.name}"
            for one in self.drilled
            for step in one.steps
            if step.verdict is Verdict.BROKEN
        ]

    def document(self) -> dict[str, object]:
        """What ``--json`` prints (docs/verify.md)."""
        return {
            "template": self.template,
            "held": not self.broken,
            "broken": self.broken,
            "mappings": list(self.drilled),
            "left_out": list(self.left_out),
        }


def lines(report: Report) -> Iterator[str]:
    """What a person reads."""
    for one in report.drilled:
        yield f"{one.table} -> {one.function}"
        for step in one.steps:
            yield f"  {step.verdict.value:<15}{step.name}: {step.promise}"
            if step.why:
                yield f"  {'':<15}  {step.why}"
            for seen in step.seen:
                yield f"  {'':<15}  {seen.at_s:8.2f} s  {seen.what}"
    for what in report.left_out:
        yield f"left out: {what}"
    count = sum(len(one.steps) for one in report.drilled)
    broken = len(report.broken)
    yield (
        f"{broken} of {count} promises do{'es' if broken == 1 else ''} not hold"
        if broken
        else "every promise that could be tried holds"
    )
