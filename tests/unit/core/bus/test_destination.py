"""API destinations and their pace (B33, B54)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from afterbay.core.bus.connection import Connections
from afterbay.core.bus.destination import ApiDestination, ApiDestinations, Pace
from afterbay.core.bus.names import Home
from afterbay.errors import EndpointError, SettingsError

HOME = Home("111122223333", "eu-west-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)
KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "v"}}
CONNECTION = HOME.arn("connection/c/id")
GIVEN = {
    "Name": "d",
    "ConnectionArn": CONNECTION,
    "InvocationEndpoint": "https://example.com/api",
    "HttpMethod": "POST",
}


def made(**more: Any) -> ApiDestinations:
    connections = Connections(HOME)
    given = {"Name": "c", "AuthorizationType": "API_KEY", "AuthParameters": KEY}
    connections.create(given, ids=("id", "s"), now=NOW)
    destinations = ApiDestinations(HOME, connections)
    destinations.create({**GIVEN, **more}, new_id="uuid", now=NOW)
    return destinations


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises((EndpointError, SettingsError)) as error:
        call(*args, **kwargs)
    return error.value.code, error.value.message


def test_a_destination_is_shown_as_recorded() -> None:
    destinations = made(Description="d")
    arn = "arn:aws:events:eu-west-1:111122223333:api-destination/d/uuid"
    summary = {
        **GIVEN,
        "ApiDestinationArn": arn,
        "ApiDestinationState": "ACTIVE",
        "InvocationRateLimitPerSecond": 300,
        "CreationTime": NOW.timestamp(),
        "LastModifiedTime": NOW.timestamp(),
    }
    assert destinations.listed({}) == {"ApiDestinations": [summary]}
    assert destinations.describe({"Name": "d"}) == {**summary, "Description": "d"}
    assert destinations.find(arn) == destinations.saved()[0]


def test_an_update_changes_what_it_names() -> None:
    destinations = made(Description="d", InvocationRateLimitPerSecond=7)
    change = {"Name": "d", "HttpMethod": "PUT", "InvocationEndpoint": "https://example.com/v2"}
    assert destinations.update(change, now=LATER)["LastModifiedTime"] == LATER.timestamp()
    found = destinations.describe({"Name": "d"})
    assert found.items() >= {**change, "Description": "d", "InvocationRateLimitPerSecond": 7}.items()


def test_a_deleted_destination_is_gone() -> None:
    destinations = made()
    assert destinations.delete({"Name": "d"}) == {}
    told = "Failed to describe the api-destination(s). An api-destination 'd' does not exist."
    assert refused(destinations.describe, {"Name": "d"}) == ("ResourceNotFoundException", told)


def test_it_is_active_while_its_connection_is_authorized() -> None:
    """B33."""
    destinations = made()
    (one,) = destinations.saved()
    destinations._connections.deauthorize({"Name": "c"}, now=NOW)
    assert destinations.state(one) == "INACTIVE"
    destinations._connections.delete({"Name": "c"})
    assert destinations.state(one) == "INACTIVE"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"Name": "d"}, "already exists"),
        ({"ConnectionArn": HOME.arn("connection/no/id")}, "Connection 'no' does not exist."),
        ({"InvocationRateLimitPerSecond": 301}, "'invocationRateLimitPerSecond'"),
        ({"InvocationRateLimitPerSecond": 0}, "'invocationRateLimitPerSecond'"),
        ({"InvocationEndpoint": "http://example.com"}, "must begin with https://"),
        ({"InvocationEndpoint": "example.com"}, "must begin with https://"),
        ({"InvocationEndpoint": "https://"}, "must begin with https://"),
        ({"InvocationEndpoint": "https://a b"}, "'invocationEndpoint'"),
        ({"HttpMethod": "TRACE"}, "'httpMethod'"),
        ({"HttpMethod": None}, "Value null at 'httpMethod'"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], told: str) -> None:
    destinations = made()
    assert told in refused(destinations.create, {**GIVEN, "Name": "new", **given}, new_id="u", now=NOW)[1]
    assert len(destinations.saved()) == 1


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1"])
def test_plain_http_is_taken_on_this_machine(host: str) -> None:
    assert made(InvocationEndpoint=f"http://{host}/in").saved()[0].endpoint == f"http://{host}/in"


def test_destinations_are_listed_by_prefix_connection_and_page() -> None:
    destinations = made()
    destinations.create({**GIVEN, "Name": "e"}, new_id="u", now=NOW)

    def names(**params: Any) -> list[str]:
        return [one["Name"] for one in destinations.listed(params)["ApiDestinations"]]

    assert names(ConnectionArn=CONNECTION) == ["d", "e"] and names(ConnectionArn=CONNECTION + "x") == []
    assert names(NamePrefix="e") == ["e"] and names(Limit=1) == ["d"]


def test_what_is_saved_makes_the_same_destinations_again() -> None:
    destinations = made()
    kept = destinations.saved()
    assert msgspec.json.decode(msgspec.json.encode(kept), type=tuple[ApiDestination, ...]) == kept


def test_a_pace_holds_back_what_is_too_much_for_a_second() -> None:
    """B54."""
    pace = Pace(2)
    assert [pace.take(10.0) for _ in range(5)] == [0.0, 0.0, 1.0, 1.0, 2.0]
    assert pace.take(100.0) == 0.0
