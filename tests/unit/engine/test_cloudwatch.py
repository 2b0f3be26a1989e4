"""What the engine sends to CloudWatch (R139 to R148)."""

from __future__ import annotations

import pytest

from afterbay.core.mapping.body import MappingStatus
from afterbay.core.mapping.events import RecordsRead
from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.metrics import Datum, Series
from afterbay.engine.meter import Handled
from afterbay.errors import NotFoundError, ThrottledError
from afterbay.ports import Answer
from unit.core.mapping.driving import after, settings
from unit.engine.rig import QUEUE, Rig, record

EVEN = '{"n": [2, 4, 6]}'


async def fails(numbers: list[int]) -> Answer:
    return Answer(b"{}", "Unhandled")


async def done(rig: Rig, position: int) -> dict[tuple[str, str], float]:
    """Sums once everything up to ``position`` is done."""
    await rig.until(lambda: any(row.at == after(position) for row in rig.store.load("m")))
    await rig.metrics.send()
    return rig.sums()


async def test_the_age_of_the_last_record_is_told_with_every_attempt(rig: Rig) -> None:
    rig.answer = fails
    await rig.supervisor.create("m", settings(retry_attempts_max=2), enabled=True)
    old = record(rig.clock, 1)
    old = type(old)(old.body, old.position, old.key, old.created_s - 60, old.event_name)
    await rig.source.append("s", old)
    await done(rig, 1)
    ages = [one for _, _, data in rig.put for one in data if one["MetricName"] == "IteratorAge"]
    values = [one["StatisticValues"] for one in ages]
    assert sum(one["SampleCount"] for one in values) == 3
    assert all(60_000 <= one["Minimum"] <= one["Maximum"] < 90_000 for one in values)
    assert ages[0]["Dimensions"] == [{"Name": "FunctionName", "Value": "f"}] and ages[0]["Unit"] == "Milliseconds"
    assert {(region, namespace) for region, namespace, _ in rig.put} == {("eu-west-1", "AWS/Lambda")}


async def test_event_counts_are_told_only_when_they_are_asked_for(rig: Rig) -> None:
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    assert {name for name, _ in await done(rig, 1)} == {"IteratorAge"}


async def test_records_are_counted_at_every_step(rig: Rig) -> None:
    failed = []

    async def fails_once(numbers: list[int]) -> Answer:
        failed.append(numbers)
        return Answer(b"null", "Unhandled" if len(failed) == 1 else None)

    rig.answer = fails_once
    await rig.supervisor.create("m", settings(event_count=True, filters=(EVEN,)), enabled=True)
    await rig.source.append("s", *(record(rig.clock, n) for n in range(1, 8)))
    assert {name: value for (name, of), value in (await done(rig, 7)).items() if of == "m"} == {
        "PolledEventCount": 7,
        "FilteredOutEventCount": 4,
        "InvokedEventCount": 6,
        "FailedInvokeEventCount": 3,
    }


async def test_an_empty_poll_counts_as_nothing_polled(rig: Rig) -> None:
    await rig.supervisor.create("m", settings(event_count=True), enabled=True)
    await rig.until(lambda: any(one.polled == 0 for one in rig.heard.handled_events))
    await rig.metrics.send()
    assert rig.sums() == {("PolledEventCount", "m"): 0, ("FilteredOutEventCount", "m"): 0}


async def test_a_page_that_comes_while_the_mapping_is_disabled_counts_nowhere(rig: Rig) -> None:
    """R140, R141: a read that was under way when it was disabled ends then, and the records are polled again later."""
    await rig.supervisor.create("m", settings(event_count=True), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await done(rig, 1)
    await rig.until(lambda: any(one.polled == 0 for one in rig.heard.handled_events))  # now it waits for news
    await rig.supervisor.update("m", settings(event_count=True), enabled=False)
    await rig.until(lambda: rig.supervisor.describe("m") == MappingStatus(State.DISABLED, last_processing_result="OK"))
    await rig.source.append("s", record(rig.clock, 2), record(rig.clock, 3))
    await rig.until(lambda: any(_came_late(one) for one in rig.heard.handled_events))
    assert rig.heard.handled_events[-1].polled is None
    await rig.supervisor.update("m", settings(event_count=True), enabled=True)
    assert (await done(rig, 3))["PolledEventCount", "m"] == 3


def _came_late(one: Handled) -> bool:
    return isinstance(one.event, RecordsRead) and len(one.event.records) == 2


async def test_a_throttled_attempt_counts_as_invoked_and_failed(rig: Rig) -> None:
    """[undocumented] for FailedInvokeEventCount."""

    async def throttled(numbers: list[int]) -> Answer:
        if len(rig.calls) == 1:
            raise ThrottledError("slow down", code="TooManyRequestsException")
        if len(rig.calls) == 2:
            raise NotFoundError("gone", code="ResourceNotFoundException")
        return Answer(b"null")

    rig.answer = throttled
    await rig.supervisor.create("m", settings(event_count=True), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    sums = await done(rig, 1)
    assert (sums["InvokedEventCount", "m"], sums["FailedInvokeEventCount", "m"]) == (3, 2)


async def test_a_letter_that_fails_at_first_counts_as_dropped_and_not_again_when_it_arrives(rig: Rig) -> None:
    """R117: AWS drops it; ours arrives later, and an alarm on the failure must not be taken back."""
    rig.answer = fails
    rig.target_failures = 2
    await rig.supervisor.create("m", settings(event_count=True, retry_attempts_max=0, on_failure=QUEUE), enabled=True)
    await rig.source.append("s", record(rig.clock, 1), record(rig.clock, 2))
    await rig.until(lambda: len(rig.sent) == 1 and rig.store.outbox_size() == 0)
    sums = await done(rig, 2)
    assert (sums["DroppedEventCount", "m"], sums["DestinationDeliveryFailures", "f"]) == (2, 1)
    assert ("OnFailureDestinationDeliveredEventCount", "m") not in sums
    assert [(delivered, tries) for _, delivered, tries in rig.heard.letters] == [(False, 0), (False, 1), (True, 2)]


async def test_what_cannot_be_sent_is_kept_and_sent_later(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await rig.supervisor.create("m", settings(event_count=True), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    rig.put_failures = 2
    assert await done(rig, 1) == {}
    await rig.metrics.send()
    assert [one.message for one in caplog.records].count("metrics not sent; kept and sent again") == 1
    await rig.metrics.send()
    assert rig.sums()["InvokedEventCount", "m"] == 1


async def test_closing_sends_what_is_left(rig: Rig) -> None:
    rig.metrics.start()
    await rig.supervisor.create("m", settings(), enabled=True)
    await rig.source.append("s", record(rig.clock, 1))
    await rig.until(lambda: any(row.at == after(1) for row in rig.store.load("m")))
    await rig.metrics.close()
    assert ("IteratorAge", "f") in rig.sums()


async def test_more_than_one_call_takes_is_sent_in_several(rig: Rig) -> None:
    for number in range(1500):
        series = Series("eu-west-1", "InvokedEventCount", (("EventSourceMappingUUID", str(number)),), "Count")
        rig.metrics.add([Datum(series, 1, rig.clock.now())])
    await rig.metrics.send()
    assert [len(data) for _, _, data in rig.put] == [1000, 500]
