"""Buses, rules, targets, tags and routing through their requests (B1, B3, B13, B22, B23, B27, B30 to B32, B74)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from afterbay.core.bus.bus import Bus
from afterbay.core.bus.buses import Buses
from afterbay.core.bus.envelope import Arrival, Event, forward
from afterbay.core.bus.names import Home
from afterbay.core.bus.rule import Rule
from afterbay.core.bus.rules import Quotas
from afterbay.errors import EndpointError, SettingsError

HOME = Home("111122223333", "eu-west-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 1, 3, tzinfo=UTC)
PATTERN = '{"source": ["shop"]}'
QUEUE = "arn:aws:sqs:eu-west-1:111122223333:q"
LIMIT = ("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
EVENT = Event(id="e", detail_type="t", source="shop", account="1", time_s=0, region="eu-west-1")


@pytest.fixture
def buses() -> Buses:
    return made()


def made(**more: Any) -> Buses:
    buses = Buses(HOME, created=NOW, **more)
    buses.create_event_bus({"Name": "orders"}, now=NOW)
    return buses


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[str, str]:
    with pytest.raises((EndpointError, SettingsError)) as error:
        call(*args, **kwargs)
    assert getattr(error.value, "status", 400) == 400
    return error.value.code, error.value.message


def rule(buses: Buses, name: str, *targets: str, **more: Any) -> str:
    buses.put_rule({"Name": name, "EventPattern": PATTERN, **more})
    if targets:
        given = [{"Id": one, "Arn": QUEUE} for one in targets]
        buses.put_targets({"Rule": name, "Targets": given, "EventBusName": more.get("EventBusName")})
    return buses.describe_rule({"Name": name, "EventBusName": more.get("EventBusName")})["Arn"]


def at(bus: str, **more: Any) -> Arrival:
    return Arrival(event=EVENT, bus_arn=HOME.bus_arn(bus), arrived_s=1.0, **more)


class TestBuses:
    def test_the_default_bus_is_there_from_the_start(self, buses: Buses) -> None:
        assert buses.describe_event_bus({}) == {
            "Name": "default",
            "Arn": HOME.bus_arn("default"),
            "CreationTime": NOW.timestamp(),
            "LastModifiedTime": NOW.timestamp(),
        }

    def test_a_bus_shows_what_was_set(self, buses: Buses) -> None:
        settings = {
            "Description": "d",
            "KmsKeyIdentifier": "key",
            "DeadLetterConfig": {"Arn": QUEUE},
        }
        given = {"Name": "full", "LogConfig": {"Level": "OFF", "IncludeDetail": "NONE"}, **settings}
        assert buses.create_event_bus(given, now=NOW) == {"EventBusArn": HOME.bus_arn("full"), **settings}
        assert buses.describe_event_bus({"Name": HOME.bus_arn("full")}).items() >= settings.items()
        changed = buses.update_event_bus({"Name": "full", "Description": "e", "DeadLetterConfig": {}}, now=LATER)
        assert changed == {
            "Name": "full",
            "Arn": HOME.bus_arn("full"),
            "Description": "e",
            "KmsKeyIdentifier": "key",
        }
        assert buses.bus("full").modified_s == LATER.timestamp()

    def test_buses_are_listed_by_prefix_and_page(self, buses: Buses) -> None:
        buses.create_event_bus({"Name": "order-lines", "Description": "d"}, now=NOW)
        first = buses.list_event_buses({"Limit": 1, "NamePrefix": "order"})
        assert [one["Name"] for one in first["EventBuses"]] == ["order-lines"]
        assert first["EventBuses"][0]["Description"] == "d"
        rest = buses.list_event_buses({"NextToken": first["NextToken"], "NamePrefix": "order"})
        assert [one["Name"] for one in rest["EventBuses"]] == ["orders"] and "NextToken" not in rest

    def test_a_deleted_bus_is_gone_and_a_missing_one_is_deleted_too(self, buses: Buses) -> None:
        for _ in range(2):
            assert buses.delete_event_bus({"Name": "orders"}) == {}
        told = ("ResourceNotFoundException", "Event bus orders does not exist.")
        assert refused(buses.describe_event_bus, {"Name": "orders"}) == told
        assert refused(buses.describe_event_bus, {"Name": HOME.bus_arn("orders")}) == told

    def test_an_arn_is_taken_wherever_a_name_is(self, buses: Buses) -> None:
        """B1: where the service's model knows names only, too."""
        orders = HOME.bus_arn("orders")
        assert buses.update_event_bus({"Name": orders, "Description": "d"}, now=LATER)["Name"] == "orders"
        assert buses.delete_event_bus({"Name": orders}) == {}
        assert refused(buses.describe_event_bus, {"Name": "orders"})[0] == "ResourceNotFoundException"
        told = refused(buses.delete_event_bus, {"Name": HOME.bus_arn("default")})
        assert told == ("ValidationException", "Cannot delete event bus default.")

    def test_the_default_bus_and_one_with_rules_are_not_deleted(self, buses: Buses) -> None:
        rule(buses, "r", EventBusName="orders")
        assert refused(buses.delete_event_bus, {"Name": "default"})[1] == "Cannot delete event bus default."
        assert refused(buses.delete_event_bus, {"Name": "orders"})[0] == "ValidationException"

    def test_a_bus_of_another_region_is_not_here(self, buses: Buses) -> None:
        elsewhere = Home("111122223333", "us-east-1").bus_arn("orders")
        told = refused(buses.put_rule, {"Name": "r", "EventPattern": PATTERN, "EventBusName": elsewhere})
        assert told == ("ResourceNotFoundException", "Event bus orders does not exist.")

    def test_names_are_taken_once_and_there_are_so_many(self) -> None:
        buses = made(quotas=Quotas(buses=2))
        buses.create_event_bus({"Name": "second"}, now=NOW)
        assert refused(buses.create_event_bus, {"Name": "default"}, now=NOW)[0] == "ResourceAlreadyExistsException"
        assert refused(buses.create_event_bus, {"Name": "third"}, now=NOW) == LIMIT

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"Name": "a b"}, "'name'"),
            ({}, "Value null at 'name'"),
            ({"Name": "x", "LogConfig": {"Level": "LOUD"}}, "'logConfig.level'"),
            ({"Name": "x", "DeadLetterConfig": {"Arn": ""}}, "'deadLetterConfig.arn'"),
            ({"Name": "x", "Tags": [{"Key": ""}]}, "'tags.1.member.key'"),
            ({"Name": "a/b"}, "slash"),
            ({"Name": "x", "EventSourceName": "aws.partner/a/b"}, "EventSourceName is not implemented"),
            ({"Name": "x", "LogConfig": {"Level": "INFO"}}, "LogConfig.Level is not implemented"),
        ],
    )
    def test_what_is_wrong_is_named(self, buses: Buses, given: dict[str, Any], told: str) -> None:
        code, message = refused(buses.create_event_bus, given, now=NOW)
        assert code == "ValidationException" and told in message


class TestRules:
    def test_a_rule_is_shown_as_recorded(self, buses: Buses) -> None:
        arn = rule(buses, "r", EventBusName=HOME.bus_arn("orders"), Description="d", RoleArn="role")
        shown = {
            "Name": "r",
            "Arn": "arn:aws:events:eu-west-1:111122223333:rule/orders/r",
            "EventPattern": PATTERN,
            "State": "ENABLED",
            "Description": "d",
            "RoleArn": "role",
            "EventBusName": "orders",
        }
        assert arn == shown["Arn"]
        assert buses.list_rules({"EventBusName": "orders"}) == {"Rules": [shown]}
        described = buses.describe_rule({"Name": "r", "EventBusName": "orders"})
        assert described == {**shown, "CreatedBy": "111122223333"}

    def test_a_rule_put_again_is_replaced_but_for_targets_and_tags(self, buses: Buses) -> None:
        """B30."""
        arn = rule(buses, "r", "t", Description="d", State="DISABLED", Tags=[{"Key": "k", "Value": "v"}])
        rule(buses, "r", EventPattern='{"source": ["x"]}', Tags=[{"Key": "k", "Value": "w"}])
        described = buses.describe_rule({"Name": "r"})
        assert "Description" not in described
        assert (described["State"], described["EventPattern"]) == ("ENABLED", '{"source": ["x"]}')
        assert [one["Id"] for one in buses.list_targets_by_rule({"Rule": "r"})["Targets"]] == ["t"]
        assert buses.list_tags_for_resource({"ResourceARN": arn}) == {"Tags": [{"Key": "k", "Value": "v"}]}
        assert buses.route(at("default")).deliveries == ()

    def test_rules_are_listed_by_bus_prefix_and_page(self, buses: Buses) -> None:
        for name in ("a1", "a2", "b1"):
            rule(buses, name)
        rule(buses, "a3", EventBusName="orders")
        first = buses.list_rules({"NamePrefix": "a", "Limit": 1})
        assert [one["Name"] for one in first["Rules"]] == ["a1"]
        rest = buses.list_rules({"NamePrefix": "a", "NextToken": first["NextToken"]})
        assert [one["Name"] for one in rest["Rules"]] == ["a2"]

    def test_a_deleted_rule_is_gone_and_a_missing_one_is_deleted_too(self, buses: Buses) -> None:
        """B32."""
        rule(buses, "r")
        for _ in range(2):
            assert buses.delete_rule({"Name": "r"}) == {}
        told = ("ResourceNotFoundException", "Rule r does not exist on EventBus default.")
        for call in (buses.describe_rule, buses.enable_rule, buses.disable_rule):
            assert refused(call, {"Name": "r"}) == told
        assert refused(buses.delete_rule, {"Name": "r", "EventBusName": "no"})[1] == "Event bus no does not exist."

    def test_a_rule_is_deleted_once_its_targets_are_gone(self, buses: Buses) -> None:
        rule(buses, "r", "t")
        assert refused(buses.delete_rule, {"Name": "r"})[1] == "Rule can't be deleted since it has targets."
        assert buses.remove_targets({"Rule": "r", "Ids": ["t", "other"]}) == {
            "FailedEntryCount": 0,
            "FailedEntries": [],
        }
        assert buses.delete_rule({"Name": "r"}) == {}

    def test_what_is_wrong_is_told_and_the_rule_stays_as_it_was(self, buses: Buses) -> None:
        rule(buses, "r", Description="d")
        before = buses.describe_rule({"Name": "r"})
        for given, code, told in (
            ({"EventPattern": None}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be"),
            ({"EventPattern": ""}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be"),
            ({"EventPattern": "{"}, "InvalidEventPatternException", "Event pattern is not valid. Reason: "),
            ({"EventPattern": '{"a": 1}'}, "InvalidEventPatternException", '"a" must be an object or an array'),
            ({"ScheduleExpression": "rate(1 day)"}, "ValidationException", "ScheduleExpression is not implemented"),
            ({"State": "ON"}, "ValidationException", "enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_"),
            ({"Name": "r!"}, "ValidationException", "'name'"),
            ({"Tags": [{"Value": "v"}]}, "ValidationException", "'tags.1.member.key'"),
        ):
            found = refused(buses.put_rule, {"Name": "r", "EventPattern": PATTERN, **given})
            assert found[0] == code and told in found[1]
        assert buses.describe_rule({"Name": "r"}) == before

    def test_a_bus_has_room_for_so_much(self) -> None:
        """B3."""
        buses = made(quotas=Quotas(rules_per_bus=2, wildcard_rules_per_bus=1, pattern_characters=40))
        wild = '{"source": [{"wildcard": "*"}]}'
        rule(buses, "a", EventPattern=wild)
        assert refused(rule, buses, "b", EventPattern=wild) == LIMIT
        assert refused(rule, buses, "b", EventPattern=PATTERN + " " * 40) == LIMIT
        rule(buses, "a", EventPattern=wild)
        rule(buses, "b")
        assert refused(rule, buses, "c") == LIMIT
        rule(buses, "c", EventBusName="orders")

    def test_the_quota_of_a_pattern_is_half_of_what_the_model_takes(self, buses: Buses) -> None:
        assert refused(rule, buses, "r", EventPattern=PATTERN.ljust(2049)) == LIMIT
        rule(buses, "r", EventPattern=PATTERN.ljust(2048))


class TestTargets:
    def test_targets_are_shown_in_the_order_of_their_ids(self, buses: Buses) -> None:
        rule(buses, "r", "b", "a", "c")
        first = buses.list_targets_by_rule({"Rule": "r", "Limit": 2})
        assert [one["Id"] for one in first["Targets"]] == ["a", "b"]
        rest = buses.list_targets_by_rule({"Rule": "r", "NextToken": first["NextToken"]})
        assert rest == {"Targets": [{"Id": "c", "Arn": QUEUE}]}

    def test_five_targets_and_no_more(self, buses: Buses) -> None:
        """B31: a request that goes too far changes nothing."""
        rule(buses, "r", *"abcd")
        more = [{"Id": one, "Arn": QUEUE} for one in ("e", "f")]
        assert refused(buses.put_targets, {"Rule": "r", "Targets": more}) == LIMIT
        assert len(buses.list_targets_by_rule({"Rule": "r"})["Targets"]) == 4
        buses.put_targets({"Rule": "r", "Targets": [{"Id": one, "Arn": QUEUE} for one in "abcde"]})

    def test_ten_in_a_request_and_no_more(self, buses: Buses) -> None:
        rule(buses, "r")
        same = [{"Id": "t", "Arn": QUEUE}]
        assert buses.put_targets({"Rule": "r", "Targets": same * 10})["FailedEntryCount"] == 0
        assert refused(buses.put_targets, {"Rule": "r", "Targets": same * 11}) == LIMIT
        assert "length less than or equal to 100" in refused(buses.put_targets, {"Rule": "r", "Targets": same * 101})[1]
        assert "greater than or equal to 1" in refused(buses.put_targets, {"Rule": "r", "Targets": []})[1]

    def test_a_rule_must_be_there(self, buses: Buses) -> None:
        told = ("ResourceNotFoundException", "Rule r does not exist on EventBus orders.")
        of = {"Rule": "r", "EventBusName": "orders"}
        assert refused(buses.put_targets, {**of, "Targets": [{"Id": "t", "Arn": QUEUE}]}) == told
        assert refused(buses.remove_targets, {**of, "Ids": ["t"]}) == told
        assert refused(buses.list_targets_by_rule, of) == told

    def test_rules_are_found_by_their_target(self, buses: Buses) -> None:
        for name in ("b", "a"):
            rule(buses, name, "t")
        rule(buses, "other")
        rule(buses, "c", "t", EventBusName="orders")
        assert buses.list_rule_names_by_target({"TargetArn": QUEUE}) == {"RuleNames": ["a", "b"]}
        assert buses.list_rule_names_by_target({"TargetArn": "x"}) == {"RuleNames": []}

    def test_the_places_of_bad_targets_are_told(self, buses: Buses) -> None:
        rule(buses, "r")
        given = [{"Id": "t", "Arn": QUEUE}, {"Id": "!", "Arn": QUEUE}]
        told = refused(buses.put_targets, {"Rule": "r", "Targets": given})[1]
        assert "Value '!' at 'targets.2.member.id'" in told


class TestTags:
    @pytest.mark.parametrize("of", ["bus", "rule", "default-rule"])
    def test_tags_are_added_and_taken_away(self, buses: Buses, of: str) -> None:
        arn = {
            "bus": HOME.bus_arn("orders"),
            "rule": rule(buses, "r", EventBusName="orders"),
            "default-rule": rule(buses, "r"),
        }[of]
        tags = [{"Key": "tag1", "Value": "value1"}, {"Key": "tag2", "Value": "value2"}]
        assert buses.tag_resource({"ResourceARN": arn, "Tags": tags}) == {}
        assert buses.list_tags_for_resource({"ResourceARN": arn}) == {"Tags": tags}
        assert buses.untag_resource({"ResourceARN": arn, "TagKeys": ["tag2", "other"]}) == {}
        assert buses.list_tags_for_resource({"ResourceARN": arn}) == {"Tags": tags[:1]}

    def test_what_is_not_there_is_told_in_its_own_words(self, buses: Buses) -> None:
        ask = buses.list_tags_for_resource
        assert refused(ask, {"ResourceARN": HOME.rule_arn("default", "r")})[1] == (
            "Rule r does not exist on EventBus default."
        )
        assert refused(ask, {"ResourceARN": HOME.bus_arn("no")})[1] == "Event bus no does not exist."
        elsewhere = rule(buses, "r").replace("eu-west-1", "us-east-1")
        assert refused(ask, {"ResourceARN": elsewhere})[0] == "ResourceNotFoundException"

    def test_there_are_fifty_and_none_of_awss_own(self, buses: Buses) -> None:
        arn = HOME.bus_arn("orders")
        many = [{"Key": f"k{n}", "Value": ""} for n in range(51)]
        assert "at most 50" in refused(buses.tag_resource, {"ResourceARN": arn, "Tags": many})[1]
        own = [{"Key": "aws:x", "Value": ""}]
        assert "aws:" in refused(buses.tag_resource, {"ResourceARN": arn, "Tags": own})[1]
        assert "Value null at 'tags'" in refused(buses.tag_resource, {"ResourceARN": arn})[1]
        assert "Value null at 'tagKeys'" in refused(buses.untag_resource, {"ResourceARN": arn})[1]


class TestRouting:
    def test_each_target_of_each_rule_that_matches_has_its_own_delivery(self, buses: Buses) -> None:
        """B22, B23."""
        first, second = rule(buses, "r1", "a", "b"), rule(buses, "r2", "a")
        rule(buses, "other", "a", EventPattern='{"source": ["x"]}')
        routing = buses.route(at("default"))
        told = [(one.rule_arn, one.target_id, one.target_arn) for one in routing.deliveries]
        assert told == [(first, "a", QUEUE), (first, "b", QUEUE), (second, "a", QUEUE)]
        assert [one.arn for one in routing.matched] == [first, second]
        assert {one.arrival.event.id for one in routing.deliveries} == {"e"}

    def test_a_bus_has_its_own_rules(self, buses: Buses) -> None:
        rule(buses, "r", "t")
        assert buses.route(at("orders")).matched == ()

    def test_a_bus_that_does_not_exist_has_nobody(self, buses: Buses) -> None:
        """B13."""
        rule(buses, "r", "t")
        elsewhere = Home("1", "eu-west-1").bus_arn("default")
        assert buses.route(at("no")).deliveries == buses.route(at(elsewhere)).deliveries == ()

    def test_a_disabled_rule_takes_nothing_until_it_is_enabled(self, buses: Buses) -> None:
        rule(buses, "r", "t")
        buses.disable_rule({"Name": "r"})
        assert buses.route(at("default")).matched == ()
        buses.enable_rule({"Name": "r"})
        assert len(buses.route(at("default")).deliveries) == 1

    def test_the_third_state_is_enabled(self, buses: Buses) -> None:
        rule(buses, "r", "t", State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
        assert len(buses.route(at("default")).deliveries) == 1

    def test_a_rule_without_targets_matches_all_the_same(self, buses: Buses) -> None:
        rule(buses, "r")
        routing = buses.route(at("default"))
        assert (len(routing.matched), routing.deliveries) == (1, ())

    def test_every_change_counts_at_once(self, buses: Buses) -> None:
        """B5."""
        rule(buses, "r", "t")
        assert len(buses.route(at("default")).deliveries) == 1
        buses.put_targets({"Rule": "r", "Targets": [{"Id": "u", "Arn": QUEUE}]})
        assert len(buses.route(at("default")).deliveries) == 2
        buses.remove_targets({"Rule": "r", "Ids": ["t", "u"]})
        buses.delete_rule({"Name": "r"})
        assert buses.route(at("default")).matched == ()

    def test_a_delivery_finds_its_target_as_it_is_now(self, buses: Buses) -> None:
        arn = rule(buses, "r", "t", EventBusName="orders")
        (delivery,) = buses.route(at("orders")).deliveries
        of = {"Rule": "r", "EventBusName": "orders"}
        buses.put_targets({**of, "Targets": [{"Id": "t", "Arn": QUEUE, "InputPath": "$.detail"}]})
        found = buses.target_of(delivery)
        assert found is not None and (found[0].arn, found[1].body()["InputPath"]) == (arn, "$.detail")
        buses.remove_targets({**of, "Ids": ["t"]})
        assert buses.target_of(delivery) is None
        buses.delete_rule({"Name": "r", "EventBusName": "orders"})
        assert buses.target_of(delivery) is None

    def test_a_replay_may_be_for_some_rules_only(self, buses: Buses) -> None:
        """B74."""
        rule(buses, "r1", "t")
        arn = rule(buses, "r2", "t")
        assert [one.rule_arn for one in buses.route(at("default", rules=(arn,))).deliveries] == [arn]

    def test_a_rule_that_feeds_itself_stops_after_one_round(self, buses: Buses) -> None:
        """B27."""
        arn = rule(buses, "r", "t")
        round_trip = forward(at("default"), arn, HOME.bus_arn("default"), new_id="x", now_s=2.0)
        assert isinstance(round_trip, Arrival)
        routing = buses.route(round_trip)
        assert ([one.arn for one in routing.looped], routing.matched, routing.deliveries) == ([arn], (), ())


def test_what_is_saved_makes_the_same_region_again(buses: Buses) -> None:
    rule(buses, "r", "t", EventBusName="orders", Tags=[{"Key": "k", "Value": "v"}])
    rule(buses, "off", State="DISABLED")
    kept_buses, kept_rules = buses.saved()
    read_buses = msgspec.json.decode(msgspec.json.encode(kept_buses), type=tuple[Bus, ...])
    read_rules = msgspec.json.decode(msgspec.json.encode(kept_rules), type=tuple[Rule, ...])
    again = Buses(HOME, created=LATER, buses=read_buses, rules=read_rules)
    assert again.saved() == (kept_buses, kept_rules)
    assert len(again.route(at("orders")).deliveries) == 1
