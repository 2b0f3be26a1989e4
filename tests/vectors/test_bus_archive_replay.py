"""Archives and replays: answers, what is kept, what is sent again and in which order (B70 to B77).

A vector's kind is told by its members, never by its name.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from afterbay.core.bus.archive import Archived, archived
from afterbay.core.bus.envelope import Event, encode_event, replayed
from afterbay.core.bus.pattern import managed_pattern
from afterbay.core.bus.replay import ReplayEvent, in_minutes, replay_arrival
from vectors.bus_world import ANY_PATTERN, HOME, NOW, ORDERS, World, arrival_of, compare, event_of, like
from vectors.loading import Reader, vectors

EXISTS = " (exists)"
REPLAY = {
    "ReplayName": "r1",
    "EventSourceArn": HOME.arn("archive/a1"),
    "EventStartTime": 0,
    "EventEndTime": 60,
    "Destination": {"Arn": ORDERS},
}
FILLED = {
    "CreateArchive": {"ArchiveName": "a1", "EventSourceArn": ORDERS},
    "StartReplay": REPLAY,
    "CancelReplay": {"ReplayName": "r1"},
}
NOT_MEMBERS = {"op", "existing", "active", "state", "events_replayed"}


def start(world: World, name: str, **more: object) -> None:
    world.done("StartReplay", **{**REPLAY, "ReplayName": name, **more})


def to_state(world: World, name: str, state: str) -> None:
    for event in {"STARTING": (), "RUNNING": ("started",), "COMPLETED": ("started", "stopped")}[state]:
        world.replays.report(name, ReplayEvent(event), now=NOW)


def prepared(given: Reader, members: dict) -> World:
    """What is there before the request."""
    world = World()
    operation = given["op"]
    existing = list(given["existing"]) if "existing" in given.names else []
    if operation != "CreateArchive":
        world.done("CreateArchive", ArchiveName="a1", EventSourceArn=ORDERS, RetentionDays=1)
    for name in existing:
        if operation == "CreateArchive":
            world.done("CreateArchive", ArchiveName=name, EventSourceArn=ORDERS)
        else:
            start(world, name)
    for number in range(given["active"] if "active" in given.names else 0):
        start(world, f"active-{number}")
    if "state" in given.names:
        start(world, "r1")
        to_state(world, "r1", given["state"])
    if "events_replayed" in given.names:
        assert given["events_replayed"] == 0
    destination = members.get("Destination", {}).get("Arn", "")
    if destination.endswith(EXISTS):
        members["Destination"] = {"Arn": destination.removesuffix(EXISTS)}
        world.done("CreateEventBus", Name=members["Destination"]["Arn"].rpartition("/")[2])
    return world


def request(given: Reader, wanted: Reader) -> None:
    members = {**FILLED.get(given["op"], {}), **{name: given[name] for name in given.names - NOT_MEMBERS}}
    world = prepared(given, members)
    reply = world.call(given["op"], **members)
    compare(reply, wanted)
    if "body" in wanted.names:
        like(reply.body, wanted["body"])
    if "Archives" in wanted.names:
        like(reply.body["Archives"], wanted["Archives"])
    if "State" in wanted.names:
        assert reply.body["State"] == wanted["State"]
    if "retention" in wanted.names:
        assert wanted["retention"] == "indefinite"
        assert world.archives.saved()[0].dropped_before_s(NOW + timedelta(days=10_000)) is None
    if "absent" in wanted.names:
        (listed,) = reply.body["Replays"]
        assert not set(listed) & set(wanted["absent"]) and set(listed) >= set(wanted["present"])


def managed(given: Reader, wanted: Reader) -> None:
    assert json.loads(managed_pattern(json.dumps(given["archive_pattern"]))) == wanted["rule_pattern"]


def sent_again(given: Reader, wanted: Reader) -> None:
    sent = json.loads(encode_event(replayed(event_of(given["event"]), given["replay"])))
    assert list(sent) == wanted["event_keys"]
    assert sent["replay-name"] == wanted["replay-name"]


EVENT = {
    "id": "e", "detail-type": "t", "source": "s", "account": "1", "time": "2026-01-02T03:04:05Z", "region": "r",
    "resources": [], "detail": {},
}  # fmt: skip


def kept(given: Reader, wanted: Reader) -> None:
    world = World()
    world.done("CreateArchive", ArchiveName="a1", EventSourceArn=ORDERS)
    assert world.archives.wanting(arrival_of(EVENT)) == ["a1"]
    again = arrival_of({**EVENT, given["event_has"]: "r1"})
    assert (world.archives.wanting(again) != []) is wanted["archived"]


def for_some_rules(given: Reader, wanted: Reader) -> None:
    world = World()
    arns = {name: world.rule(name.replace(" ", "-"), {"Id": "t"}, bus="orders") for name in given["rules"]}
    world.done("CreateArchive", ArchiveName="a1", EventSourceArn=ORDERS, EventPattern=ANY_PATTERN)
    start(world, "r1", Destination={"Arn": ORDERS, "FilterArns": [arns[name] for name in given["FilterArns"]]})
    (replay,) = world.replays.saved()
    routing = world.buses.route(replay_arrival(replay, archived(arrival_of(EVENT)), now_s=0.0))
    assert [one.rule_arn for one in routing.deliveries] == [arns[name] for name in wanted["delivered_by"]]


def minute_by_minute(given: Reader, wanted: Reader) -> None:
    world = World()
    world.done("CreateArchive", ArchiveName="a1", EventSourceArn=ORDERS)
    begin = NOW.timestamp()
    start(world, "r1", EventStartTime=begin, EventEndTime=begin + 60 * given["window_minutes"])
    (replay,) = world.replays.saved()
    events = [
        Archived(event=event(one["id"], int(begin) + 60 * one["m"]), archived_s=0.0, counted_bytes=0)
        for one in given["events"]
    ]
    order = [one.event.id for minute in in_minutes(replay, events) for one in minute]
    assert order == wanted["bucket_order"]
    assert wanted["order_inside_bucket"] == "any"  # there is one event in each here


def event(event_id: str, time_s: int) -> Event:
    return Event(id=event_id, detail_type="t", source="s", account="1", time_s=time_s, region="r")


KINDS = {
    "op": request,
    "archive_pattern": managed,
    "replay": sent_again,
    "event_has": kept,
    "FilterArns": for_some_rules,
    "window_minutes": minute_by_minute,
}


@pytest.mark.parametrize("vector", vectors("bus/archive-replay.json"))
def test_archives_and_replays_are_as_recorded(vector) -> None:
    with vector.opened() as (given, wanted):
        (kind,) = given.names & set(KINDS)
        KINDS[kind](given, wanted)
