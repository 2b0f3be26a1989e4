"""Replays (B73 to B77)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from afterbay.core.bus.archive import Archived, Archives
from afterbay.core.bus.buses import Buses
from afterbay.core.bus.envelope import Event
from afterbay.core.bus.names import Home
from afterbay.core.bus.replay import Replay, ReplayEvent, Replays, ReplayState, in_minutes, replay_arrival, selects
from afterbay.errors import EndpointError, SettingsError

HOME = Home("111122223333", "eu-west-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ORDERS = HOME.bus_arn("orders")
GIVEN = {
    "ReplayName": "r",
    "EventSourceArn": HOME.arn("archive/a"),
    "EventStartTime": 1000,
    "EventEndTime": 1300,
    "Destination": {"Arn": ORDERS},
}
E, S = ReplayEvent, ReplayState


def made(**more: Any) -> Replays:
    buses = Buses(HOME, created=NOW)
    buses.create_event_bus({"Name": "orders"}, now=NOW)
    archives = Archives(buses)
    archives.create({"ArchiveName": "a", "EventSourceArn": ORDERS}, now=NOW)
    replays = Replays(buses, archives)
    replays.start({**GIVEN, **more}, now=NOW)
    return replays


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises((EndpointError, SettingsError)) as error:
        call(*args, **kwargs)
    return error.value.code, error.value.message


def kept(event_id: str, time_s: int) -> Archived:
    event = Event(id=event_id, detail_type="t", source="s", account="1", time_s=time_s, region="r")
    return Archived(event=event, archived_s=0.0, counted_bytes=0)


def test_a_replay_is_shown_as_recorded() -> None:
    rules = [HOME.rule_arn("orders", "x")]
    replays = made(Description="d", Destination={"Arn": ORDERS, "FilterArns": rules})
    summary = {
        "ReplayName": "r",
        "EventSourceArn": HOME.arn("archive/a"),
        "State": "STARTING",
        "EventStartTime": 1000.0,
        "EventEndTime": 1300.0,
        "ReplayStartTime": NOW.timestamp(),
    }
    assert replays.listed({}) == {"Replays": [summary]}
    assert replays.describe({"ReplayName": "r"}) == {
        **summary,
        "ReplayArn": "arn:aws:events:eu-west-1:111122223333:replay/r",
        "Description": "d",
        "Destination": {"Arn": ORDERS, "FilterArns": rules},
    }


def test_how_far_it_is_is_told_once_something_was_sent() -> None:
    """B77."""
    replays = made()
    assert replays.report("r", E.STARTED, now=NOW).state is S.RUNNING
    assert replays.replayed("r", kept("e", 1007).event).last_replayed_s == 1007.0
    done = replays.report("r", E.STOPPED, now=NOW)
    assert (done.state, done.ended_s) == (S.COMPLETED, NOW.timestamp())
    shown = replays.describe({"ReplayName": "r"})
    assert (shown["EventLastReplayedTime"], shown["ReplayEndTime"]) == (1007.0, NOW.timestamp())


@pytest.mark.parametrize("before", [(), (E.STARTED,)])
def test_a_replay_is_cancelled_while_it_is_active(before: tuple[ReplayEvent, ...]) -> None:
    replays = made()
    for event in before:
        replays.report("r", event, now=NOW)
    answer = replays.cancel({"ReplayName": "r"})
    assert answer == {"ReplayArn": HOME.arn("replay/r"), "State": "CANCELLING"}
    assert "ReplayEndTime" not in replays.describe({"ReplayName": "r"})
    assert replays.report("r", E.STOPPED, now=NOW).state is S.CANCELLED


@pytest.mark.parametrize("ended", [(E.CANCEL,), (E.STARTED, E.STOPPED), (E.FAILED,)])
def test_a_replay_that_is_over_or_being_cancelled_is_not(ended: tuple[ReplayEvent, ...]) -> None:
    """B77."""
    replays = made()
    for event in ended:
        replays.report("r", event, now=NOW)
    assert refused(replays.cancel, {"ReplayName": "r"})[0] == "IllegalStatusException"
    assert refused(replays.cancel, {"ReplayName": "no"})[1] == "Replay no does not exist."


def test_a_failure_has_its_reason() -> None:
    replays = made()
    replays.report("r", E.FAILED, now=NOW, reason="the archive is gone")
    shown = replays.describe({"ReplayName": "r"})
    assert (shown["State"], shown["StateReason"]) == ("FAILED", "the archive is gone")


def test_events_of_the_time_are_sent_both_ends_included() -> None:
    """B74."""
    (replay,) = made().saved()
    assert [time_s for time_s in (999, 1000, 1300, 1301) if selects(replay, kept("e", time_s).event)] == [1000, 1300]


def test_minutes_are_counted_from_the_start_of_the_replay() -> None:
    (replay,) = made().saved()
    events = [kept("d", 1120), kept("a", 1000), kept("c", 1060), kept("b", 1059), kept("x", 999)]
    told = [[one.event.id for one in minute] for minute in in_minutes(replay, events)]
    assert told == [["a", "b"], ["c"], ["d"]]


def test_an_event_arrives_again_at_its_bus_and_for_the_replays_rules() -> None:
    (replay,) = made(Destination={"Arn": ORDERS, "FilterArns": ["x"]}).saved()
    again = replay_arrival(replay, kept("e", 1000), now_s=7.0)
    assert (again.bus_arn, again.arrived_s, again.rules) == (ORDERS, 7.0, ("x",))
    assert (again.event.id, again.event.time_s, again.event.replay_name) == ("e", 1000, "r")


def test_ten_are_active_at_once_and_one_more_once_one_is_over() -> None:
    """B76."""
    replays = made()
    for number in range(9):
        replays.start({**GIVEN, "ReplayName": f"r{number}"}, now=NOW)
    told = ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    assert refused(replays.start, {**GIVEN, "ReplayName": "more"}, now=NOW) == told
    replays.report("r", E.FAILED, now=NOW)
    replays.start({**GIVEN, "ReplayName": "more"}, now=NOW)


def test_records_are_kept_for_90_days() -> None:
    """B74."""
    replays = made()
    assert replays.forget(NOW + timedelta(days=1000)) == ()
    replays.report("r", E.FAILED, now=NOW)
    assert replays.forget(NOW + timedelta(days=90)) == ()
    assert replays.forget(NOW + timedelta(days=91)) == ("r",) and replays.saved() == ()


def test_replays_are_listed_by_one_filter() -> None:
    replays = made()
    replays.start({**GIVEN, "ReplayName": "s"}, now=NOW)
    replays.report("s", E.FAILED, now=NOW)

    def names(**params: Any) -> list[str]:
        return [one["ReplayName"] for one in replays.listed(params)["Replays"]]

    assert names() == names(EventSourceArn=HOME.arn("archive/a")) == ["r", "s"]
    assert names(NamePrefix="s") == names(State="FAILED") == ["s"] and names(Limit=1) == ["r"]
    assert refused(replays.listed, {"NamePrefix": "a", "State": "FAILED"})[1] == (
        "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix."
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ReplayName": "x" * 65}, "'replayName'"),
        ({"EventStartTime": None}, "Value null at 'eventStartTime'"),
        ({"EventEndTime": None}, "Value null at 'eventEndTime'"),
        ({"Destination": None}, "Value null at 'destination'"),
        ({"Destination": {}}, "Value null at 'destination.arn'"),
        ({"Destination": {"Arn": ORDERS, "FilterArns": [""]}}, "'destination.filterArns.1.member'"),
        ({"EventSourceArn": "a"}, "'eventSourceArn'"),
        ({"Destination": {"Arn": HOME.bus_arn("default")}}, "Cross event bus replay is not permitted."),
        ({"EventStartTime": "2026-01-02", "EventEndTime": 0}, "EventStartTime must be before EventEndTime."),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], told: str) -> None:
    replays = made()
    code, message = refused(replays.start, {**GIVEN, "ReplayName": "s", **given}, now=NOW)
    assert code == "ValidationException" and told in message and len(replays.saved()) == 1


def test_what_is_saved_makes_the_same_replays_again() -> None:
    saved = made().saved()
    assert msgspec.json.decode(msgspec.json.encode(saved), type=tuple[Replay, ...]) == saved
