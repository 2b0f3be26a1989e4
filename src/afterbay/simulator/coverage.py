"""How often each command, fault, outcome and rule was met: a world that meets nothing proves nothing."""

from __future__ import annotations

from collections import Counter

__all__ = ["REQUIRED", "Coverage"]


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


REQUIRED: tuple[str, ...] = ()
