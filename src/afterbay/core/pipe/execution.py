"""How one execution of a pipe went, stage by stage: what its log and its metrics are told from (X28, X102).

An execution is a batch on its way through enrichment and target.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Execution", "Result", "StageEnd", "StageRun"]


class StageEnd(Enum):
    """How a stage ended. ``PARTLY_FAILED`` and ``SKIPPED`` happen to targets alone (X50, X54, X80, X82); ``NOT_CALLED``
    is for want of a parameter (X62) or because an enrichment answered too much (X53)."""

    SUCCEEDED = "succeeded"
    FAILED = "invocation failed"
    PARTLY_FAILED = "invocation partly failed"
    TRANSFORMATION_FAILED = "template failed"
    NOT_CALLED = "refused before anybody was called"
    TIMED_OUT = "cut off by the limit of the whole execution"
    SKIPPED = "not called, since the enrichment answered that there is nothing"


@dataclass(frozen=True, slots=True)
class StageRun:
    """A stage that was entered, or skipped. ``templated``: it has an input template that is not empty (X30)."""

    ended: StageEnd
    templated: bool = False
    duration_ms: float = 0.0

    def __post_init__(self) -> None:
        assert self.templated or self.ended is not StageEnd.TRANSFORMATION_FAILED, "no template, no failure of one"


class Result(Enum):
    """What came of the execution as a whole."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARTLY_FAILED = "partly failed"
    TIMED_OUT = "timed out"
    THROTTLED = "throttled"


_RESULTS = {
    StageEnd.SUCCEEDED: Result.SUCCEEDED,
    StageEnd.SKIPPED: Result.SUCCEEDED,  # X50
    StageEnd.FAILED: Result.FAILED,
    StageEnd.TRANSFORMATION_FAILED: Result.FAILED,  # X35
    StageEnd.NOT_CALLED: Result.FAILED,
    StageEnd.PARTLY_FAILED: Result.PARTLY_FAILED,
    StageEnd.TIMED_OUT: Result.TIMED_OUT,  # X75
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The stages that were come to, in their order. ``enrichment`` None: the pipe has none. ``target`` None: the
    enrichment was not got past. Neither: the execution was not let in (throttled)."""

    enrichment: StageRun | None = None
    target: StageRun | None = None

    def __post_init__(self) -> None:
        if self.enrichment is not None:
            assert self.enrichment.ended not in (StageEnd.PARTLY_FAILED, StageEnd.SKIPPED), "X54: all or nothing"
            passed = self.enrichment.ended is StageEnd.SUCCEEDED
            assert passed == (self.target is not None), "the target follows an enrichment that succeeded, and no other"

    @property
    def result(self) -> Result:
        last = self.target or self.enrichment
        return Result.THROTTLED if last is None else _RESULTS[last.ended]
