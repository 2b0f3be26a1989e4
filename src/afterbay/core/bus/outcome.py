"""How a call of a target can end: the closed set, and what in the world counts as which (B52, B62).

Decides whether another try may help. How often and when is ``delivery.py``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

__all__ = [
    "HTTP_TIMEOUT_S",
    "Accepted",
    "ErrorCode",
    "Failed",
    "Late",
    "Outcome",
    "Refused",
    "TokenRefused",
    "no_such_host",
    "not_connected",
    "not_rendered",
    "retry_after_s",
]

HTTP_TIMEOUT_S = 5.0
"""How long an API destination may take to answer (B52)."""


class ErrorCode(StrEnum):
    """The values of a dead letter's ERROR_CODE (B62)."""

    CONNECTION_FAILURE = "CONNECTION_FAILURE"
    CROSS_ACCOUNT_INGESTION_FAILED = "CROSS_ACCOUNT_INGESTION_FAILED"
    CROSS_REGION_INGESTION_FAILED = "CROSS_REGION_INGESTION_FAILED"
    ERROR_FROM_TARGET = "ERROR_FROM_TARGET"
    EVENTS_IN_BATCH_REQUEST_REJECTED = "EVENTS_IN_BATCH_REQUEST_REJECTED"
    FAILED_TO_ASSUME_ROLE = "FAILED_TO_ASSUME_ROLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    INVALID_JSON = "INVALID_JSON"
    INVALID_PARAMETER = "INVALID_PARAMETER"
    NO_PERMISSIONS = "NO_PERMISSIONS"
    NO_RESOURCE = "NO_RESOURCE"
    RESOURCE_ALREADY_EXISTS = "RESOURCE_ALREADY_EXISTS"
    RESOURCE_LIMIT_EXCEEDED = "RESOURCE_LIMIT_EXCEEDED"
    RESOURCE_MODIFICATION_COLLISION = "RESOURCE_MODIFICATION_COLLISION"
    SDK_CLIENT_ERROR = "SDK_CLIENT_ERROR"
    THIRD_ACCOUNT_HOP_DETECTED = "THIRD_ACCOUNT_HOP_DETECTED"
    THIRD_REGION_HOP_DETECTED = "THIRD_REGION_HOP_DETECTED"
    THROTTLING = "THROTTLING"
    TIMEOUT = "TIMEOUT"
    TRANSIENT_ASSUME_ROLE = "TRANSIENT_ASSUME_ROLE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The target took the event."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not, and may later. ``retry_after_s`` is its advice; negative asks for no further try."""

    code: ErrorCode
    message: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not, and no further try would change that: missing permission or target, bad address, wrong payload."""

    code: ErrorCode
    message: str


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """An API destination did not accept the OAuth token: it wants a fresh one (401, 407)."""

    message: str


@dataclass(frozen=True, slots=True)
class Late:
    """Nothing was sent: the event grew too old while its destination's rate kept it waiting (B54)."""


Outcome = Accepted | Failed | Refused | TokenRefused | Late


def not_connected(reason: str) -> Failed:
    """The host is known and was not reached: it may be back later."""
    return Failed(ErrorCode.CONNECTION_FAILURE, reason)


def no_such_host(reason: str) -> Refused:
    """The address is bad, or its name is not known: final (B52)."""
    return Refused(ErrorCode.CONNECTION_FAILURE, reason)


def not_rendered(reason: str) -> Refused:
    """The target's own settings make no payload of this event: final (B39, B44; the code is inferred there)."""
    return Refused(ErrorCode.INVALID_JSON, reason)


def retry_after_s(header: str, now: datetime) -> float | None:
    """The advice of a Retry-After header, a number of seconds or a date; None where it is neither.

    A date that has passed is no delay. Only a number can be negative, and then it ends the delivery (B52).
    """
    try:
        seconds = float(header)
    except ValueError:
        return _until(header, now)
    return seconds if abs(seconds) < float("inf") else None


def _until(header: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
