"""The EventBridge API of classic buses: buses, rules, targets, PutEvents, archives, replays, connections, API
destinations (``core.bus``).

Decides nothing but what this address does not serve: answers are ``core.bus``'s, deliveries the engine's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from afterbay.core.bus.connection import Connection, ConnectionState
from afterbay.core.bus.entry import EntryRefused, put_events, read_entries
from afterbay.core.bus.names import Home
from afterbay.core.bus.pattern import try_pattern
from afterbay.core.bus.target import Target, TargetKind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import items, text
from afterbay.endpoint.protocol import Request, Response, json_object, json_response
from afterbay.engine.archive import ArchiveKeeper
from afterbay.engine.bus import BusEngine
from afterbay.engine.homes import Homes, HomeState
from afterbay.errors import EndpointError, SettingsError

__all__ = ["Events"]

Params = Mapping[str, JsonValue]
Answer = dict[str, JsonValue]
_Operation = Callable[[HomeState, Params, datetime], Answer]

_NOT_SERVED = {
    TargetKind.STATE_MACHINE: "this address does not run state machines",
    TargetKind.API_GATEWAY: "this address has no API Gateway: make an API destination of the API's own address",
}
"""What moto keeps and does not run: events to it would go nowhere."""

_SIMPLE: dict[str, _Operation] = {
    "CreateEventBus": lambda home, params, now: home.buses.create_event_bus(params, now=now),
    "UpdateEventBus": lambda home, params, now: home.buses.update_event_bus(params, now=now),
    "DescribeEventBus": lambda home, params, now: home.buses.describe_event_bus(params),
    "ListEventBuses": lambda home, params, now: home.buses.list_event_buses(params),
    "DeleteEventBus": lambda home, params, now: home.buses.delete_event_bus(params),
    "PutPermission": lambda home, params, now: home.buses.put_permission(params),
    "RemovePermission": lambda home, params, now: home.buses.remove_permission(params),
    "PutRule": lambda home, params, now: home.buses.put_rule(params),
    "DescribeRule": lambda home, params, now: home.buses.describe_rule(params),
    "ListRules": lambda home, params, now: home.buses.list_rules(params),
    "EnableRule": lambda home, params, now: home.buses.enable_rule(params),
    "DisableRule": lambda home, params, now: home.buses.disable_rule(params),
    "DeleteRule": lambda home, params, now: home.buses.delete_rule(params),
    "RemoveTargets": lambda home, params, now: home.buses.remove_targets(params),
    "ListTargetsByRule": lambda home, params, now: home.buses.list_targets_by_rule(params),
    "ListRuleNamesByTarget": lambda home, params, now: home.buses.list_rule_names_by_target(params),
    "TagResource": lambda home, params, now: home.buses.tag_resource(params),
    "UntagResource": lambda home, params, now: home.buses.untag_resource(params),
    "ListTagsForResource": lambda home, params, now: home.buses.list_tags_for_resource(params),
    "TestEventPattern": lambda home, params, now: try_pattern(params),
    "CreateArchive": lambda home, params, now: home.archives.create(params, now=now),
    "UpdateArchive": lambda home, params, now: home.archives.update(params),
    "DescribeArchive": lambda home, params, now: home.archives.describe(params),
    "ListArchives": lambda home, params, now: home.archives.listed(params),
    "DescribeReplay": lambda home, params, now: home.replays.describe(params),
    "ListReplays": lambda home, params, now: home.replays.listed(params),
    "CancelReplay": lambda home, params, now: home.replays.cancel(params),
    "DescribeConnection": lambda home, params, now: home.connections.describe(params),
    "ListConnections": lambda home, params, now: home.connections.listed(params),
    "DeleteConnection": lambda home, params, now: home.connections.delete(params),
    "DeauthorizeConnection": lambda home, params, now: home.connections.deauthorize(params, now=now),
    "UpdateApiDestination": lambda home, params, now: home.destinations.update(params, now=now),
    "DescribeApiDestination": lambda home, params, now: home.destinations.describe(params),
    "ListApiDestinations": lambda home, params, now: home.destinations.listed(params),
    "DeleteApiDestination": lambda home, params, now: home.destinations.delete(params),
}


_CHANGES_NOTHING = ("PutEvents", "Describe", "List", "Test")
"""What an archive has counted is not stored with every event: its events are, and are counted again."""


class Events:
    """The service: ``await events(request)``. ``fetch_token`` authorizes an OAuth connection."""

    def __init__(
        self,
        homes: Homes,
        engine: BusEngine,
        archives: ArchiveKeeper,
        now: Callable[[], datetime],
        *,
        new_id: Callable[[], str],
        fetch_token: Callable[[Connection], Awaitable[None]],
    ) -> None:
        self._homes = homes
        self._engine = engine
        self._archives = archives
        self._now = now
        self._new_id = new_id
        self._fetch_token = fetch_token
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Raises ``EndpointError`` with AWS's code and text."""
        operation = request.headers.get("x-amz-target", "").partition(".")[2]
        try:
            answer = self._answer(operation, request.region, json_object(request.body))
        except SettingsError as error:
            raise EndpointError(error.code, error.message) from error
        if not operation.startswith(_CHANGES_NOTHING):
            self._homes.changed(request.region)
        return json_response(answer, protocol="json-1.1")

    def resume(self) -> None:
        """Authorize what an earlier process was about to authorize."""
        for home in self._homes:
            for connection in home.connections.saved():
                if connection.state is ConnectionState.AUTHORIZING:
                    self._authorize(home, connection.arn)

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _answer(self, operation: str, region: str, params: Answer) -> Answer:
        home, now = self._homes.of(region), self._now()
        if "Archive" in operation:
            self._archives.prune(region)
        elif "Replay" in operation:
            home.replays.forget(now)
        match operation:
            case "PutEvents":
                return self._put_events(home.buses.home, params, now)
            case "PutTargets":
                for target in home.buses.read_targets(params):
                    _check_served(target)
                return home.buses.put_targets(params)
            case "DeleteArchive":
                answer = home.archives.delete(params)
                self._archives.forget(region, text(params, "ArchiveName") or "")
                return answer
            case "StartReplay":
                answer = home.replays.start(params, now=now)
                self._archives.replay(region, text(params, "ReplayName") or "", self._engine)
                return answer
            case "CreateConnection":
                answer = home.connections.create(params, ids=(self._new_id(), self._new_id()), now=now)
                self._authorize(home, str(answer["ConnectionArn"]))
                return answer
            case "UpdateConnection":
                answer = home.connections.update(params, now=now)
                self._authorize(home, str(answer["ConnectionArn"]))
                return answer
            case "CreateApiDestination":
                return home.destinations.create(params, new_id=self._new_id(), now=now)
            case _:
                simple = _SIMPLE.get(operation)
                if simple is None:
                    raise EndpointError(
                        "UnknownOperationException", f"this address does not serve events {operation or '(none named)'}"
                    )
                return simple(home, params, now)

    def _put_events(self, home: Home, params: Params, now: datetime) -> Answer:
        """Rules: B17 a bus that is full throttles every entry that it would have taken."""
        if self._engine.full:
            told: list[JsonValue] = [
                {"ErrorCode": one.code, "ErrorMessage": one.message}
                if isinstance(one, EntryRefused)
                else {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}
                for one in read_entries(params)
            ]
            return {"FailedEntryCount": len(told), "Entries": told}
        ids = [self._new_id() for _ in items(params, "Entries") or []]
        result = put_events(params, home, ids=ids, now=now)
        self._engine.accept(result.arrivals)
        return result.answer

    def _authorize(self, home: HomeState, arn: str) -> None:
        """Get an OAuth connection its token, after the request is answered (B33)."""
        connection = home.connections.find(arn)
        if connection is None or connection.usable:
            return

        async def fetch() -> None:
            await self._fetch_token(connection)

        task = asyncio.get_running_loop().create_task(fetch())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check_served(target: Target) -> None:
    """Refuse a target that nothing here would call as it says. Raises ``SettingsError``."""
    reason = _NOT_SERVED.get(target.kind)
    if target.kind is TargetKind.BUS and not _INPUTS.isdisjoint(target.body()):
        reason = "an event goes to another bus as it is: input settings are not implemented there"
    if reason is not None:
        raise SettingsError(f"Target {target.id}, {target.arn}: {reason}", code="ValidationException")


_INPUTS = frozenset({"Input", "InputPath", "InputTransformer"})
