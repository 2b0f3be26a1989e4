"""Which data a mapping tells CloudWatch, one by one (R139 to R148)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from afterbay.core.mapping.batch import Batch, make_batch
from afterbay.core.mapping.deadletter import Condition, Letter
from afterbay.core.mapping.metrics import (
    Datum,
    Series,
    of_attempt,
    of_handling,
    of_invocation,
    of_letter,
    of_throttle,
)
from afterbay.core.mapping.outcome import Cause, Delivered, Failed, NotReached, Outcome
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.shard.position import Position, ShardId

from .driving import ARN, T0, record, settings

FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:f"
IDS = RequestIds(b"seed", "m")
BATCH = make_batch([record(1, age_s=9), record(2, age_s=3)], ShardId("s"), IDS)
LATER = T0 + timedelta(seconds=2)


def of_mapping(metric: str) -> Series:
    return Series("eu-west-1", metric, (("EventSourceMappingUUID", "m"),), "Count")


def of_function(metric: str, unit: str = "Count") -> Series:
    return Series("eu-west-1", metric, (("FunctionName", "f"),), unit)


def attempt(outcome: Outcome, batch: Batch = BATCH, **chosen: object) -> list[Datum]:
    return list(of_attempt("m", settings(**chosen), batch, outcome, T0, LATER))


def letter(count: int = 3) -> Letter:
    return Letter(
        mapping="m",
        shard=ShardId("s"),
        request_id="id",
        destination="arn:aws:sqs:eu-west-1:000000000000:dlq",
        function_arn=FUNCTION,
        stream_arn=ARN,
        condition=Condition.RETRY_ATTEMPTS_EXHAUSTED,
        invoke_count=1,
        first=Position(1),
        last=Position(3),
        first_created_s=0.0,
        last_created_s=0.0,
        count=count,
    )


def test_an_attempt_tells_the_age_of_its_last_record_when_it_began() -> None:
    age = Datum(of_function("IteratorAge", "Milliseconds"), 3000.0, T0)
    assert attempt(Delivered()) == attempt(Failed(Cause.FUNCTION_ERROR)) == [age]
    young = make_batch([record(1, age_s=-1)], ShardId("s"), IDS)
    assert [one.value for one in attempt(Delivered(), young)] == [0.0], "a clock that is ahead makes no negative age"


def test_an_attempt_tells_its_records_where_counts_are_asked_for() -> None:
    invoked = Datum(of_mapping("InvokedEventCount"), 2, T0)
    assert attempt(Delivered(), event_count=True)[1:] == [invoked]
    for outcome in (Failed(Cause.FUNCTION_ERROR), NotReached("throttled")):
        failed = Datum(of_mapping("FailedInvokeEventCount"), 2, LATER)
        assert attempt(outcome, event_count=True)[1:] == [invoked, failed]


def test_a_final_invocation_of_a_window_tells_nothing() -> None:
    assert attempt(Delivered(), Batch((), "id", 0), event_count=True) == []


def handled(*, polled: int | None = None, dropped: int = 0, deleted: int = 0, wanted: bool = True) -> list[Datum]:
    chosen = settings(event_count=wanted)
    return list(of_handling("m", chosen, T0, polled=polled, filtered_out=1, dropped=dropped, deleted=deleted))


def test_what_came_of_an_event_is_counted_where_it_is_asked_for() -> None:
    polled = [Datum(of_mapping("PolledEventCount"), 5, T0), Datum(of_mapping("FilteredOutEventCount"), 1, T0)]
    assert handled(polled=5) == polled
    assert [one.value for one in handled(polled=0)] == [0, 1], "an empty page is counted as well"
    assert handled() == [] == handled(polled=5, dropped=2, deleted=3, wanted=False)
    assert handled(dropped=2) == [Datum(of_mapping("DroppedEventCount"), 2, T0)]
    assert handled(deleted=3) == [Datum(of_mapping("DeletedEventCount"), 3, T0)]
    chosen = settings(event_count=True)
    assert list(of_handling("m", chosen, T0, polled=None, filtered_out=0, dropped=0)) == [], "nothing was deleted"


@pytest.mark.parametrize("wanted", [True, False])
def test_a_letter_is_counted_as_delivered_or_as_dropped(wanted: bool) -> None:
    chosen = settings(event_count=wanted)
    delivered = Datum(of_mapping("OnFailureDestinationDeliveredEventCount"), 3, T0)
    assert list(of_letter(letter(), chosen, T0, delivered=True)) == ([delivered] if wanted else [])
    failure = Datum(of_function("DestinationDeliveryFailures"), 1, T0)
    dropped = Datum(of_mapping("DroppedEventCount"), 3, T0)
    assert list(of_letter(letter(), chosen, T0, delivered=False)) == ([failure, dropped] if wanted else [failure])


def test_letters_of_no_records_and_of_mappings_that_are_gone_count_none() -> None:
    assert list(of_letter(letter(0), settings(event_count=True), T0, delivered=True)) == []
    assert list(of_letter(letter(), None, T0, delivered=True)) == []
    assert len(list(of_letter(letter(), None, T0, delivered=False))) == 1


def test_an_invocation_is_counted_with_its_error_and_its_duration() -> None:
    told = list(of_invocation(FUNCTION, T0, error=True, duration_ms=12.5))
    assert told == [
        Datum(of_function("Invocations"), 1, T0),
        Datum(of_function("Errors"), 1, T0),
        Datum(of_function("Duration", "Milliseconds"), 12.5, T0),
    ]
    assert [one.value for one in of_invocation(FUNCTION, T0, error=False, duration_ms=1.0)] == [1, 0, 1.0]


def test_a_throttle_is_counted_as_nothing_else() -> None:
    assert list(of_throttle(FUNCTION, T0)) == [Datum(of_function("Throttles"), 1, T0)]


def test_a_function_that_is_named_without_its_region_has_none() -> None:
    (told,) = of_throttle("f", T0)
    assert told.series == Series("", "Throttles", (("FunctionName", "f"),), "Count")
    counted = of_handling("m", settings(function_arn="f", event_count=True), T0, polled=None, filtered_out=0, dropped=1)
    assert [one.series.region for one in counted] == [""]
