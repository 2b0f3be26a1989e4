"""What a mapping tells CloudWatch (R139 to R148), one datum at a time.

Decides which metrics there are, of which dimensions and value. Gathering and sending them are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from afterbay.core.change.arn import parse_function_name
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.outcome import Delivered, Outcome
from afterbay.core.mapping.settings import MappingSettings

__all__ = ["Datum", "Series", "of_attempt", "of_handling", "of_invocation", "of_letter", "of_throttle"]

FUNCTION = "FunctionName"
MAPPING = "EventSourceMappingUUID"
COUNT, MILLISECONDS = "Count", "Milliseconds"


class Series(NamedTuple):
    """What a datum belongs to. ``dimensions`` are names and values."""

    region: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    unit: str


class Datum(NamedTuple):
    series: Series
    value: float
    at: datetime


def of_attempt(
    mapping: str, settings: MappingSettings, batch: Batch, outcome: Outcome, started: datetime, ended: datetime
) -> Iterator[Datum]:
    """One delivery. IteratorAge is told with every attempt, so that it climbs while a batch is stuck (R139, ours), and
    not of queues; InvokedEventCount and FailedInvokeEventCount where the mapping asks for them (R143, R144). A final
    invocation has no records and gives none of them.
    """
    count, age_s = len(batch.records), batch.age_s(started)
    if age_s is None:
        return
    if settings.kind is not SourceKind.QUEUE:
        yield Datum(_of_function(settings.function_arn, "IteratorAge", MILLISECONDS), age_s * 1000, started)
    if settings.event_count:
        yield Datum(_of_mapping(mapping, settings, "InvokedEventCount"), count, started)
        if not isinstance(outcome, Delivered):
            yield Datum(_of_mapping(mapping, settings, "FailedInvokeEventCount"), count, ended)


def of_handling(
    mapping: str,
    settings: MappingSettings,
    at: datetime,
    *,
    polled: int | None,
    filtered_out: int,
    dropped: int,
    deleted: int = 0,
) -> Iterator[Datum]:
    """What came of one event: a page read (``polled`` None: none was; R141 and R142 count an empty one as 0), records
    given up without a destination (R145), messages deleted because the function is done with them (R147)."""
    if not settings.event_count:
        return
    if polled is not None:
        yield Datum(_of_mapping(mapping, settings, "PolledEventCount"), polled, at)
        yield Datum(_of_mapping(mapping, settings, "FilteredOutEventCount"), filtered_out, at)
    if dropped:
        yield Datum(_of_mapping(mapping, settings, "DroppedEventCount"), dropped, at)
    if deleted:
        yield Datum(_of_mapping(mapping, settings, "DeletedEventCount"), deleted, at)


def of_letter(letter: Letter, settings: MappingSettings | None, at: datetime, *, delivered: bool) -> Iterator[Datum]:
    """The first sending of a letter (R117, R145, R146, R148). ``settings`` None: the mapping is gone."""
    if not delivered:
        yield Datum(_of_function(letter.function_arn, "DestinationDeliveryFailures", COUNT), 1, at)
    if settings is not None and settings.event_count and letter.count:
        name = "OnFailureDestinationDeliveredEventCount" if delivered else "DroppedEventCount"
        yield Datum(_of_mapping(letter.mapping, settings, name), letter.count, at)


def of_invocation(function_arn: str, at: datetime, *, error: bool, duration_ms: float) -> Iterator[Datum]:
    """An invocation of a function that no Lambda service counts: Invocations, Errors, Duration (R148)."""
    yield Datum(_of_function(function_arn, "Invocations", COUNT), 1, at)
    yield Datum(_of_function(function_arn, "Errors", COUNT), 1 if error else 0, at)
    yield Datum(_of_function(function_arn, "Duration", MILLISECONDS), duration_ms, at)


def of_throttle(function_arn: str, at: datetime) -> Iterator[Datum]:
    """An invocation that was not let in: it counts as nothing else (R148)."""
    yield Datum(_of_function(function_arn, "Throttles", COUNT), 1, at)


def _of_mapping(mapping: str, settings: MappingSettings, metric: str) -> Series:
    region = parse_function_name(settings.function_arn).region or ""
    return Series(region, metric, ((MAPPING, mapping),), COUNT)


def _of_function(function_arn: str, metric: str, unit: str) -> Series:
    function = parse_function_name(function_arn)
    return Series(function.region or "", metric, ((FUNCTION, function.name),), unit)
