"""What a run has done: counted by item, and the first of what failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from afterbay.backfill.images import Image
from afterbay.core.change.value import TypedItem
from afterbay.core.guard import Kind, Verdict

__all__ = ["SAMPLES_MAX", "Counts", "Failure"]

SAMPLES_MAX = 100
"""Failures that are named one by one; the others are counted."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that is not in the destination now, and why."""

    keys: TypedItem
    reason: str


@dataclass(slots=True)
class Counts:
    """``scanned`` items were read; of them ``written`` were applied or delivered, ``refused`` were stored already or
    overtaken (E13), ``filtered`` not wanted, and ``failed`` are neither. ``units`` of read capacity were consumed."""

    scanned: int = 0
    written: int = 0
    refused: int = 0
    filtered: int = 0
    failed: int = 0
    units: float = 0.0
    failures: list[Failure] = field(default_factory=list[Failure])

    def add(self, images: Sequence[Image], verdicts: Sequence[Verdict]) -> int:
        """Count a page's verdicts; how many of its items failed."""
        failed_before = self.failed
        for image, verdict in zip(images, verdicts, strict=True):
            match verdict.kind:
                case Kind.APPLIED:
                    self.written += 1
                case Kind.DUPLICATE | Kind.STALE:
                    self.refused += 1
                case Kind.SKIPPED:
                    self.filtered += 1
                case Kind.POISON | Kind.RETRYABLE:
                    self.failed += 1
                    if len(self.failures) < SAMPLES_MAX:
                        self.failures.append(Failure(image.keys, verdict.reason))
        return self.failed - failed_before
