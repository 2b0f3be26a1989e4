"""PutEvents: what is answered, and what arrives (B10 to B16); what entries count (B15)."""

from __future__ import annotations

import re

import pytest

from afterbay.core.bus.entry import REQUEST_BYTES_MAX, entry_bytes, put_events
from afterbay.errors import SettingsError
from vectors.bus_world import HOME, NOW, UUID, World, like
from vectors.loading import Reader, vectors

SIZED = re.compile(r"<(\d+) bytes of JSON object>")


def entries_of(given: Reader) -> list[dict]:
    """A vector's entries; a detail of a size is made."""
    entries = [dict(one) for one in given["Entries"]]
    for entry in entries:
        if sized := SIZED.fullmatch(entry.get("Detail", "")):
            entry["Detail"] = '{"a":"' + "x" * (int(sized[1]) - 8) + '"}'
    return entries


def refused(params: dict, limit: int, wanted: Reader) -> None:
    with pytest.raises(SettingsError) as error:
        put_events(params, HOME, ids=[UUID] * len(params["Entries"]), now=NOW, limit_bytes=limit)
    assert wanted["http_status"] == 400  # how every ``SettingsError`` is answered
    assert error.value.code == wanted["error"]
    if "message" in wanted.names:
        assert error.value.message == wanted["message"]
    if "message_prefix" in wanted.names:
        assert error.value.message.startswith(wanted["message_prefix"])
        assert error.value.message.endswith(wanted["message_suffix"])


def answered(params: dict, limit: int, wanted: Reader) -> None:
    world = World()
    world.rule("all", {"Id": "t"})
    result = put_events(params, HOME, ids=[UUID] * len(params["Entries"]), now=NOW, limit_bytes=limit)
    assert wanted["http_status"] == 200
    like(result.answer, {"FailedEntryCount": wanted["FailedEntryCount"], "Entries": wanted["Entries"]})
    if "delivered" in wanted.names:
        reached = [place for place, one in enumerate(result.arrivals) if world.buses.route(one).deliveries]
        assert reached == wanted["delivered"]


@pytest.mark.parametrize("vector", vectors("bus/put-events.json"))
def test_entries_are_answered_as_recorded(vector) -> None:
    with vector.opened() as (given, wanted):
        limit = given["limit_bytes"] if "limit_bytes" in given.names else REQUEST_BYTES_MAX
        params = {"Entries": entries_of(given)}
        (refused if "error" in wanted.names else answered)(params, limit, wanted)


@pytest.mark.parametrize("vector", vectors("bus/entry-size.json"))
def test_an_entry_counts_as_documented(vector) -> None:
    with vector.opened() as (given, wanted):
        assert entry_bytes(given["entry"]) == wanted["bytes"]
