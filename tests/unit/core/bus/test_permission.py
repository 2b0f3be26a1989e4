"""The policy of a bus: kept and shown, and never asked (B34)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from afterbay.core.bus.buses import Buses
from afterbay.core.bus.names import Home
from afterbay.errors import EndpointError, SettingsError

HOME = Home("111122223333", "eu-west-1")
ONE = {"Action": "events:PutEvents", "Principal": "444455556666", "StatementId": "one"}


@pytest.fixture
def buses() -> Buses:
    return Buses(HOME, created=datetime(2026, 1, 2, tzinfo=UTC))


def ids(buses: Buses) -> list[str]:
    return [one.get("Sid") for one in json.loads(str(buses.bus(None).policy))["Statement"]]


def test_a_statement_of_the_same_id_takes_the_place_of_the_other(buses: Buses) -> None:
    for statement in (ONE, {**ONE, "StatementId": "two"}, {**ONE, "Principal": "*"}):
        buses.put_permission(statement)
    assert ids(buses) == ["two", "one"]
    assert '"Principal":"*"' in str(buses.describe_event_bus({})["Policy"])


def test_an_account_is_named_in_the_partition_of_the_bus() -> None:
    chinese = Buses(Home("111122223333", "cn-north-1"), created=datetime(2026, 1, 2, tzinfo=UTC))
    chinese.put_permission(ONE)
    (statement,) = json.loads(str(chinese.bus(None).policy))["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws-cn:iam::444455556666:root"}
    assert statement["Resource"] == "arn:aws-cn:events:cn-north-1:111122223333:event-bus/default"


def test_a_statement_is_added_to_a_policy_of_one(buses: Buses) -> None:
    buses.put_permission({"Policy": json.dumps({"Version": "2012-10-17", "Statement": {"Sid": "only"}})})
    buses.put_permission(ONE)
    assert ids(buses) == ["only", "one"]


def test_with_its_last_statement_the_policy_goes(buses: Buses) -> None:
    buses.put_permission(ONE)
    buses.remove_permission({"StatementId": "one"})
    assert "Policy" not in buses.describe_event_bus({})
    with pytest.raises(EndpointError, match="does not have a policy"):
        buses.remove_permission({"StatementId": "one"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Action, Principal, StatementId must be specified"),
        ({**ONE, "Principal": "me"}, "'principal'"),
        ({**ONE, "Action": "sqs:SendMessage"}, "'action'"),
        ({**ONE, "StatementId": "a b"}, "'statementId'"),
        ({**ONE, "Condition": {"Type": "StringEquals"}}, "'condition.key'"),
        ({"Policy": "no json"}, "no policy document"),
        ({"Policy": "[]"}, "no policy document"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(buses: Buses, given: dict, told: str) -> None:
    with pytest.raises(SettingsError) as error:
        buses.put_permission(given)
    assert error.value.code == "ValidationException"
    assert told in error.value.message
    assert buses.bus(None).policy is None


def test_a_bus_or_statement_that_is_not_there_is_not_found(buses: Buses) -> None:
    buses.put_permission(ONE)
    for params in ({"EventBusName": "nowhere", "StatementId": "one"}, {"StatementId": "two"}):
        with pytest.raises(EndpointError) as error:
            buses.remove_permission(params)
        assert error.value.code == "ResourceNotFoundException"
