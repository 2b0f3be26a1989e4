"""What an HTTP answer of an API destination means (X85, B52): the one table of statuses for pipes and rules."""

from __future__ import annotations

from afterbay.core.target.call import Answered, Fault, Refused, Reply

__all__ = ["reply_of"]

_TOKEN_REFUSED = frozenset({401, 407})


def reply_of(status: int, payload: bytes = b"", *, oauth: bool = False, retry_after_s: float | None = None) -> Reply:
    """Rules: B52 429 and 5xx are the server's trouble, 1xx, 3xx and every other 4xx the caller's. ``oauth``: the call
    bore a token that can be fetched anew."""
    if 200 <= status < 300:
        return Answered(payload, status=status)
    if status == 429:
        fault = Fault.THROTTLED
    elif status >= 500:
        fault = Fault.UNAVAILABLE
    else:
        fault = Fault.TOKEN_REFUSED if oauth and status in _TOKEN_REFUSED else Fault.REFUSED
    return Refused(fault, "", f"HTTP status {status}", status, retry_after_s, payload)
