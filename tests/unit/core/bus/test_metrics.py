"""What CloudWatch is told (B63)."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from afterbay.core.bus.deadletter import letter_of
from afterbay.core.bus.delivery import Delivered, Delivery, GiveUp, TryAgain
from afterbay.core.bus.envelope import Arrival, Event
from afterbay.core.bus.metrics import (
    Metric,
    of_decision,
    of_first_call,
    of_letter,
    of_loop,
    of_match,
    of_throttle,
)
from afterbay.core.bus.names import Home
from afterbay.core.bus.outcome import ErrorCode
from afterbay.core.mapping.metrics import Datum, Series

HOME = Home("111122223333", "eu-west-1")
RULE = HOME.rule_arn("orders", "on")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVENT = Event(id="e", detail_type="t", source="s", account="1", time_s=0, region="r")
ARRIVAL = Arrival(event=EVENT, bus_arn=HOME.bus_arn("orders"), arrived_s=NOW.timestamp() - 1.5)
DELIVERY = Delivery(rule_arn=RULE, target_id="t", target_arn="a", arrival=ARRIVAL, due_s=0.0)
END = GiveUp(DELIVERY, ErrorCode.TIMEOUT, "late")


def names(data: object) -> list[str]:
    return [str(datum.series.metric) for datum in data]


def test_a_series_names_the_rule_and_a_custom_bus() -> None:
    (datum,) = of_loop(RULE, NOW)
    dimensions = (("EventBusName", "orders"), ("RuleName", "on"))
    assert datum == Datum(Series("eu-west-1", Metric.DEAD_LETTER_INVOCATIONS, dimensions, "Count"), 1.0, NOW)
    (on_default,) = of_throttle(HOME.rule_arn("default", "on"), NOW)
    assert on_default.series.dimensions == (("RuleName", "on"),)


def test_a_match_tells_of_the_event_and_the_rule() -> None:
    assert names(of_match(RULE, NOW)) == ["MatchedEvents", "TriggeredRules"]


def test_a_delivery_counts_once_it_is_over() -> None:
    assert names(of_decision(TryAgain(DELIVERY), NOW)) == []
    assert names(of_decision(Delivered(DELIVERY), NOW)) == ["Invocations"]
    assert names(of_decision(END, NOW)) == ["Invocations", "FailedInvocations"]


def test_latency_is_that_of_the_first_call() -> None:
    (datum,) = of_first_call(DELIVERY, NOW)
    assert (datum.series.metric.unit, datum.value) == ("Milliseconds", 1500.0)
    assert list(of_first_call(msgspec.structs.replace(DELIVERY, attempts=1), NOW)) == []


def test_letters_arrive_or_do_not() -> None:
    letter = letter_of(END, "queue")
    assert letter is not None
    assert names(of_letter(letter, NOW, delivered=True)) == ["InvocationsSentToDlq"]
    assert names(of_letter(letter, NOW, delivered=False)) == ["InvocationsFailedToBeSentToDlq"]


def test_all_others_count() -> None:
    assert [metric for metric in Metric if metric.unit != "Count"] == [Metric.INGESTION_TO_INVOCATION_START_LATENCY]
