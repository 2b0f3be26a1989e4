"""What a lane must do next, by the reference algorithm of the mapping spec (section 16): the oracle of the invariants.

It is told what was read, answered and discarded, and says what the next batch must be. It shares no code with the core.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from afterbay.simulator.handler import Done, Meaning
from afterbay.simulator.record import Written

__all__ = ["ExpectedLane", "Part", "listed"]


@dataclass(slots=True, eq=False)
class Part:
    """A batch under way. ``attempts`` failed in a row without progress. No records: a window's final invocation."""

    records: list[Written]
    attempts: int = 0
    request_id: str | None = None
    responds: bool = False
    failed_us: int | None = None

    def __str__(self) -> str:
        return listed([record.raw.position for record in self.records])


@dataclass(slots=True, eq=False)
class ExpectedLane:
    """``waiting``: read, and in no batch yet. ``stack``: batches under way, the next one last. ``anchor_us``: when the
    last invocation ended, or the lane began; ``free_us``: when what was under way was last given up. ``at_once``: the
    next attempt follows in this very step (R91)."""

    anchor_us: int
    free_us: int = 0
    waiting: deque[Written] = field(default_factory=deque[Written])
    stack: list[Part] = field(default_factory=list[Part])
    invoking: bool = False
    storing: str | None = None
    discarding: int = 0
    skipping: bool = False
    at_once: bool = False
    closed: bool = False  # the head of the batch under way was too old: how much more it holds shows later

    @property
    def busy(self) -> bool:
        return self.invoking or self.storing is not None

    @property
    def oldest(self) -> Written | None:
        """The lowest record that is not finished, as the next attempt or discard would have it."""
        if self.stack and self.stack[-1].records:
            return self.stack[-1].records[0]
        return self.waiting[0] if self.waiting else None

    def unfinished(self) -> Iterator[Written]:
        for part in self.stack:
            yield from part.records
        yield from self.waiting

    @property
    def closing(self) -> bool:
        """True while a final invocation of a window is in flight."""
        return self.invoking and not self.stack[-1].records

    @property
    def empty(self) -> bool:
        return not self.waiting and not self.stack

    def heard(self, done: Done, *, bisects: bool, now_us: int) -> list[Written]:
        """An attempt of the top batch is over; what it finished."""
        part = self.stack[-1]
        self.invoking = False
        self.anchor_us = now_us
        self.at_once = False
        match done.meaning:
            case Meaning.OK:
                self.stack.pop()
                return part.records
            case Meaning.PROGRESS:
                self.stack[-1] = Part(part.records[done.done :])
                self.at_once = True
                return part.records[: done.done]
            case Meaning.NOT_REACHED:
                part.failed_us = now_us
            case Meaning.FAIL | Meaning.TOO_LARGE:
                self._failed(part, done, bisects=bisects, now_us=now_us)
        return []

    def _failed(self, part: Part, done: Done, *, bisects: bool, now_us: int) -> None:
        part.attempts += 1
        part.failed_us = now_us
        part.responds = done.meaning is Meaning.FAIL
        if bisects and done.meaning is Meaning.FAIL and len(part.records) > 1:
            middle = len(part.records) // 2
            self.stack.pop()
            self.stack += [Part(part.records[middle:]), Part(part.records[:middle])]
            self.at_once = True

    def discarded(self, count: int) -> list[Written]:
        """The first ``count`` records of the top batch are given up; the rest keeps its attempts, unless they were
        skipped."""
        part = self.stack.pop()
        rest = part.records[count:]
        skipping, self.skipping = self.skipping, False
        if rest and skipping:
            self.stack.append(Part(rest))
        elif rest:
            self.stack.append(Part(rest, part.attempts, responds=part.responds, failed_us=part.failed_us))
        return part.records[:count]

    def take(self, count: int) -> list[Written]:
        return [self.waiting.popleft() for _ in range(count)]


def listed(positions: Sequence[int]) -> str:
    """A few of many positions, and how many there are."""
    shown = ", ".join(map(str, positions[:6]))
    return f"[{shown}{', ...' if len(positions) > 6 else ''}] ({len(positions)})"
