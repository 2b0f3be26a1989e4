"""The EventBridge service: what it keeps, refuses, throttles and leaves to the engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from afterbay.core.bus.connection import Connection
from afterbay.endpoint.protocol import Request
from afterbay.endpoint.services.events import Events
from afterbay.engine.homes import Homes
from afterbay.errors import EndpointError
from unit.engine.bus_rig import ACCOUNT, REGION, BusRig, StillClock, bus_arn, queue_arn, target

OAUTH = {
    "OAuthParameters": {
        "ClientParameters": {"ClientID": "me", "ClientSecret": "hush"},
        "AuthorizationEndpoint": "https://example.com/token",
        "HttpMethod": "POST",
    }
}
ENTRY = {"Source": "shop", "DetailType": "t", "Detail": "{}"}


class Rows:
    """A ``HomeStore`` that counts what it was told."""

    def __init__(self, stored: Sequence[tuple[str, bytes]] = ()) -> None:
        self.told: list[tuple[str, bytes]] = list(stored)

    def homes(self) -> Sequence[tuple[str, bytes]]:
        return list(dict(self.told).items())

    def changed(self, region: str, body: bytes) -> None:
        self.told.append((region, body))


class World:
    def __init__(self, rows: Rows | None = None, **more: object) -> None:
        self.rig = BusRig(**more)
        self.rows = rows or Rows()
        self.rig.homes._store = self.rows
        self.rig.homes.restore()
        self.fetched: list[str] = []
        self._ids = iter(range(1000))
        self.service = Events(
            self.rig.homes,
            self.rig.engine,
            self.rig.archives,
            self.rig.clock.now,
            new_id=lambda: f"id-{next(self._ids)}",
            fetch_token=self._fetch,
        )

    async def _fetch(self, connection: Connection) -> None:
        self.fetched.append(connection.name)

    async def ask(self, operation: str, region: str = REGION, **params: object) -> dict:
        headers = {"x-amz-target": f"AWSEvents.{operation}"}
        answer = await self.service(Request("POST", "/", "", headers, json.dumps(params).encode(), region))
        assert answer.status == 200
        return json.loads(answer.body)

    async def refused(self, operation: str, **params: object) -> tuple[str, str]:
        with pytest.raises(EndpointError) as error:
            await self.ask(operation, **params)
        return error.value.code, error.value.message


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.service.close()
    await world.rig.archives.close()
    await world.rig.engine.clear()


async def test_accepted_entries_go_to_the_engine_under_the_ids_they_are_answered_with(world: World) -> None:
    world.rig.rule("r", target())
    answer = await world.ask("PutEvents", Entries=[ENTRY, {**ENTRY, "Detail": "[]"}, ENTRY])
    assert answer == {
        "FailedEntryCount": 1,
        "Entries": [
            {"EventId": "id-0"},
            {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."},
            {"EventId": "id-2"},
        ],
    }
    await world.rig.settle()
    assert world.rig.ids("q") == ["id-0", "id-2"]


async def test_a_full_engine_throttles_what_it_would_have_taken() -> None:
    world = World(waiting_max=0)
    answer = await world.ask("PutEvents", Entries=[ENTRY, {**ENTRY, "Detail": "[]"}])
    assert answer["FailedEntryCount"] == 2
    assert [one["ErrorCode"] for one in answer["Entries"]] == ["ThrottlingException", "MalformedDetail"]
    assert world.rig.calls == []


async def test_regions_know_nothing_of_one_another(world: World) -> None:
    await world.ask("CreateEventBus", Name="orders")
    listed = await world.ask("ListEventBuses", region="us-west-2")
    assert [one["Arn"] for one in listed["EventBuses"]] == [bus_arn("default", "us-west-2")]


async def test_what_changes_something_is_stored_and_nothing_else_is(world: World) -> None:
    await world.ask("CreateEventBus", Name="orders")
    assert len(world.rows.told) == 1
    await world.ask("CreateArchive", ArchiveName="a", EventSourceArn=bus_arn("orders"))
    stored = len(world.rows.told)
    await world.ask("DescribeEventBus", Name="orders")
    await world.ask("ListRules")
    await world.ask("PutEvents", Entries=[{**ENTRY, "EventBusName": "orders"}])
    assert len(world.rows.told) == stored, "an archived event is stored on its own"
    await world.ask("UpdateEventBus", Name="orders", Description="d")
    assert len(world.rows.told) == stored + 1
    await world.ask("UntagResource", ResourceARN=bus_arn("orders"), TagKeys=["none"])
    assert len(world.rows.told) == stored + 1, "it changed nothing"


async def test_all_there_is_comes_back(world: World) -> None:
    await world.ask("CreateEventBus", Name="orders", Tags=[{"Key": "k", "Value": "v"}])
    await world.ask("PutPermission", EventBusName="orders", Action="events:PutEvents", Principal="*", StatementId="s")
    pattern = '{"source": ["shop"]}'
    await world.ask("PutRule", Name="r", EventBusName="orders", EventPattern=pattern, State="DISABLED")
    await world.ask("PutTargets", Rule="r", EventBusName="orders", Targets=[target(Input='"x"')])
    await world.ask("CreateArchive", ArchiveName="a", EventSourceArn=bus_arn("orders"), RetentionDays=3)
    made = await world.ask(
        "CreateConnection", Name="c", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters=OAUTH
    )
    settings = {"InvocationEndpoint": "https://example.com", "HttpMethod": "PUT"}
    await world.ask("CreateApiDestination", Name="d", ConnectionArn=made["ConnectionArn"], **settings)
    again = World(world.rows)
    for operation, params in (
        ("DescribeEventBus", {"Name": "orders"}),
        ("ListTagsForResource", {"ResourceARN": bus_arn("orders")}),
        ("DescribeRule", {"Name": "r", "EventBusName": "orders"}),
        ("ListTargetsByRule", {"Rule": "r", "EventBusName": "orders"}),
        ("DescribeArchive", {"ArchiveName": "a"}),
        ("DescribeConnection", {"Name": "c"}),
        ("DescribeApiDestination", {"Name": "d"}),
    ):
        assert await again.ask(operation, **params) == await world.ask(operation, **params)
    again.service.resume()
    await again.rig.settle()
    assert again.fetched == ["c"], "its token was never fetched"


async def test_an_oauth_connection_is_authorized_after_it_was_answered(world: World) -> None:
    made = await world.ask(
        "CreateConnection", Name="c", AuthorizationType="OAUTH_CLIENT_CREDENTIALS", AuthParameters=OAUTH
    )
    assert (made["ConnectionState"], world.fetched) == ("AUTHORIZING", [])
    await world.rig.settle()
    assert world.fetched == ["c"]
    await world.ask("UpdateConnection", Name="c", AuthParameters=OAUTH)
    await world.rig.settle()
    assert world.fetched == ["c", "c"]


async def test_other_credentials_need_no_token(world: World) -> None:
    auth = {"BasicAuthParameters": {"Username": "me", "Password": "hush"}}
    await world.ask("CreateConnection", Name="c", AuthorizationType="BASIC", AuthParameters=auth)
    await world.rig.settle()
    assert world.fetched == []


async def test_what_an_archive_tells_is_so_now(world: World) -> None:
    await world.ask("CreateArchive", ArchiveName="a", EventSourceArn=bus_arn("default"), RetentionDays=1)
    await world.ask("PutEvents", Entries=[ENTRY])
    assert (await world.ask("DescribeArchive", ArchiveName="a"))["EventCount"] == 1
    await world.rig.clock.advance(86_401)
    (shown,) = (await world.ask("ListArchives"))["Archives"]
    assert (shown["EventCount"], shown["SizeBytes"]) == (0, 0)


async def test_a_replay_runs_and_its_record_goes_after_90_days(world: World) -> None:
    world.rig.rule("r", target())
    archive = await world.ask("CreateArchive", ArchiveName="a", EventSourceArn=bus_arn("default"))
    await world.ask("PutEvents", Entries=[ENTRY])
    now_s = world.rig.clock.now().timestamp()
    await world.ask(
        "StartReplay",
        ReplayName="p",
        EventSourceArn=archive["ArchiveArn"],
        EventStartTime=now_s - 60,
        EventEndTime=now_s + 60,
        Destination={"Arn": bus_arn("default")},
    )
    await world.rig.settle()
    assert (await world.ask("DescribeReplay", ReplayName="p"))["State"] == "COMPLETED"
    assert len(world.rig.of("q")) == 2
    await world.rig.clock.advance(90 * 86_400 + 1)
    assert (await world.ask("ListReplays"))["Replays"] == []


@pytest.mark.parametrize(
    ("refusable", "told"),
    [
        ({"Arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"}, "does not run state machines"),
        ({"Arn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a/b/POST/c"}, "no API Gateway"),
        ({"Arn": bus_arn("other"), "Input": '"x"'}, "input settings are not implemented"),
    ],
)
async def test_a_target_that_would_not_get_what_it_says_is_refused(world: World, refusable: dict, told: str) -> None:
    world.rig.rule("r")
    code, message = await world.refused("PutTargets", Rule="r", Targets=[target(), {"Id": "bad", **refusable}])
    assert code == "ValidationException"
    assert told in message
    assert (await world.ask("ListTargetsByRule", Rule="r"))["Targets"] == [], "none of them is there"


async def test_the_model_comes_before_what_is_not_served(world: World) -> None:
    world.rig.rule("r")
    bad = {"Id": "a b", "Arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"}
    _, message = await world.refused("PutTargets", Rule="r", Targets=[{"Id": "a b", "Arn": queue_arn("q")}, bad])
    assert message.startswith("2 validation errors detected")


@pytest.mark.parametrize("operation", ["CreateEndpoint", "ListPartnerEventSources", ""])
async def test_what_is_not_served_says_so(world: World, operation: str) -> None:
    code, told = await world.refused(operation)
    assert code == "UnknownOperationException"
    assert (operation or "none named") in told


async def test_the_models_operations_are_all_served_or_known_to_be_left_out() -> None:
    """Endpoints are global ones, partners' sources there are none of."""
    from botocore.loaders import Loader

    operations = set(Loader().load_service_model("events", "service-2")["operations"])
    left_out = {name for name in operations if "Partner" in name or "EventSource" in name or name.endswith("Endpoint")}
    left_out |= {"ListEndpoints"}
    world = World()
    unserved: set[str] = set()
    for name in operations:
        try:
            await world.ask(name)
        except EndpointError as error:
            if error.code == "UnknownOperationException":
                unserved.add(name)
    assert unserved == left_out


async def test_a_home_of_the_store_is_made_once_for_each_region() -> None:
    homes = Homes(ACCOUNT, StillClock().now)
    assert homes.of(REGION) is homes.of_arn(queue_arn("any"))
    homes.clear()
    assert list(homes) == []
