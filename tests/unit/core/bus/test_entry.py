"""PutEvents: entries, requests, sizes (B10 to B19)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from afterbay.core.bus.entry import Entry, EntryRefused, arrival_of, entry_bytes, put_events, read_entries
from afterbay.core.bus.envelope import encode_event
from afterbay.core.bus.names import Home
from afterbay.errors import SettingsError

HOME = Home("111122223333", "eu-west-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
GOOD = {"Source": "s", "DetailType": "t", "Detail": '{"a": 1}'}


def read(**members: Any) -> Entry | EntryRefused:
    given = {name: value for name, value in {**GOOD, **members}.items() if value != "absent"}
    (one,) = read_entries({"Entries": [given]})
    return one


def taken(**members: Any) -> Entry:
    one = read(**members)
    assert isinstance(one, Entry)
    return one


def refused(params: dict[str, Any], **limits: int) -> tuple[str, str]:
    with pytest.raises(SettingsError) as error:
        read_entries(params, **limits)
    return error.value.code, error.value.message


def test_an_entry_becomes_an_event_of_its_home() -> None:
    given = {**GOOD, "Resources": ["r1", "r2"], "EventBusName": "orders", "TraceHeader": "Root=1"}
    result = put_events({"Entries": [given]}, HOME, ids=["id-1"], now=NOW)
    assert result.answer == {"FailedEntryCount": 0, "Entries": [{"EventId": "id-1"}]}
    (arrival,) = result.arrivals
    assert (arrival.bus_arn, arrival.trace_header) == (HOME.bus_arn("orders"), "Root=1")
    assert arrival.arrived_s == NOW.timestamp()
    assert encode_event(arrival.event) == (
        b'{"version":"0","id":"id-1","detail-type":"t","source":"s","account":"111122223333",'
        b'"time":"2026-01-02T03:04:05Z","region":"eu-west-1","resources":["r1","r2"],"detail":{"a":1}}'
    )


def test_without_a_bus_the_default_one_is_meant_and_an_arn_may_be_of_another_region() -> None:
    elsewhere = Home("111122223333", "us-east-1").bus_arn("orders")
    assert arrival_of(taken(), HOME, event_id="e", now=NOW).bus_arn == HOME.bus_arn("default")
    assert arrival_of(taken(EventBusName=elsewhere), HOME, event_id="e", now=NOW).bus_arn == elsewhere


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("2022-01-01", datetime(2022, 1, 1, tzinfo=UTC)),
        (1640995200, datetime(2022, 1, 1, tzinfo=UTC)),
        ("2022-01-01T02:00:00+02:00", datetime(2022, 1, 1, tzinfo=UTC)),
        ("the other day", None),
        (10**30, None),
        (True, None),
        ("absent", None),
    ],
)
def test_a_time_that_cannot_be_used_is_the_time_of_the_call(given: object, used: datetime | None) -> None:
    """B19."""
    entry = taken(Time=given)
    assert entry.time == used
    assert arrival_of(entry, HOME, event_id="e", now=NOW).event.time_s == int((used or NOW).timestamp())


@pytest.mark.parametrize("name", ["Source", "DetailType", "Detail"])
@pytest.mark.parametrize("value", ["", "absent", None])
def test_what_is_required_is_named(name: str, value: object) -> None:
    """B11."""
    text = f"Parameter {name} is not valid. Reason: {name} is a required argument."
    assert read(**{name: value}) == EntryRefused("InvalidArgument", text)


def test_the_first_fault_of_an_entry_is_told() -> None:
    everything = read(Source="", DetailType="", Detail="[")
    assert isinstance(everything, EntryRefused) and "Source" in everything.message
    assert read(Detail="[]") == EntryRefused("MalformedDetail", "Detail is malformed.")


def test_sources_of_aws_are_its_own() -> None:
    """B17."""
    one = read(Source="aws.s3")
    assert isinstance(one, EntryRefused) and one.code == "NotAuthorizedForSourceException"
    assert isinstance(read(Source="awsome"), Entry)


@pytest.mark.parametrize("name", ["Source", "DetailType"])
def test_half_a_surrogate_pair_is_refused(name: str) -> None:
    one = read(**{name: "x\ud800"})
    assert isinstance(one, EntryRefused) and one.code == "InvalidArgument" and name in one.message
    resource = read(Resources=["\ud800"])
    assert isinstance(resource, EntryRefused) and "Resources" in resource.message


def test_the_sum_stays_below_the_limit() -> None:
    """B15: an entry of exactly the limit is too large."""
    size = entry_bytes(GOOD)
    entries: dict[str, Any] = {"Entries": [GOOD, GOOD]}
    assert len(read_entries(entries, limit_bytes=2 * size + 1)) == 2
    code, message = refused(entries, limit_bytes=2 * size)
    assert (code, message) == ("ValidationException", "Total size of the entries in the request is over the limit.")


def test_the_default_limit_is_a_mebibyte() -> None:
    head = entry_bytes({**GOOD, "Detail": '{"a":""}'})
    fits = {**GOOD, "Detail": '{"a":"' + "x" * (1024 * 1024 - head - 1) + '"}'}
    assert entry_bytes(fits) == 1024 * 1024 - 1
    assert isinstance(read_entries({"Entries": [fits]})[0], Entry)


def test_a_time_counts_only_where_it_is_set() -> None:
    assert entry_bytes({**GOOD, "Time": "whatever"}) == entry_bytes(GOOD) + 14
    assert entry_bytes({**GOOD, "Time": None}) == entry_bytes(GOOD)


def test_one_to_ten_entries() -> None:
    """B14."""
    at = "at 'entries' failed to satisfy constraint: Member must"
    assert refused({"Entries": []})[1].endswith(f"Value '[]' {at} have length greater than or equal to 1")
    assert refused({})[1] == f"1 validation error detected: Value null {at} not be null"
    eleven = [{**GOOD, "Resources": ["a", "b"], "Time": 0}] + [{}] * 10
    message = refused({"Entries": eleven})[1]
    assert '(time=1970-01-01T00:00:00Z, source=s, resources=[a, b], detailType=t, detail={"a": 1}, ' in message
    assert message.endswith(f"internalMetadata=null)]' {at} have length less than or equal to 10")


def test_the_model_is_asked_of_every_entry() -> None:
    code, message = refused({"Entries": [GOOD, {**GOOD, "EventBusName": "no bus!", "TraceHeader": "x" * 501}]})
    assert code == "ValidationException" and message.startswith("2 validation errors detected: ")
    assert "'entries.2.member.eventBusName'" in message and "'entries.2.member.traceHeader'" in message


def test_global_endpoints_are_refused_by_name() -> None:
    assert "EndpointId is not implemented" in refused({"Entries": [GOOD], "EndpointId": "a.b"})[1]


def test_a_value_of_another_type_is_refused() -> None:
    assert refused({"Entries": [{**GOOD, "Source": 1}]})[0] == "SerializationException"
    assert refused({"Entries": [1]})[0] == "SerializationException"
