"""Tries, budgets, pauses (B50 to B55, B60)."""

from __future__ import annotations

import msgspec
import pytest

from afterbay.core.bus.delivery import (
    Backoff,
    Condition,
    Delivered,
    Delivery,
    GiveUp,
    TryAgain,
    begin,
    overdue,
    settle,
)
from afterbay.core.bus.envelope import Arrival, Event
from afterbay.core.bus.names import Home
from afterbay.core.bus.outcome import Accepted, ErrorCode, Failed, Late, Outcome, Refused, TokenRefused
from afterbay.core.bus.target import RetryPolicy, parse_target

HOME = Home("111122223333", "eu-west-1")
EVENT = Event(id="e", detail_type="t", source="s", account="1", time_s=0, region="r")
START = 1000.0
ARRIVAL = Arrival(event=EVENT, bus_arn=HOME.bus_arn("default"), arrived_s=START)
TARGET = parse_target({"Id": "t", "Arn": "arn:aws:sqs:eu-west-1:111122223333:q"}, HOME)
FRESH = begin(HOME.rule_arn("default", "r"), TARGET, ARRIVAL)
POLICY = RetryPolicy()
BUSY = Failed(ErrorCode.ERROR_FROM_TARGET, "503")


def again(delivery: Delivery, outcome: Outcome, now_s: float = START, **more: object) -> TryAgain:
    decision = settle(delivery, outcome, POLICY, now_s=now_s, **more)
    assert isinstance(decision, TryAgain)
    return decision


def over(delivery: Delivery, outcome: Outcome, policy: RetryPolicy = POLICY, now_s: float = START) -> GiveUp:
    decision = settle(delivery, outcome, policy, now_s=now_s)
    assert isinstance(decision, GiveUp)
    return decision


def test_what_was_taken_is_done() -> None:
    decision = settle(FRESH, Accepted(), POLICY, now_s=START)
    assert isinstance(decision, Delivered) and decision.delivery.attempts == 1


def test_pauses_double_up_to_the_cap() -> None:
    """B51: 1 s, factor 2, cap 600 s."""
    pauses = [Backoff().pause_s(failures) for failures in (1, 2, 3, 10, 11, 12, 185, 10**6)]
    assert pauses == [1, 2, 4, 512, 600, 600, 600, 600]
    assert [Backoff(first_s=3, factor=1, cap_s=2).pause_s(n) for n in (1, 2)] == [2, 2]


def test_jitter_is_the_share_of_the_pause_that_stays() -> None:
    assert again(FRESH, BUSY).delivery.due_s == START + 1
    assert again(FRESH, BUSY, jitter=0.25).delivery.due_s == START + 0.25
    assert again(FRESH, BUSY, jitter=0.0).delivery.due_s == START


def test_jitter_does_not_shorten_what_the_target_asked_for() -> None:
    """B52."""
    patient = Failed(ErrorCode.THROTTLING, "429", 120.0)
    assert again(FRESH, patient, jitter=0.0).delivery.due_s == START + 120
    assert again(FRESH, Failed(ErrorCode.THROTTLING, "429", 0.5)).delivery.due_s == START + 1


def test_a_negative_retry_after_stops_without_a_condition() -> None:
    end = over(FRESH, Failed(ErrorCode.THROTTLING, "429", -1.0))
    assert (end.condition, end.code, end.delivery.retries) == (None, ErrorCode.THROTTLING, 0)


@pytest.mark.parametrize("retries", [0, 1, 5, 185])
def test_n_retries_are_n_plus_one_calls(retries: int) -> None:
    """B51."""
    policy, delivery, calls = RetryPolicy(attempts_max=retries), FRESH, 0
    while True:
        calls += 1
        decision = settle(delivery, BUSY, policy, now_s=START)
        if isinstance(decision, GiveUp):
            break
        assert isinstance(decision, TryAgain)
        delivery = decision.delivery
    assert calls == retries + 1
    assert (decision.condition, decision.delivery.retries) == (Condition.ATTEMPTS, retries)


def test_a_refusal_is_final_and_counts_the_retries_before_it() -> None:
    no = Refused(ErrorCode.NO_PERMISSIONS, "no")
    assert over(FRESH, no).delivery.retries == 0
    later = over(again(FRESH, BUSY).delivery, no)
    assert (later.condition, later.code, later.delivery.retries) == (None, ErrorCode.NO_PERMISSIONS, 1)


def test_an_event_that_is_too_old_is_given_up_when_the_call_fails() -> None:
    policy = RetryPolicy(age_max_s=60)
    assert over(FRESH, BUSY, policy, START + 60).condition is Condition.AGE
    assert isinstance(settle(FRESH, BUSY, policy, now_s=START + 59.9), TryAgain)
    assert isinstance(settle(FRESH, Accepted(), policy, now_s=START + 500), Delivered)


def test_attempts_are_looked_at_before_the_age() -> None:
    assert over(FRESH, BUSY, RetryPolicy(attempts_max=0, age_max_s=60), START + 60).condition is Condition.ATTEMPTS


def test_the_last_pause_ends_at_the_age_limit_and_there_nothing_is_called() -> None:
    policy = RetryPolicy(age_max_s=60)
    waiting = settle(FRESH, Failed(ErrorCode.THROTTLING, "429", 600.0), policy, now_s=START + 1)
    assert isinstance(waiting, TryAgain) and waiting.delivery.due_s == START + 60
    assert overdue(waiting.delivery, policy, now_s=START + 59) is None
    end = overdue(waiting.delivery, policy, now_s=START + 60)
    assert end is not None and (end.condition, end.code, end.message) == (Condition.AGE, ErrorCode.THROTTLING, "429")
    assert end.delivery.retries == 0


def test_an_event_that_was_never_sent_counts_as_throttled() -> None:
    """B54: its destination's rate kept it waiting."""
    end = overdue(FRESH, POLICY, now_s=START + 86_400)
    assert end is not None and (end.code, end.delivery.attempts) == (ErrorCode.THROTTLING, 0)
    assert end.message


def test_an_event_whose_turn_did_not_come_in_time_is_given_up_for_its_age() -> None:
    """B54: no call was made, so none is counted."""
    end = over(FRESH, Late(), RetryPolicy(attempts_max=0))
    assert (end.code, end.condition, end.delivery.attempts) == (ErrorCode.THROTTLING, Condition.AGE, 0)
    failed = over(again(FRESH, BUSY).delivery, Late())
    assert (failed.code, failed.message, failed.condition) == (ErrorCode.ERROR_FROM_TARGET, "503", Condition.AGE)


def test_a_token_is_refreshed_once_in_a_row() -> None:
    """B52."""
    unauthorized = TokenRefused("401")
    first = again(FRESH, unauthorized)
    assert first.refresh_token and first.delivery.token_refreshed
    assert over(first.delivery, unauthorized).condition is None
    between = again(first.delivery, BUSY)
    assert not between.refresh_token
    assert again(between.delivery, unauthorized).refresh_token


def test_a_refused_token_costs_a_try() -> None:
    assert over(FRESH, TokenRefused("401"), RetryPolicy(attempts_max=0)).condition is Condition.ATTEMPTS


def test_what_failed_last_is_kept_between_tries() -> None:
    saved = again(FRESH, BUSY).delivery
    assert (saved.error_code, saved.error_message) == (ErrorCode.ERROR_FROM_TARGET, "503")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(saved), type=Delivery) == saved
