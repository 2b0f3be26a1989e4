"""What an event looks like at its targets, and what it keeps from bus to bus (B20 to B25).

A vector's kind is told by its members, never by its name.
"""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from afterbay.core.bus.buses import Routing
from afterbay.core.bus.entry import put_events
from afterbay.core.bus.envelope import Arrival, encode_event, forward
from afterbay.core.bus.names import Home
from vectors.bus_world import HOME, NOW, UUID, World, arrival_of, like
from vectors.loading import Reader, vectors

ENTRY = {"Source": "s", "DetailType": "t", "Detail": "{}"}
ELSEWHERE = {"account": Home("999988887777", "us-east-1"), "region": Home("111122223333", "eu-west-1")}


def arrived(entry: dict, *, home: Home = HOME, now: datetime = NOW) -> Arrival:
    (arrival,) = put_events({"Entries": [entry]}, home, ids=[UUID], now=now).arrivals
    return arrival


def from_an_entry(given: Reader, wanted: Reader) -> None:
    home = Home(*(given[name] if name in given.names else "us-east-1" for name in ("account", "region")))
    now = datetime.fromisoformat(given["received"]) if "received" in given.names else NOW
    event = json.loads(encode_event(arrived(given["entry"], home=home, now=now).event))
    if "event" in wanted.names:
        like(event, wanted["event"])
        assert list(event) == wanted["key_order"]
    else:
        assert event["time"] == wanted["event_time"]


def ids_of(routing: Routing) -> set[str]:
    return {json.loads(encode_event(one.arrival.event))["id"] for one in routing.deliveries}


def to_many_targets(given: Reader, wanted: Reader) -> None:
    world = World()
    world.rule("all", *({"Id": f"t{number}"} for number in range(given["targets"])))
    routing = world.buses.route(arrived(ENTRY))
    assert len(routing.deliveries) == given["targets"]
    assert (ids_of(routing) == {UUID}) is wanted["same_id"]


def by_many_rules(given: Reader, wanted: Reader) -> None:
    world = World()
    assert given["target"] == "same queue"
    for number in range(given["rules_matching"]):
        world.rule(f"rule-{number}", {"Id": "t"})
    routing = world.buses.route(arrived(ENTRY))
    assert len(routing.deliveries) == wanted["deliveries"]
    assert (ids_of(routing) == {UUID}) is wanted["same_id"]


def as_sent(given: Reader, wanted: Reader) -> None:
    """The payload of a target that has no input settings; another bus gets the same event."""
    arrival = arrival_of(given["event"])
    if given["target"] == "events":
        arrival = forward(arrival, HOME.rule_arn("orders", "r"), HOME.bus_arn("other"), new_id="new", now_s=0.0)
    sent = encode_event(arrival.event)
    for name in wanted.names:
        assert wanted[name] == (sent.decode() if name == "message_text" else json.loads(sent)[name])


def to_another_bus(given: Reader, wanted: Reader) -> None:
    before = arrived(ENTRY)
    there = ELSEWHERE[given["hop"]].bus_arn("default")
    after = forward(before, HOME.rule_arn("default", "r"), there, new_id="new", now_s=1.0)
    assert after.bus_arn == there
    assert (after.event.id == before.event.id) is wanted["same_id"]
    assert (wanted["account"], wanted["region"]) == ("original", "original")
    assert (after.event.account, after.event.region) == (before.event.account, before.event.region)


KINDS = {
    "entry": from_an_entry,
    "targets": to_many_targets,
    "rules_matching": by_many_rules,
    "event": as_sent,
    "hop": to_another_bus,
}


@pytest.mark.parametrize("vector", vectors("bus/envelope.json"))
def test_an_event_looks_as_recorded(vector) -> None:
    with vector.opened() as (given, wanted):
        (kind,) = given.names & set(KINDS)
        KINDS[kind](given, wanted)
