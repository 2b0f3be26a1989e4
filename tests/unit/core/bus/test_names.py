"""ARNs of buses and rules (B1, B30)."""

from __future__ import annotations

import pytest

from afterbay.core.bus.names import Home, split_rule_arn
from afterbay.errors import SettingsError

HOME = Home("111122223333", "eu-west-1")


def test_a_bus_is_named_by_name_or_arn() -> None:
    arn = "arn:aws:events:eu-west-1:111122223333:event-bus/orders"
    assert HOME.bus_arn("orders") == HOME.bus_arn(arn) == arn
    assert HOME.bus_name("orders") == HOME.bus_name(arn) == "orders"
    assert HOME.bus_name(None) == "default"


def test_a_bus_elsewhere_is_none_of_ours() -> None:
    elsewhere = Home("111122223333", "us-east-1").bus_arn("orders")
    assert HOME.bus_name(elsewhere) == elsewhere


@pytest.mark.parametrize("bus", ["default", "orders", "aws.partner/acme/orders"])
def test_a_rules_arn_says_its_bus_unless_that_is_the_default_one(bus: str) -> None:
    arn = HOME.rule_arn(bus, "r")
    assert split_rule_arn(arn) == (bus, "r")
    assert (bus in arn) is (bus != "default")


@pytest.mark.parametrize("arn", ["arn:aws:events:eu-west-1:111122223333:event-bus/orders", "rule/r"])
def test_what_is_no_rule_is_refused(arn: str) -> None:
    with pytest.raises(SettingsError):
        split_rule_arn(arn)


def test_partitions_are_those_of_the_home() -> None:
    assert Home("1", "cn-north-1").arn("x").startswith("arn:aws-cn:events:cn-north-1:1:")
