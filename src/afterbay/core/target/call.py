"""One call of a target, as values: what is to be called with what, and what came of it.

Decides nothing: pipes and rules make calls and read replies, a driver (``targets.caller``) performs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from afterbay.core.change.wire import JsonValue
from afterbay.errors import told_once

__all__ = ["Answered", "AwsCall", "Call", "DestinationCall", "Fault", "FunctionCall", "Refused", "Rejected", "Reply"]


@dataclass(frozen=True, slots=True)
class AwsCall:
    """A call of an AWS API: ``service`` and ``operation`` as botocore names them, ``parameters`` in the API's members.

    ``queue``: the ARN of a queue whose address the driver puts in as ``QueueUrl``; only it can ask for that.
    """

    service: str
    operation: str
    region: str
    parameters: Mapping[str, object]
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """An invocation. ``waits``: RequestResponse, whose answer is reported; else Event, which is answered at once."""

    arn: str
    payload: bytes
    waits: bool = True


@dataclass(frozen=True, slots=True)
class DestinationCall:
    """A request to an API destination: its address, connection and rate are the destination's (X56, B54, B68).

    ``path_values`` fill the ``*`` of its address in order; ``headers`` and ``query`` are the caller's own, over which
    the connection's win. ``until_s``: from then on, in epoch seconds, it is not to be made any more (B54).
    """

    arn: str
    path_values: tuple[str, ...]
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    until_s: float | None = None


Call = AwsCall | FunctionCall | DestinationCall


class Fault(Enum):
    """Why a call failed. What it means, each product says itself (X85 for pipes, B52 and B62 for buses)."""

    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed out"
    NOT_CONNECTED = "not connected"
    NO_SUCH_HOST = "no such host"
    CONFLICT = "conflict"
    DENIED = "denied"
    NOT_FOUND = "not found"
    TOO_LARGE = "too large"
    REFUSED = "refused"
    FUNCTION_ERROR = "function error"
    TOKEN_REFUSED = "token refused"
    """An API destination wants a fresh OAuth token; the next call brings one (B52)."""
    TOO_LATE = "too late"
    """The call was not made: it waited for its destination's rate until its time was over (B54)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The call succeeded. ``payload`` is the function's or the server's answer, ``members`` those of an AWS API."""

    payload: bytes = b""
    members: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    executed_version: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Refused:
    """The call failed. ``code`` is the service's own, empty where it has none; ``status`` that of an HTTP answer, or 0.

    ``payload`` is what a function or a server said. ``retry_after_s``: the service's advice; negative: do not come back
    (B52).
    """

    fault: Fault
    code: str
    message: str
    status: int = 0
    retry_after_s: float | None = None
    payload: bytes = b""

    @property
    def told(self) -> str:
        """The code and the message, the code once."""
        return told_once(self.code, self.message)


Reply = Answered | Refused


@dataclass(frozen=True, slots=True)
class Rejected:
    """One entry of a batch call that the service did not take; ``index`` counts the entries of the call from 0."""

    index: int
    code: str
    message: str
    fault: Fault = Fault.REFUSED
