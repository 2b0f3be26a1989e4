"""``LastProcessingResult``: what the last processed batch came to (R40 to R44)."""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from afterbay.core.mapping.outcome import Cause, Delivered, Failed, FailedFrom, FailedSome, NotReached, Outcome

__all__ = ["LastResult", "result_of"]


class LastResult(Enum):
    """The values that the API shows. A discard never changes it (R44)."""

    NONE = "No records processed"
    OK = "OK"
    FUNCTION_FAILED = "PROBLEM: Function call failed"
    INVALID_RESPONSE = "PROBLEM: Sequence number in function response is invalid. Please check function implementation."


def result_of(outcome: Outcome, before: LastResult) -> LastResult:
    """Rules: R41 a valid partial response is OK, R42 a function error, R43 a malformed response, R85 nothing."""
    match outcome:
        case Delivered() | FailedFrom() | FailedSome():
            return LastResult.OK
        case Failed(cause=Cause.INVALID_RESPONSE):
            return LastResult.INVALID_RESPONSE
        case Failed():
            return LastResult.FUNCTION_FAILED
        case NotReached():
            return before
        case _:
            assert_never(outcome)
