"""How far a load is, and when it will be done: guesses, since nobody counts a table exactly.

Decides what is shown. DescribeTable's number of items is some six hours old; where it is no help, parts are counted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["Pace", "Progress"]

PACE_OVER_S = 30.0
"""The pace is of the last half minute: long enough for a few pages of a small budget."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``items`` were read, of about ``items_expected`` (None: nobody knows); ``parts_done`` of ``parts`` are done."""

    items: int
    items_expected: int | None
    parts_done: int
    parts: int

    @property
    def share(self) -> float:
        """From 0 to 1, and 1 only at the end. The estimate may be too low: then the parts that are left say more."""
        if self.parts_done == self.parts:
            return 1.0
        by_parts = self.parts_done / self.parts
        if not self.items_expected:
            return by_parts
        return min(0.99, max(by_parts, self.items / self.items_expected))


class Pace:
    """Tells from what was done lately when the rest will be. Moments are seconds that do not go back."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, float]] = deque()

    def see(self, at_s: float, progress: Progress) -> None:
        self._seen.append((at_s, progress.items, progress.share))
        while len(self._seen) > 2 and self._seen[1][0] <= at_s - PACE_OVER_S:
            self._seen.popleft()

    @property
    def items_per_s(self) -> float:
        if len(self._seen) < 2:
            return 0.0
        (first_s, first, _), (last_s, last, _) = self._seen[0], self._seen[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end at this pace; None: it cannot be told."""
        if len(self._seen) < 2:
            return None
        (first_s, _, first), (last_s, _, last) = self._seen[0], self._seen[-1]
        return (1.0 - last) * (last_s - first_s) / (last - first) if last > first else None
