"""What can come of one delivery: the closed set that the retry rules act on (DESIGN section 8).

``warned`` and ``said`` are beside the outcome, and no part of what it is: what to tell of an answer that is almost
right, and what a failure said of itself. Nothing is decided by either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from afterbay.core.mapping.notice import Warned
from afterbay.core.shard.position import Position

__all__ = [
    "Cause",
    "Delivered",
    "Failed",
    "FailedFrom",
    "FailedSome",
    "NotReached",
    "Outcome",
    "ResponseContext",
    "Said",
]


class Cause(Enum):
    """Why a delivery failed as a whole; decides ``LastProcessingResult`` and what the dead letter says."""

    FUNCTION_ERROR = "function error"  # R81
    INVALID_RESPONSE = "invalid response"  # R83, malformed (R43)
    TOO_LARGE = "payload too large"  # R80
    NO_STATE = "no window state"  # R84


@dataclass(frozen=True, slots=True)
class ResponseContext:
    """What a dead letter tells of the last answer (R110). ``function_error`` is "Unhandled", or None (R83)."""

    executed_version: str
    function_error: str | None
    status_code: int = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What a failure said of itself. ``kind`` names it: a function's ``errorType``, or a pipe's stage and how that
    ended. ``message`` may hold anything, of the records too."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The whole batch is done (R79). ``state``: what the function returned for its tumbling window (R125)."""

    state: bytes | None = None
    warned: Warned | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class FailedFrom:
    """What lies before ``position`` is done; it and everything behind it is not (R82, R83, R98).

    ``state``: what the function returned for its tumbling window; it holds what is done.
    """

    position: Position
    response: ResponseContext | None = None
    state: bytes | None = None
    warned: Warned | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class NotReached:
    """The batch did not reach the function: no attempt was used (R85). ``retry_after_s`` is the service's advice."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class FailedSome:
    """Just these records failed. Pipes and queues only; a later record of a failed key waits behind it.

    ``not_reached`` is as that of an outcome: no attempt was used on them (X85).
    """

    positions: frozenset[Position]
    response: ResponseContext | None = None
    not_reached: NotReached | None = None
    said: Said | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing is done, and the attempt counts. ``splittable``: bisect may apply (R81, R83; not R80)."""

    cause: Cause
    splittable: bool = True
    response: ResponseContext | None = None
    warned: Warned | None = field(default=None, compare=False)
    said: Said | None = field(default=None, compare=False)


Outcome = Delivered | FailedFrom | FailedSome | Failed | NotReached
