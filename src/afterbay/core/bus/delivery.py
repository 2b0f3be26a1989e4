"""One event on its way to one target: tries, their budget, the pauses between them (B50 to B55).

Decides what follows each outcome. Each delivery has a budget of its own (B53): nothing here knows of another one.
Calling the target, waiting and drawing the jitter are the driver's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import msgspec

from afterbay.core.bus.envelope import Arrival
from afterbay.core.bus.outcome import Accepted, ErrorCode, Failed, Late, Outcome, Refused, TokenRefused
from afterbay.core.bus.target import RetryPolicy, Target

__all__ = [
    "Backoff",
    "Condition",
    "Decision",
    "Delivered",
    "Delivery",
    "GiveUp",
    "TryAgain",
    "begin",
    "overdue",
    "settle",
]


class Condition(StrEnum):
    """Which limit ended a delivery: EXHAUSTED_RETRY_CONDITION of its dead letter (B60)."""

    ATTEMPTS = "MaximumRetryAttempts"
    AGE = "MaximumEventAgeInSeconds"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What is saved of a delivery between two tries.

    ``due_s`` is when the next one is due, in epoch seconds. ``attempts`` counts the calls so far; ``error_code`` and
    ``error_message`` tell of the last one that failed. ``token_refreshed``: that one asked for a fresh token.
    """

    rule_arn: str
    target_id: str
    target_arn: str
    arrival: Arrival
    due_s: float
    attempts: int = 0
    error_code: ErrorCode | None = None
    error_message: str = ""
    token_refreshed: bool = False

    @property
    def retries(self) -> int:
        """RETRY_ATTEMPTS: the calls after the first one (B51)."""
        return max(0, self.attempts - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The pauses between tries: ``first_s``, then ``factor`` times as long each, at most ``cap_s`` (B51, a default of
    ours: AWS's figures are not known)."""

    first_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 600.0

    def pause_s(self, failures: int) -> float:
        """The pause after the n-th failure, before jitter."""
        try:
            return min(self.cap_s, self.first_s * self.factor ** (failures - 1))
        except OverflowError:
            return self.cap_s


@dataclass(frozen=True, slots=True)
class Delivered:
    """The target has the event."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Once more at ``delivery.due_s``, and not before. ``refresh_token``: with a fresh OAuth token."""

    delivery: Delivery
    refresh_token: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No further try. ``condition`` None: the error is one that is never retried, or the target asked for no more."""

    delivery: Delivery
    code: ErrorCode
    message: str
    condition: Condition | None = None


Decision = Delivered | TryAgain | GiveUp


def begin(rule_arn: str, target: Target, arrival: Arrival) -> Delivery:
    """A delivery that is due at once."""
    return Delivery(
        rule_arn=rule_arn, target_id=target.id, target_arn=target.arn, arrival=arrival, due_s=arrival.arrived_s
    )


def overdue(delivery: Delivery, policy: RetryPolicy, *, now_s: float) -> GiveUp | None:
    """Asked before each call: an event that is too old by then is not sent any more (B51, B54).

    One that never was sent, because its destination's rate kept it waiting, counts as throttled (ours).
    """
    return None if now_s < _deadline_s(delivery, policy) else _too_old(delivery)


def settle(
    delivery: Delivery,
    outcome: Outcome,
    policy: RetryPolicy,
    *,
    now_s: float,
    backoff: Backoff | None = None,
    jitter: float = 1.0,
) -> Decision:
    """What follows a call that ended at ``now_s`` with ``outcome``.

    ``jitter``, 0 to 1, is the share of the pause to keep: all of it without.

    Rules: B51 N retries are N + 1 calls, and the first limit reached ends it; B52 what is final, the longer of the
    pause and Retry-After, negative Retry-After stops. A token is refreshed once in a row: refused again, it is final
    (ours).
    """
    tried = msgspec.structs.replace(delivery, attempts=delivery.attempts + 1, token_refreshed=False)
    pauses = (backoff or Backoff(), jitter)
    match outcome:
        case Accepted():
            return Delivered(tried)
        case Refused(code, message):
            return GiveUp(tried, code, message)
        case Late():
            return _too_old(delivery)  # no call was made
        case TokenRefused(message):
            if delivery.token_refreshed:
                return GiveUp(tried, ErrorCode.ERROR_FROM_TARGET, message)
            again = msgspec.structs.replace(tried, token_refreshed=True)
            return _again(again, Failed(ErrorCode.ERROR_FROM_TARGET, message), policy, now_s, *pauses)
        case Failed(code, message, advice):
            if advice is not None and advice < 0:
                return GiveUp(tried, code, message)
            return _again(tried, outcome, policy, now_s, *pauses)
        case _:
            assert_never(outcome)


def _again(
    tried: Delivery, failed: Failed, policy: RetryPolicy, now_s: float, backoff: Backoff, jitter: float
) -> TryAgain | GiveUp:
    """The next try is never put behind the age limit: there the event is given up, not a pause later."""
    if tried.attempts > policy.attempts_max:
        return GiveUp(tried, failed.code, failed.message, Condition.ATTEMPTS)
    deadline_s = _deadline_s(tried, policy)
    if now_s >= deadline_s:
        return GiveUp(tried, failed.code, failed.message, Condition.AGE)
    pause_s = max(backoff.pause_s(tried.attempts) * jitter, failed.retry_after_s or 0.0)
    waiting = msgspec.structs.replace(
        tried,
        due_s=min(now_s + pause_s, deadline_s),
        error_code=failed.code,
        error_message=failed.message,
    )
    return TryAgain(waiting, refresh_token=waiting.token_refreshed)


def _too_old(delivery: Delivery) -> GiveUp:
    code = delivery.error_code or ErrorCode.THROTTLING
    message = delivery.error_message or "the event could not be sent within its age"
    return GiveUp(delivery, code, message, Condition.AGE)


def _deadline_s(delivery: Delivery, policy: RetryPolicy) -> float:
    """Age counts from the arrival at the bus (B51, inferred)."""
    return delivery.arrival.arrived_s + policy.age_max_s
