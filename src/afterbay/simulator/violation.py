"""What a world reports when something that must hold does not."""

from __future__ import annotations

from typing import NoReturn

from afterbay.simulator.coverage import Coverage

__all__ = ["Violation", "Watch"]


class Violation(Exception):
    """An invariant was broken. ``rule``: which; ``seed`` and ``step`` lead there again."""

    def __init__(self, rule: str, detail: str, *, seed: int, step: int) -> None:
        super().__init__(f"seed {seed}, step {step}: {rule}: {detail}")
        self.rule, self.detail, self.seed, self.step = rule, detail, seed, step


class Watch:
    """Where a world is, for whoever checks it. ``step`` and ``now_us`` are set by the driver before each action."""

    def __init__(self, seed: int, coverage: Coverage) -> None:
        self.seed, self.step, self.now_us = seed, 0, 0
        self.coverage = coverage

    def fail(self, rule: str, detail: str) -> NoReturn:
        raise Violation(rule, detail, seed=self.seed, step=self.step)

    def met(self, rule: str) -> None:
        self.coverage.met[f"rule: {rule}"] += 1
