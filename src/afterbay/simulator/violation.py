"""What a world reports when something that must hold does not."""

from __future__ import annotations

__all__ = ["Violation"]


class Violation(Exception):
    """An invariant was broken. ``rule``: which; ``seed`` and ``step`` lead there again."""

    def __init__(self, rule: str, detail: str, *, seed: int, step: int) -> None:
        super().__init__(f"seed {seed}, step {step}: {rule}: {detail}")
        self.rule, self.detail, self.seed, self.step = rule, detail, seed, step
