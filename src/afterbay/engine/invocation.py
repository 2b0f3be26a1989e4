"""Invokes a function with a batch and says what came of it, whatever the batch was read from."""

from __future__ import annotations

from collections.abc import Callable

from afterbay.core.mapping.outcome import Cause, Failed, NotReached, Outcome
from afterbay.errors import PayloadTooLargeError, ServiceError, ThrottledError
from afterbay.ports import Answer, Function

__all__ = ["invoke"]


async def invoke(function: Function, event: bytes, request_id: str, read: Callable[[Answer], Outcome]) -> Outcome:
    """Rules: R85 what was not reached, R80 what was too large; ``read`` says what an answer means."""
    try:
        answer = await function.invoke(event, request_id=request_id)
    except PayloadTooLargeError:
        return Failed(Cause.TOO_LARGE, splittable=False)
    except ServiceError as error:
        advice = error.retry_after_s if isinstance(error, ThrottledError) else None
        return NotReached(f"{error.code}: {error.message}", advice)
    return read(answer)
