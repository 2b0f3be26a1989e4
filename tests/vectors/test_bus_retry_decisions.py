"""Which outcomes are tried again, when, and how often (B50 to B53).

A vector's kind is told by its members, never by its name.
"""

from __future__ import annotations

import pytest

from afterbay.core.bus import calls
from afterbay.core.bus.delivery import Backoff, Decision, Delivered, GiveUp, TryAgain, begin, overdue, settle
from afterbay.core.bus.outcome import (
    HTTP_TIMEOUT_S,
    Accepted,
    Outcome,
    no_such_host,
)
from afterbay.core.bus.target import RetryPolicy
from afterbay.core.target.call import Fault, Refused
from afterbay.core.target.http import reply_of
from afterbay.errors import DeniedError, NotFoundError, ThrottledError
from afterbay.targets.caller import refusal_of
from vectors.bus_world import HOME, NOW, World, arrival_of
from vectors.loading import Reader, vectors

EVENT = {
    "id": "e", "detail-type": "t", "source": "s", "account": "1", "time": "2026-01-02T03:04:05Z", "region": "r",
    "resources": [], "detail": {},
}  # fmt: skip
FAULTS = {
    "NO_PERMISSIONS": calls.outcome_of(refusal_of(DeniedError("no", code="AccessDenied"))),
    "NO_RESOURCE": calls.outcome_of(refusal_of(NotFoundError("no", code="QueueDoesNotExist"))),
    "THROTTLING": calls.outcome_of(refusal_of(ThrottledError("no", code="Throttling"))),
    "DNS lookup failure": no_such_host("no such name"),
}


def delivery_to(world: World, target: dict, rule: str = "r"):
    """The delivery of one event to one target, with that target's policy."""
    world.rule(rule, target)
    (delivery,) = [one for one in world.buses.route(arrival()).deliveries if one.rule_arn.endswith(f"/{rule}")]
    return delivery, world.buses.rules.find("default", rule).targets[0].retry


def arrival():
    return arrival_of(EVENT, bus_arn=HOME.bus_arn("default"))


def outcome_of(given: Reader) -> Outcome:
    if "timeout_seconds" in given.names:
        assert given["target"] == "api-destination"
        assert given["timeout_seconds"] == HTTP_TIMEOUT_S
        return calls.outcome_of(Refused(Fault.TIMED_OUT, "Timeout", "no answer"))
    if "error" in given.names:
        assert given["target"] == "any"
        return FAULTS[given["error"]]
    assert given["target"] == "api-destination"
    oauth = "auth" in given.names and given["auth"] == "OAUTH_CLIENT_CREDENTIALS"
    advice = given["retry_after"] if "retry_after" in given.names else None
    return calls.outcome_of(reply_of(given["status"], oauth=oauth, retry_after_s=advice))


def one_call(given: Reader, wanted: Reader) -> None:
    pause_s = given["policy_delay"] if "policy_delay" in given.names else 1
    delivery, policy = delivery_to(World(), {"Id": "t"})
    outcome, now_s = outcome_of(given), NOW.timestamp()
    decision = settle(delivery, outcome, policy, now_s=now_s, backoff=Backoff(first_s=pause_s))
    if "retry" in wanted.names:
        assert isinstance(decision, TryAgain) is wanted["retry"]
    if "next" in wanted.names:
        assert (wanted["next"], isinstance(decision, GiveUp)) == ("dlq", True)
    if "delivered" in wanted.names:
        assert isinstance(decision, Delivered) is wanted["delivered"]
    if "refresh_token" in wanted.names:
        assert isinstance(decision, TryAgain) and decision.refresh_token is wanted["refresh_token"]
    if "delay" in wanted.names:
        assert isinstance(decision, TryAgain) and decision.delivery.due_s - now_s == wanted["delay"]


def budget(given: Reader, wanted: Reader) -> None:
    policy = given["RetryPolicy"]
    world = World()
    world.rule("r")
    target = {"Id": "t", "Arn": "arn:aws:sqs:us-east-1:111122223333:q"} | ({"RetryPolicy": policy} if policy else {})
    reply = world.call("PutTargets", Rule="r", Targets=[target])
    if "accepted" in wanted.names:
        assert (reply.status == 200) is wanted["accepted"]
    else:
        retry = world.buses.rules.find("default", "r").targets[0].retry
        assert retry == RetryPolicy(
            attempts_max=wanted["MaximumRetryAttempts"], age_max_s=wanted["MaximumEventAgeInSeconds"]
        )


def to_the_end(given: Reader, wanted: Reader) -> None:
    """The failures one after another, each when it is due."""
    delivery, policy = delivery_to(World(), {"Id": "t", "RetryPolicy": given["RetryPolicy"]})
    decision: Decision = TryAgain(delivery)
    for status in given["failures"]:
        assert isinstance(decision, TryAgain) and overdue(decision.delivery, policy, now_s=delivery.due_s) is None
        outcome = calls.outcome_of(reply_of(int(status)))
        decision = settle(decision.delivery, outcome, policy, now_s=decision.delivery.due_s)
    assert wanted["next"] == "dlq" and isinstance(decision, GiveUp)
    assert decision.delivery.attempts == wanted["attempts"]
    assert decision.condition == wanted["EXHAUSTED_RETRY_CONDITION"]


def side_by_side(given: Reader, wanted: Reader) -> None:
    world = World()
    decisions: dict[str, Decision] = {}
    for one in given["targets"]:
        delivery, policy = delivery_to(world, {"Id": one["Id"]}, rule=one["Id"])
        outcome = Accepted() if one["outcome"] == "ok" else calls.outcome_of(reply_of(int(one["outcome"])))
        decisions[one["Id"]] = settle(delivery, outcome, policy, now_s=NOW.timestamp())
    assert [name for name, one in decisions.items() if isinstance(one, Delivered)] == wanted["delivered"]
    assert [name for name, one in decisions.items() if isinstance(one, TryAgain)] == wanted["retrying"]


def kind_of(given: Reader):
    if "targets" in given.names:
        return side_by_side
    if "RetryPolicy" in given.names:
        return to_the_end if "failures" in given.names else budget
    return one_call


@pytest.mark.parametrize("vector", vectors("bus/retry-decisions.json"))
def test_an_outcome_is_followed_by_what_is_documented(vector) -> None:
    with vector.opened() as (given, wanted):
        kind_of(given)(given, wanted)


def test_a_delivery_begins_due_at_its_arrival() -> None:
    world = World()
    world.rule("r", {"Id": "t"})
    rule = world.buses.rules.find("default", "r")
    assert begin(rule.arn, rule.targets[0], arrival()).due_s == NOW.timestamp()
