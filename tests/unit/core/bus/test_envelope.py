"""The envelope, and what it keeps from bus to bus (B20 to B27, B73)."""

from __future__ import annotations

import json

import msgspec
import pytest

from afterbay.core.bus.envelope import Arrival, Event, Hop, encode_event, event_time, forward, replayed
from afterbay.core.bus.names import Home
from afterbay.core.bus.outcome import ErrorCode, Refused

HERE = Home("111122223333", "eu-west-1")
RULE = HERE.rule_arn("orders", "on")
EVENT = Event(
    id="e1", detail_type="t", source="s", account="111122223333", time_s=0, region="eu-west-1", detail=b'{"n":1.50}'
)
ARRIVAL = Arrival(event=EVENT, bus_arn=HERE.bus_arn("orders"), arrived_s=5.0, trace_header="Root=1", entry_bytes=7)
NEAR, FAR = HERE.bus_arn("other"), Home("111122223333", "us-east-1").bus_arn("orders")


def on(arrival: Arrival, bus_arn: str) -> Arrival:
    there = forward(arrival, RULE, bus_arn, new_id="e2", now_s=9.0)
    assert isinstance(there, Arrival)
    return there


def test_the_detail_goes_out_as_it_is_spelled() -> None:
    assert encode_event(EVENT).endswith(b'"resources":[],"detail":{"n":1.50}}')


def test_text_is_not_escaped_beyond_need() -> None:
    sent = encode_event(msgspec.structs.replace(EVENT, source="é/\n"))
    assert '"source":"é/\\n"'.encode() in sent and json.loads(sent)["source"] == "é/\n"


@pytest.mark.parametrize(
    ("time_s", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1.9, "1970-01-01T00:00:01Z"), (-0.5, "1969-12-31T23:59:59Z")],
)
def test_times_are_whole_seconds_of_utc(time_s: float, text: str) -> None:
    assert event_time(time_s) == text


def test_a_replayed_event_keeps_its_id_and_time() -> None:
    """B73."""
    again = json.loads(encode_event(replayed(EVENT, "r1")))
    assert list(again)[6:9] == ["region", "replay-name", "resources"]
    assert (again["id"], again["time"], again["replay-name"]) == ("e1", "1970-01-01T00:00:00Z", "r1")


def test_another_bus_gets_the_same_event_at_another_time() -> None:
    there = on(ARRIVAL, NEAR)
    assert there.event == EVENT and (there.bus_arn, there.arrived_s) == (NEAR, 9.0)
    assert there.hops == (Hop(RULE, across_regions=False),)
    assert (there.trace_header, there.entry_bytes) == ("Root=1", 7)


def test_in_another_region_the_event_has_a_new_id_and_nothing_else() -> None:
    """B25."""
    assert on(ARRIVAL, FAR).event == msgspec.structs.replace(EVENT, id="e2")


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (NEAR, HERE.bus_arn("third"), ErrorCode.THIRD_ACCOUNT_HOP_DETECTED),
        (FAR, Home("1", "ap-south-1").bus_arn("orders"), ErrorCode.THIRD_REGION_HOP_DETECTED),
    ],
)
def test_a_third_bus_is_not_reached(first: str, second: str, code: ErrorCode) -> None:
    """B25."""
    stopped = forward(on(ARRIVAL, first), "rule-2", second, new_id="e3", now_s=10.0)
    assert isinstance(stopped, Refused) and stopped.code is code


def test_one_hop_within_a_region_and_one_across_are_taken() -> None:
    there = on(on(ARRIVAL, NEAR), FAR)
    assert [hop.across_regions for hop in there.hops] == [False, True]


def test_a_rule_that_handed_it_on_is_known_again() -> None:
    """B27."""
    assert on(ARRIVAL, NEAR).passed(RULE) and not ARRIVAL.passed(RULE)


def test_a_repr_does_not_show_the_detail() -> None:
    assert "1.50" not in repr(ARRIVAL) and "e1" in repr(ARRIVAL)


def test_an_arrival_is_saved_and_read_again() -> None:
    there = on(ARRIVAL, FAR)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(there), type=Arrival) == there
