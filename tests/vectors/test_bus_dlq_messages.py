"""What a dead-letter queue gets, and what metrics tell of it (B55, B60 to B63).

A vector's kind is told by its members, never by its name.
"""

from __future__ import annotations

import json
import re
from itertools import chain

import pytest

from afterbay.core.bus.calls import outcome_of
from afterbay.core.bus.deadletter import letter_of, message_attributes
from afterbay.core.bus.delivery import Delivery, GiveUp, TryAgain, overdue, settle
from afterbay.core.bus.metrics import of_decision, of_letter
from afterbay.core.bus.outcome import Outcome, not_rendered
from afterbay.core.bus.target import RetryPolicy, parse_target
from afterbay.core.target.http import reply_of
from afterbay.core.template import Event, TemplateError
from afterbay.errors import DeniedError, NotFoundError
from afterbay.targets.caller import refusal_of
from vectors.bus_world import HOME, NOW, QUEUE, World, arrival_of
from vectors.loading import Reader, vectors

RULE = HOME.rule_arn("orders", "r")
FAULTS = {
    "AccessDenied": outcome_of(refusal_of(DeniedError("not authorized", code="AccessDenied"))),
    "ResourceNotFound": outcome_of(refusal_of(NotFoundError("not there", code="ResourceNotFound"))),
}


def outcomes_of(given: Reader) -> list[Outcome]:
    """What the target answers, in order; the last one goes on for ever."""
    if "InputTemplate" in given.names:
        return [not_rendered(why_not_rendered(given["InputTemplate"], given["InputPathsMap"], given["event"]))]
    failures = given["failures"] if "failures" in given.names else ["AccessDenied"]
    if isinstance(failures, str):
        status, _ = map(int, re.findall(r"\d+", failures))
        return [outcome_of(reply_of(status))]
    return [FAULTS[one] if isinstance(one, str) else outcome_of(reply_of(one["status"])) for one in failures]


def why_not_rendered(template: str, paths: dict, event: dict) -> str:
    transformer = {"InputTemplate": template, "InputPathsMap": paths}
    target = parse_target({"Id": "t", "Arn": QUEUE, "InputTransformer": transformer}, HOME)
    with pytest.raises(TemplateError) as error:
        target.input.payload(Event(event), {})
    return str(error.value)


def given_up(given: Reader) -> GiveUp:
    """The delivery until nothing more is tried."""
    policy = RetryPolicy(**settings_of(given["policy"] if "policy" in given.names else {}))
    delivery = Delivery(
        rule_arn=given["rule_arn"] if "rule_arn" in given.names else RULE,
        target_id="t",
        target_arn=given["target_arn"] if "target_arn" in given.names else QUEUE,
        arrival=arrival_of(given["event"]),
        due_s=NOW.timestamp(),
    )
    outcomes = outcomes_of(given)
    decision: TryAgain | GiveUp = TryAgain(delivery)
    for outcome in chain(outcomes, iter(lambda: outcomes[-1], None)):
        too_old = overdue(decision.delivery, policy, now_s=decision.delivery.due_s)
        decision = too_old or settle(decision.delivery, outcome, policy, now_s=decision.delivery.due_s)
        if isinstance(decision, GiveUp):
            return decision
    raise AssertionError("unreachable")


def settings_of(policy: dict) -> dict:
    names = {"MaximumRetryAttempts": "attempts_max", "MaximumEventAgeInSeconds": "age_max_s"}
    return {names[name]: value for name, value in policy.items()}


def letters(given: Reader, wanted: Reader) -> None:
    if "InputPath" in given.names:
        assert given["InputPath"] != "$"  # what is sent is a part; the letter has the whole
    end = given_up(given)
    letter = letter_of(end, QUEUE)
    attributes = message_attributes(letter)
    if "message_body_json" in wanted.names:
        assert json.loads(letter.body) == wanted["message_body_json"]
    if "attributes_include" in wanted.names:
        assert attributes.items() >= wanted["attributes_include"].items()
    if "attribute_names" in wanted.names:
        assert sorted(attributes) == sorted(wanted["attribute_names"])
    if "error_code_any_of" in wanted.names:
        assert end.code in wanted["error_code_any_of"]
    if "attempts" in wanted.names:
        assert end.delivery.attempts == wanted["attempts"]


def dropped(given: Reader, wanted: Reader) -> None:
    """No queue, or one that takes nothing."""
    end, queue = given_up(given), given["dlq"]
    letter = letter_of(end, None if queue is None else QUEUE)
    assert (letter is None or queue == "unreachable") is wanted["dropped"]
    told = list(of_decision(end, NOW))
    if letter is not None:
        told += of_letter(letter, NOW, delivered=False)
    names = {datum.series.metric for datum in told}
    assert names >= set(wanted["metrics"]) and "InvocationsSentToDlq" not in names


def refused(given: Reader, wanted: Reader) -> None:
    world = World()
    world.rule("r")
    target = {"Id": "t", "Arn": QUEUE, "DeadLetterConfig": {"Arn": given["dlq"]}}
    assert world.call("PutTargets", Rule="r", Targets=[target]).error == wanted["error"]


def kind_of(wanted: Reader):
    if "error" in wanted.names:
        return refused
    return dropped if "dropped" in wanted.names else letters


@pytest.mark.parametrize("vector", vectors("bus/dlq-messages.json"))
def test_a_dead_letter_says_what_is_documented(vector) -> None:
    with vector.opened() as (given, wanted):
        kind_of(wanted)(given, wanted)
