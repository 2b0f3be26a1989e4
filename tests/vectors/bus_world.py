"""A region of buses for the vectors of ``bus``: operations by their names, answers as a client gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from afterbay.core.bus.archive import Archives
from afterbay.core.bus.buses import Buses
from afterbay.core.bus.connection import Connections
from afterbay.core.bus.destination import ApiDestinations
from afterbay.core.bus.envelope import Arrival, Event
from afterbay.core.bus.names import Home
from afterbay.core.bus.pattern import try_pattern
from afterbay.core.bus.replay import Replays
from afterbay.errors import EndpointError, SettingsError

HOME = Home("111122223333", "us-east-1")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UUID = "11111111-2222-4333-8444-555555555555"
QUEUE = "arn:aws:sqs:us-east-1:111122223333:orders"
ORDERS = HOME.bus_arn("orders")
ANY_PATTERN = '{"source": [{"prefix": ""}]}'
AUTH = {
    "BASIC": {"BasicAuthParameters": {"Username": "user", "Password": "pass"}},
    "API_KEY": {"ApiKeyAuthParameters": {"ApiKeyName": "key", "ApiKeyValue": "secret"}},
    "OAUTH_CLIENT_CREDENTIALS": {
        "OAuthParameters": {
            "ClientParameters": {"ClientID": "id", "ClientSecret": "secret"},
            "AuthorizationEndpoint": "https://example.com/oauth",
            "HttpMethod": "POST",
        }
    },
}


@dataclass(frozen=True)
class Reply:
    """``error`` and ``message`` are None where ``status`` is 200."""

    status: int
    body: dict
    error: str | None = None
    message: str | None = None


class World:
    """One region with the custom bus ``orders``."""

    def __init__(self) -> None:
        self.buses = Buses(HOME, created=NOW)
        self.archives = Archives(self.buses)
        self.replays = Replays(self.buses, self.archives)
        self.connections = Connections(HOME)
        self.destinations = ApiDestinations(HOME, self.connections)
        self.buses.create_event_bus({"Name": "orders"}, now=NOW)
        self._operations: dict[str, Callable[[dict], dict]] = {
            "CreateEventBus": lambda params: self.buses.create_event_bus(params, now=NOW),
            "DescribeEventBus": self.buses.describe_event_bus,
            "ListEventBuses": self.buses.list_event_buses,
            "UpdateEventBus": lambda params: self.buses.update_event_bus(params, now=NOW),
            "DeleteEventBus": self.buses.delete_event_bus,
            "PutRule": self.buses.put_rule,
            "DescribeRule": self.buses.describe_rule,
            "ListRules": self.buses.list_rules,
            "EnableRule": self.buses.enable_rule,
            "DisableRule": self.buses.disable_rule,
            "DeleteRule": self.buses.delete_rule,
            "PutTargets": self.buses.put_targets,
            "RemoveTargets": self.buses.remove_targets,
            "ListTargetsByRule": self.buses.list_targets_by_rule,
            "ListRuleNamesByTarget": self.buses.list_rule_names_by_target,
            "TagResource": self.buses.tag_resource,
            "UntagResource": self.buses.untag_resource,
            "ListTagsForResource": self.buses.list_tags_for_resource,
            "TestEventPattern": try_pattern,
            "CreateArchive": lambda params: self.archives.create(params, now=NOW),
            "UpdateArchive": self.archives.update,
            "DescribeArchive": self.archives.describe,
            "ListArchives": self.archives.listed,
            "DeleteArchive": self.archives.delete,
            "StartReplay": lambda params: self.replays.start(params, now=NOW),
            "CancelReplay": self.replays.cancel,
            "DescribeReplay": self.replays.describe,
            "ListReplays": self.replays.listed,
            "CreateConnection": lambda params: self.connections.create(params, ids=(UUID, UUID), now=NOW),
            "UpdateConnection": lambda params: self.connections.update(params, now=NOW),
            "DescribeConnection": self.connections.describe,
            "ListConnections": self.connections.listed,
            "DeleteConnection": self.connections.delete,
            "DeauthorizeConnection": lambda params: self.connections.deauthorize(params, now=NOW),
            "CreateApiDestination": lambda params: self.destinations.create(params, new_id=UUID, now=NOW),
            "UpdateApiDestination": lambda params: self.destinations.update(params, now=NOW),
            "DescribeApiDestination": self.destinations.describe,
            "ListApiDestinations": self.destinations.listed,
            "DeleteApiDestination": self.destinations.delete,
        }

    def call(self, operation: str, **params: object) -> Reply:
        try:
            return Reply(200, self._operations[operation](params))
        except EndpointError as error:
            return Reply(error.status, {}, error.code, error.message)
        except SettingsError as error:
            return Reply(400, {}, error.code, error.message)

    def done(self, operation: str, **params: object) -> dict:
        """The answer of a call that must succeed."""
        reply = self.call(operation, **params)
        assert reply.status == 200, reply
        return reply.body

    def rule(self, name: str, *targets: dict, bus: str = "default", pattern: str = ANY_PATTERN) -> str:
        """Make a rule with targets; its ARN."""
        arn = self.done("PutRule", Name=name, EventBusName=bus, EventPattern=pattern)["RuleArn"]
        if targets:
            given = [{"Arn": QUEUE, **target} for target in targets]
            self.done("PutTargets", Rule=name, EventBusName=bus, Targets=given)
        return arn


def compare(reply: Reply, wanted) -> None:
    """Hold a reply against what a vector's ``expect`` says of it: all but ``body``."""
    if "http_status" in wanted.names:
        assert reply.status == wanted["http_status"], reply
    if "error" in wanted.names:
        assert reply.error == wanted["error"], reply
    if "message" in wanted.names:
        assert reply.message == wanted["message"]


def like(found: object, wanted: object) -> None:
    """Equality, where ``<time>`` and ``<uuid>`` in ``wanted`` stand for any moment and any id of ours."""
    if wanted == "<time>":
        assert found == NOW.timestamp()
    elif wanted == "<uuid>":
        assert found == UUID
    elif isinstance(wanted, dict):
        assert isinstance(found, dict) and set(found) == set(wanted)
        for name, value in wanted.items():
            like(found[name], value)
    elif isinstance(wanted, list):
        assert isinstance(found, list) and len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            like(one, other)
    else:
        assert found == wanted


def event_of(members: dict) -> Event:
    """The event of an envelope that a vector shows."""
    return Event(
        id=members["id"],
        detail_type=members["detail-type"],
        source=members["source"],
        account=members["account"],
        time_s=int(datetime.fromisoformat(members["time"]).timestamp()),
        region=members["region"],
        resources=tuple(members["resources"]),
        detail=msgspec.json.encode(members["detail"]),
        replay_name=members.get("replay-name"),
    )


def arrival_of(members: dict, *, bus_arn: str = ORDERS) -> Arrival:
    return Arrival(event=event_of(members), bus_arn=bus_arn, arrived_s=NOW.timestamp())
