"""Every error raised on purpose, named by whose fault it is.

AfterbayError
├── SettingsError            the user's: a setting, pattern, template, address or document is wrong
├── RecordError              the record's: no code can decode it (a poison record)
├── ServiceError             theirs: the service said no
│   ├── ThrottledError         slow down
│   ├── UnavailableError       5xx, time-out, no connection
│   ├── DeniedError            credentials or permissions
│   ├── NotFoundError          no such stream, shard, table, queue, function
│   ├── ConflictError          a condition or a race was lost
│   ├── IteratorExpiredError   a shard iterator older than 15 minutes (S41)
│   ├── TrimmedError           the position is older than the trim horizon (S44)
│   └── PayloadTooLargeError   the event exceeds what the function service takes (R80)
├── HandlerError             the function's: it does not load, or is not what was named
├── StateError               ours to refuse: a state file that is locked, newer, damaged
│   └── StatePlaceError        the user's: what is named is no state file, or cannot be one
└── EndpointError            becomes an AWS error code and an HTTP status on the local address

Anything else that is raised is a bug of ours.
"""

from __future__ import annotations

__all__ = [
    "AfterbayError",
    "ConflictError",
    "DeniedError",
    "EndpointError",
    "HandlerError",
    "IteratorExpiredError",
    "NotFoundError",
    "PayloadTooLargeError",
    "RecordError",
    "ServiceError",
    "SettingsError",
    "StateError",
    "StatePlaceError",
    "ThrottledError",
    "TrimmedError",
    "UnavailableError",
    "told_once",
]


def told_once(code: str, message: str) -> str:
    """The code and the message, the code once: what a service answered often begins with it."""
    return message if message.startswith(code) else f"{code}: {message}"


class AfterbayError(Exception):
    """What failed, where (in the stream, the file or the settings), and what to do next.

    ``hint`` is one sentence that a person can act on; ``None`` where the message says it all.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class SettingsError(AfterbayError):
    """A setting, pattern, address or document is wrong; nothing was started.

    ``code`` and ``message`` are AWS's own where AWS has them (R section 1): the local address answers them as they are.
    ``where`` names the file or the path inside it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "InvalidParameterValueException",
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.where = where

    def __str__(self) -> str:
        text = super().__str__()
        return f"{self.where}: {text}" if self.where else text


class RecordError(AfterbayError):
    """A record that no code can decode. ``path`` leads to the part at fault, as in ``dynamodb.NewImage.total``."""

    def __init__(self, message: str, *, path: str = "", hint: str | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message, hint=hint)
        self.path = path


class ServiceError(AfterbayError):
    """The service refused or failed. ``code`` is its own error code, never guessed from its text."""

    def __init__(self, message: str, *, code: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code

    @property
    def told(self) -> str:
        """The code and the message, the code once: what a service answered begins with it (``aws.errors``)."""
        return told_once(self.code, self.message)


class ThrottledError(ServiceError):
    """The service asked us to slow down. ``retry_after_s`` is its advice, or None if it gave none."""

    def __init__(self, message: str, *, code: str, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class UnavailableError(ServiceError):
    """The service failed or was not reached; whether it acted is not known (E9)."""


class DeniedError(ServiceError):
    """Credentials or permissions do not allow the call."""


class NotFoundError(ServiceError):
    """What was named does not exist."""


class ConflictError(ServiceError):
    """A condition did not hold, or another writer was first."""


class IteratorExpiredError(ServiceError):
    """A shard iterator was older than 15 minutes; reading resumes from the position by itself (S42)."""


class TrimmedError(ServiceError):
    """The position is older than the oldest record of the shard: what lay between is lost (S44)."""


class PayloadTooLargeError(ServiceError):
    """The event is larger than the function service takes (R80)."""


class HandlerError(AfterbayError):
    """The function does not load, or is not what was named."""


class StateError(AfterbayError):
    """The state file is in use, was written by a newer version, or is damaged."""


class StatePlaceError(StateError):
    """What was named as the state is none and cannot be one: a folder where a file is wanted, or a file where a folder
    is, a file of somebody else's, nothing at all, or what this user may not open. Another name mends it."""


class EndpointError(AfterbayError):
    """An AWS error of the local address: its ``code``, HTTP ``status`` and text."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
