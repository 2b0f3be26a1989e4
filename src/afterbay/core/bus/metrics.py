"""What rules tell CloudWatch, namespace AWS/Events, one datum at a time (B63).

Decides which metrics there are, of which dimensions and value. Gathering and sending them are the engine's. None is
ever told as zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from afterbay.core.bus.deadletter import Letter
from afterbay.core.bus.delivery import Decision, Delivery, GiveUp, TryAgain
from afterbay.core.bus.names import DEFAULT_BUS, split_rule_arn
from afterbay.core.change.arn import parse_arn
from afterbay.core.mapping.metrics import Datum, Series

__all__ = [
    "NAMESPACE",
    "Metric",
    "of_decision",
    "of_first_call",
    "of_letter",
    "of_loop",
    "of_match",
    "of_throttle",
]

NAMESPACE = "AWS/Events"


class Metric(StrEnum):
    """The catalogue. All count but the last, which is in milliseconds."""

    TRIGGERED_RULES = "TriggeredRules"
    MATCHED_EVENTS = "MatchedEvents"
    INVOCATIONS = "Invocations"
    FAILED_INVOCATIONS = "FailedInvocations"
    THROTTLED_RULES = "ThrottledRules"
    DEAD_LETTER_INVOCATIONS = "DeadLetterInvocations"
    INVOCATIONS_SENT_TO_DLQ = "InvocationsSentToDlq"
    INVOCATIONS_FAILED_TO_BE_SENT_TO_DLQ = "InvocationsFailedToBeSentToDlq"
    INGESTION_TO_INVOCATION_START_LATENCY = "IngestionToInvocationStartLatency"

    @property
    def unit(self) -> str:
        return "Milliseconds" if self is Metric.INGESTION_TO_INVOCATION_START_LATENCY else "Count"


def of_match(rule_arn: str, at: datetime) -> Iterator[Datum]:
    """An event matched a rule."""
    yield _datum(rule_arn, Metric.MATCHED_EVENTS, at)
    yield _datum(rule_arn, Metric.TRIGGERED_RULES, at)


def of_loop(rule_arn: str, at: datetime) -> Iterator[Datum]:
    """A rule was not run again by an event that it had handed on itself (B27)."""
    yield _datum(rule_arn, Metric.DEAD_LETTER_INVOCATIONS, at)


def of_throttle(rule_arn: str, at: datetime) -> Iterator[Datum]:
    """A rule's target had to wait for a place (B3, B54)."""
    yield _datum(rule_arn, Metric.THROTTLED_RULES, at)


def of_first_call(delivery: Delivery, at: datetime) -> Iterator[Datum]:
    """A delivery's first call begins at ``at``; later ones tell nothing."""
    if delivery.attempts == 0:
        latency_ms = max(0.0, at.timestamp() - delivery.arrival.arrived_s) * 1000
        yield _datum(delivery.rule_arn, Metric.INGESTION_TO_INVOCATION_START_LATENCY, at, latency_ms)


def of_decision(decision: Decision, at: datetime) -> Iterator[Datum]:
    """A delivery ended: tries in between count as nothing until one is final."""
    if isinstance(decision, TryAgain):
        return
    yield _datum(decision.delivery.rule_arn, Metric.INVOCATIONS, at)
    if isinstance(decision, GiveUp):
        yield _datum(decision.delivery.rule_arn, Metric.FAILED_INVOCATIONS, at)


def of_letter(letter: Letter, at: datetime, *, delivered: bool) -> Iterator[Datum]:
    """A dead letter was sent, or its queue did not take it (B61)."""
    sent, failed = Metric.INVOCATIONS_SENT_TO_DLQ, Metric.INVOCATIONS_FAILED_TO_BE_SENT_TO_DLQ
    yield _datum(letter.rule_arn, sent if delivered else failed, at)


def _datum(rule_arn: str, metric: Metric, at: datetime, value: float = 1.0) -> Datum:
    bus, rule = split_rule_arn(rule_arn)
    dimensions: tuple[tuple[str, str], ...] = (("RuleName", rule),)
    if bus != DEFAULT_BUS:
        dimensions = (("EventBusName", bus), *dimensions)
    return Datum(Series(parse_arn(rule_arn).region, metric, dimensions, metric.unit), value, at)
