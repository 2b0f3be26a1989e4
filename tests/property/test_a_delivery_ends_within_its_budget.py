"""A delivery ends: after N + 1 calls at most, no call is due behind the age limit, and pauses are kept (B50 to B52)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from afterbay.core.bus.delivery import Condition, Delivered, Delivery, GiveUp, TryAgain, overdue, settle
from afterbay.core.bus.envelope import Arrival, Event
from afterbay.core.bus.outcome import Accepted, ErrorCode, Failed, Outcome, Refused, TokenRefused
from afterbay.core.bus.target import RetryPolicy

START = 1000.0
EVENT = Event(id="e", detail_type="t", source="s", account="1", time_s=0, region="r")
FRESH = Delivery(
    rule_arn="r",
    target_id="t",
    target_arn="a",
    arrival=Arrival(event=EVENT, bus_arn="b", arrived_s=START),
    due_s=START,
)
advice = st.none() | st.floats(0, 200_000)
failing: st.SearchStrategy[Outcome] = st.builds(Failed, st.sampled_from(ErrorCode), st.text(max_size=3), advice)
ending: st.SearchStrategy[Outcome] = st.sampled_from(
    [Accepted(), Refused(ErrorCode.NO_RESOURCE, "no"), Failed(ErrorCode.THROTTLING, "stop", -1.0)]
)
calls = st.tuples(failing | st.just(TokenRefused("401")) | ending, st.floats(0, 30), st.floats(0, 1))
policies = st.builds(RetryPolicy, attempts_max=st.integers(0, 185), age_max_s=st.integers(60, 86_400))


@settings(max_examples=300)
@given(st.lists(calls, min_size=1, max_size=40), policies)
def test_every_delivery_ends_as_its_policy_says(plan: list[tuple[Outcome, float, float]], policy: RetryPolicy) -> None:
    deadline_s, made = START + policy.age_max_s, 0
    decision: TryAgain | Delivered | GiveUp = TryAgain(FRESH)
    while isinstance(decision, TryAgain):
        delivery = decision.delivery
        assert delivery.attempts == made <= policy.attempts_max
        assert delivery.due_s <= deadline_s
        outcome, took_s, jitter = plan[made % len(plan)]
        too_old = overdue(delivery, policy, now_s=delivery.due_s)
        if too_old is not None:
            assert delivery.due_s == deadline_s
            decision = too_old
            break
        ended_s = delivery.due_s + took_s
        decision = settle(delivery, outcome, policy, now_s=ended_s, jitter=jitter)
        made += 1
        if isinstance(decision, TryAgain):
            assert decision.refresh_token is isinstance(outcome, TokenRefused)
            assert ended_s <= decision.delivery.due_s
            if isinstance(outcome, Failed) and outcome.retry_after_s is not None:
                assert decision.delivery.due_s >= min(ended_s + outcome.retry_after_s, deadline_s)
    assert decision.delivery.attempts == made
    if isinstance(decision, GiveUp) and decision.condition is Condition.ATTEMPTS:
        assert made == policy.attempts_max + 1
