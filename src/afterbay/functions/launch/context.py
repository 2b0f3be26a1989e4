"""The context object of a handler: the attributes and methods that AWS's Python runtime gives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ClientContext", "CognitoIdentity", "LambdaContext", "wall_ms"]


def wall_ms() -> int:
    """The machine's own time in epoch milliseconds: a deadline is meant by the clock that the process itself sees."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class CognitoIdentity:
    """Who called through a mobile SDK; both fields are None for every other caller."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


@dataclass(slots=True)
class ClientContext:
    """What a caller passed as ``ClientContext``, by AWS's names."""

    custom: object = None
    env: object = None
    client: object = None


@dataclass
class LambdaContext:
    """What a handler can ask about its invocation. Not slotted: libraries hang their own attributes on it."""

    aws_request_id: str
    invoked_function_arn: str
    function_name: str | None
    function_version: str | None
    memory_limit_in_mb: str | None
    log_group_name: str | None
    log_stream_name: str | None
    deadline_ms: int
    identity: CognitoIdentity
    client_context: ClientContext | None = None
    tenant_id: str | None = None
    write: Callable[[str], object] = print

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out, 0 when it is over."""
        return max(0, self.deadline_ms - wall_ms())

    def log(self, message: object) -> None:
        """Write to the function's log."""
        self.write(str(message))
