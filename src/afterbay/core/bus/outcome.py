"""How a call of a target can end: the closed set, and what in the world counts as which (B52, B62).

Decides whether another try may help. How often and when is ``delivery.py``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from afterbay.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    PayloadTooLargeError,
    ServiceError,
    ThrottledError,
    UnavailableError,
)

__all__ = [
    "HTTP_TIMEOUT_S",
    "Accepted",
    "ErrorCode",
    "Failed",
    "Outcome",
    "Refused",
    "TokenRefused",
    "no_such_host",
    "not_connected",
    "not_rendered",
    "of_http_status",
    "of_service_error",
    "retry_after_s",
    "timed_out",
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


Outcome = Accepted | Failed | Refused | TokenRefused


def of_http_status(status: int, *, oauth: bool = False, retry_after_s: float | None = None) -> Outcome:
    """What an API destination's answer means. ``oauth``: the call bore a token that can be refreshed.

    Rules: B52 429 and 5xx are tried again; 1xx, 3xx and every other 4xx, 409 too, are final.
    """
    told = f"HTTP status {status}"
    if 200 <= status < 300:
        return Accepted()
    if status == 429:
        return Failed(ErrorCode.THROTTLING, told, retry_after_s)
    if status >= 500:
        return Failed(ErrorCode.ERROR_FROM_TARGET, told, retry_after_s)
    if oauth and status in (401, 407):
        return TokenRefused(told)
    return Refused(ErrorCode.ERROR_FROM_TARGET, told)


def of_service_error(error: ServiceError) -> Outcome:
    """What a service's refusal of a call means, by the kind that its error code gave it (B52).

    Which fault has which code is AWS's secret for the most part (B62): all but NO_PERMISSIONS, NO_RESOURCE and
    THROTTLING are our choice.
    """
    match error:
        case ThrottledError():
            return Failed(ErrorCode.THROTTLING, error.message, error.retry_after_s)
        case UnavailableError():
            return Failed(ErrorCode.ERROR_FROM_TARGET, error.message)
        case ConflictError():
            return Failed(ErrorCode.RESOURCE_MODIFICATION_COLLISION, error.message)
        case DeniedError():
            return Refused(ErrorCode.NO_PERMISSIONS, error.message)
        case NotFoundError():
            return Refused(ErrorCode.NO_RESOURCE, error.message)
        case PayloadTooLargeError():
            return Refused(ErrorCode.INVALID_PARAMETER, error.message)
        case _:
            return Refused(ErrorCode.SDK_CLIENT_ERROR, error.message)


def timed_out(after_s: float = HTTP_TIMEOUT_S) -> Failed:
    """No answer within ``after_s``: tried again (B52)."""
    return Failed(ErrorCode.TIMEOUT, f"no answer within {after_s:g} s")


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
