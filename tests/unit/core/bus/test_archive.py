"""Archives (B70 to B72, B78)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from afterbay.core.bus.archive import Archive, Archived, Archives, archived
from afterbay.core.bus.buses import Buses
from afterbay.core.bus.entry import put_events
from afterbay.core.bus.envelope import Arrival, Event
from afterbay.core.bus.names import Home
from afterbay.errors import EndpointError, SettingsError

HOME = Home("111122223333", "eu-west-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ORDERS = HOME.bus_arn("orders")
EVENT = Event(id="e", detail_type="t", source="shop", account="1", time_s=0, region="eu-west-1")


def made(**more: Any) -> Archives:
    buses = Buses(HOME, created=NOW)
    buses.create_event_bus({"Name": "orders"}, now=NOW)
    archives = Archives(buses)
    archives.create({"ArchiveName": "a", "EventSourceArn": ORDERS, **more}, now=NOW)
    return archives


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises((EndpointError, SettingsError)) as error:
        call(*args, **kwargs)
    return error.value.code, error.value.message


def at(bus: str = "orders", event: Event = EVENT) -> Arrival:
    return Arrival(event=event, bus_arn=HOME.bus_arn(bus), arrived_s=7.0, entry_bytes=11)


def test_an_archive_is_shown_as_recorded() -> None:
    settings = {"Description": "d", "EventPattern": '{"source": ["shop"]}', "RetentionDays": 3, "KmsKeyIdentifier": "k"}
    assert made(**settings).describe({"ArchiveName": "a"}) == {
        **settings,
        "ArchiveArn": "arn:aws:events:eu-west-1:111122223333:archive/a",
        "ArchiveName": "a",
        "EventSourceArn": ORDERS,
        "State": "ENABLED",
        "SizeBytes": 0,
        "EventCount": 0,
        "CreationTime": NOW.timestamp(),
    }


def test_an_archive_keeps_what_its_pattern_matches_on_its_bus() -> None:
    archives = made(EventPattern='{"source": ["shop"]}')
    assert archives.wanting(at()) == ["a"]
    assert archives.wanting(at("default")) == []
    assert archives.wanting(at(event=msgspec.structs.replace(EVENT, source="x"))) == []


def test_what_a_replay_sent_is_not_kept_again() -> None:
    """B72."""
    again = at(event=msgspec.structs.replace(EVENT, replay_name="r"))
    assert made().wanting(at()) == ["a"] and made().wanting(again) == []


def test_ten_events_count_as_recorded() -> None:
    """B78: source and detail type of 27 bytes, a detail of 85, 1,590 bytes for ten."""
    command = "core.update-account-command"
    detail = '{"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}'
    entries: list[Any] = [{"Source": command, "DetailType": command, "Detail": detail}] * 10
    arrivals = put_events({"Entries": entries}, HOME, ids=["e"] * 10, now=NOW).arrivals
    archives = made()
    for one in map(archived, arrivals):
        archives.counted("a", events=1, size_bytes=one.counted_bytes)
    shown = archives.describe({"ArchiveName": "a"})
    assert (shown["EventCount"], shown["SizeBytes"]) == (10, 1590)
    archives.counted("a", events=-10, size_bytes=-1590)
    archives.counted("gone", events=1, size_bytes=1)
    assert archives.describe({"ArchiveName": "a"})["SizeBytes"] == 0


def test_events_are_kept_as_many_days_as_asked_or_for_ever() -> None:
    """B70."""
    (kept,) = made(RetentionDays=2).saved()
    assert kept.dropped_before_s(NOW) == (NOW - timedelta(days=2)).timestamp()
    assert made().saved()[0].dropped_before_s(NOW) is None


def test_an_update_changes_what_it_names() -> None:
    archives = made(Description="d", EventPattern='{"source": ["x"]}', RetentionDays=3)
    answer = archives.update({"ArchiveName": "a", "EventPattern": '{"source": ["shop"]}'})
    assert answer == {"ArchiveArn": HOME.arn("archive/a"), "CreationTime": NOW.timestamp(), "State": "ENABLED"}
    assert archives.wanting(at()) == ["a"]
    archives.update({"ArchiveName": "a", "RetentionDays": 0})
    shown = archives.describe({"ArchiveName": "a"})
    assert (shown["Description"], shown["RetentionDays"]) == ("d", 0)


def test_an_unknown_archive_is_told_once_there_is_something_to_change() -> None:
    """B71."""
    told = ("ResourceNotFoundException", "Archive zz does not exist.")
    assert refused(made().update, {"ArchiveName": "zz", "Description": "d"}) == told
    assert refused(made().delete, {"ArchiveName": "zz"}) == told


def test_a_deleted_archive_keeps_nothing() -> None:
    archives = made()
    assert archives.delete({"ArchiveName": "a"}) == {}
    assert archives.wanting(at()) == [] and archives.find(HOME.arn("archive/a")) is None


def test_archives_are_listed_by_one_filter() -> None:
    archives = made()
    archives.create({"ArchiveName": "b", "EventSourceArn": HOME.bus_arn("default")}, now=NOW)

    def names(**params: Any) -> list[str]:
        return [one["ArchiveName"] for one in archives.listed(params)["Archives"]]

    assert names() == names(State="ENABLED") == ["a", "b"]
    assert names(NamePrefix="b") == ["b"] and names(EventSourceArn=ORDERS) == ["a"] and names(Limit=1) == ["a"]
    assert names(State="DISABLED") == []
    assert refused(archives.listed, {"NamePrefix": "a", "State": "ENABLED"})[1] == (
        "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, or NamePrefix."
    )
    assert refused(archives.listed, {"EventSourceArn": HOME.bus_arn("no")})[1] == "Event bus no does not exist."


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({"ArchiveName": "x" * 49}, "ValidationException", "'archiveName'"),
        ({"EventSourceArn": "orders"}, "ValidationException", "'eventSourceArn'"),
        ({"RetentionDays": -1}, "ValidationException", "'retentionDays'"),
        ({"EventPattern": "{"}, "InvalidEventPatternException", "Event pattern is not valid. Reason: "),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], code: str, told: str) -> None:
    archives = made()
    found = refused(archives.create, {"ArchiveName": "b", "EventSourceArn": ORDERS, **given}, now=NOW)
    assert found[0] == code and told in found[1] and len(archives.saved()) == 1


def test_an_event_for_a_bus_that_is_gone_is_kept_by_no_archive() -> None:
    """B13: it vanishes."""
    kept = made().saved()
    assert Archives(Buses(HOME, created=NOW), kept).wanting(at()) == []


def test_what_is_saved_makes_the_same_archives_again() -> None:
    kept = made(EventPattern='{"source": ["shop"]}').saved()
    assert msgspec.json.decode(msgspec.json.encode(kept), type=tuple[Archive, ...]) == kept
    buses = Buses(HOME, created=NOW)
    buses.create_event_bus({"Name": "orders"}, now=NOW)
    assert Archives(buses, kept).wanting(at()) == ["a"]
    one = archived(at())
    assert (one.archived_s, one.counted_bytes) == (7.0, 31)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(one), type=Archived) == one
