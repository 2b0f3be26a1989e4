"""The pipes API by requests to the service: every operation, transitions, what fails and why (X1 to X15)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from afterbay.core.mapping.lifecycle import State
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.lifecycle import PipeState
from afterbay.core.pipe.reason import SourceLost
from afterbay.core.pipe.request import parse_create
from afterbay.core.pipe.resource import PipeResource
from afterbay.endpoint.protocol import Request
from afterbay.endpoint.services.pipes import Pipes
from afterbay.errors import UnavailableError

from .mapping_world import Engine

REGION, ACCOUNT = "eu-west-1", "000000000000"
HOME = f"{REGION}:{ACCOUNT}"
STREAM = f"arn:aws:dynamodb:{HOME}:table/orders/stream/2026-01-02T03:04:05.678"
QUEUE = f"arn:aws:sqs:{HOME}:out"
ARN = f"arn:aws:pipes:{HOME}:pipe/p"
BASE = {
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
    "Source": STREAM,
    "SourceParameters": {"DynamoDBStreamParameters": {"StartingPosition": "TRIM_HORIZON"}},
    "Target": QUEUE,
}


@dataclass
class Store:
    kept: dict[str, PipeResource] = field(default_factory=dict)

    def changed(self, pipe: PipeResource) -> None:
        self.kept[pipe.settings.arn] = pipe

    def removed(self, arn: str) -> None:
        del self.kept[arn]


class RealEngine(Engine):
    """One that is created disabled rests at once, as the engine's mappings do."""

    async def create(self, uuid: str, settings: MappingSettings, *, enabled: bool) -> None:
        await super().create(uuid, settings, enabled=enabled)
        if not enabled:
            self.statuses[uuid] = self.statuses[uuid]._replace(state=State.DISABLED)


class World:
    """The service around an engine that settles when it is told. ``reason``: why no pipe can run."""

    def __init__(self, store: Store | None = None) -> None:
        self.engine = RealEngine()
        self.store = store or Store()
        self.reason: str | None = None
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.gate = asyncio.Event()
        self.gate.set()
        self.pipes = Pipes(self.engine, self.refusal, lambda: self.now, store=self.store)

    def refusal(self, settings: PipeSettings) -> Coroutine[None, None, str | None]:
        async def look() -> str | None:
            await self.gate.wait()
            if self.reason == "down":
                raise UnavailableError("moto is busy", code="InternalError")
            return self.reason

        return look()

    async def ask(self, method: str, path: str, query: str = "", **body: object) -> tuple[int, dict]:
        request = Request(method, path, query, {}, json.dumps(body).encode(), REGION)
        response = await self.pipes(request)
        return response.status, json.loads(response.body)

    async def create(self, **more: object) -> dict:
        status, body = await self.ask("POST", "/v1/pipes/p", **{**BASE, **more})
        assert status == 200, body
        return body

    async def update(self, **body: object) -> tuple[int, dict]:
        return await self.ask("PUT", "/v1/pipes/p", RoleArn=BASE["RoleArn"], **body)

    async def settle(self) -> dict | None:
        """Let everything come to its end; the pipe as it is then."""
        for _ in range(10):
            await asyncio.sleep(0)
        self.engine.settle_all()
        return await self.described()

    async def described(self) -> dict | None:
        status, body = await self.ask("GET", "/v1/pipes/p")
        return None if status == 404 else body

    async def state(self) -> str | None:
        told = await self.settle()
        return None if told is None else told["CurrentState"]

    async def running(self, **more: object) -> World:
        await self.create(**more)
        assert await self.state() == "RUNNING"
        return self

    def lose_source(self) -> None:
        self.engine.statuses[ARN] = self.engine.statuses[ARN]._replace(source_over=True)


ANSWERED = {"Arn", "Name", "DesiredState", "CurrentState", "CreationTime", "LastModifiedTime"}


async def test_a_pipe_is_created_runs_and_is_described_with_all_it_was_given() -> None:
    world = World()
    made = await world.create(Description="d", Tags={"a": "b"})
    assert set(made) == ANSWERED and (made["CurrentState"], made["DesiredState"]) == ("CREATING", "RUNNING")
    assert made["CreationTime"] == world.now.timestamp() and made["Arn"] == ARN
    told = await world.settle()
    assert told is not None and told["CurrentState"] == "RUNNING" and told["Tags"] == {"a": "b"}
    assert told["SourceParameters"]["DynamoDBStreamParameters"]["BatchSize"] == 10
    assert world.engine.settings[ARN].event_source_arn == STREAM and world.engine.enabled[ARN]


async def test_a_pipe_may_be_created_stopped() -> None:
    world = World()
    await world.create(DesiredState="STOPPED")
    assert await world.state() == "STOPPED" and not world.engine.enabled[ARN]


@pytest.mark.parametrize("reason", ["the source is not there", "the letters have no queue"])
async def test_a_pipe_that_cannot_run_fails_with_its_reason_and_reads_nothing(reason) -> None:
    world = World()
    world.reason = reason
    await world.create()
    told = await world.settle()
    assert told is not None and (told["CurrentState"], told["StateReason"]) == ("CREATE_FAILED", reason)
    assert world.engine.statuses == {}


async def test_a_look_that_fails_fails_the_pipe_too() -> None:
    world = World()
    world.reason = "down"
    await world.create()
    told = await world.settle()
    assert told is not None and told["CurrentState"] == "CREATE_FAILED" and "moto is busy" in told["StateReason"]


async def test_every_request_but_a_look_conflicts_while_the_pipe_is_on_its_way() -> None:
    world = World()
    world.gate.clear()
    await world.create()
    requests = [
        ("DELETE", "/v1/pipes/p"),
        ("POST", "/v1/pipes/p/stop"),
        ("PUT", "/v1/pipes/p"),
        ("POST", "/v1/pipes/p"),
    ]
    for method, path in requests:
        status, body = await world.ask(method, path, **BASE)
        assert (status, body["resourceId"]) == (409, "p"), method
    assert (await world.described() or {})["CurrentState"] == "CREATING"
    world.gate.set()
    assert await world.state() == "RUNNING"


async def test_it_stops_starts_and_says_so() -> None:
    world = await World().running()
    world.now += timedelta(seconds=5)
    _, body = await world.ask("POST", "/v1/pipes/p/stop")
    assert (body["CurrentState"], body["DesiredState"]) == ("STOPPING", "STOPPED")
    assert body["LastModifiedTime"] - body["CreationTime"] == 5
    assert await world.state() == "STOPPED"
    _, body = await world.ask("POST", "/v1/pipes/p/start")
    assert (body["CurrentState"], body["DesiredState"]) == ("STARTING", "RUNNING")
    assert await world.state() == "RUNNING"


@pytest.mark.parametrize("verb, state", [("start", "RUNNING"), ("stop", "STOPPED")])
async def test_what_it_does_already_is_answered_and_changes_nothing(verb, state) -> None:
    world = World()
    await world.create(DesiredState=state)
    assert await world.state() == state
    status, body = await world.ask("POST", f"/v1/pipes/p/{verb}")
    assert (status, body["CurrentState"]) == (200, state)
    assert world.engine.statuses[ARN].state.settled


async def test_an_update_goes_to_the_mapping_that_is_there_so_that_it_keeps_its_position() -> None:
    world = await World().running()
    before = world.pipes.plan(ARN)
    status, body = await world.update(
        SourceParameters={"DynamoDBStreamParameters": {"BatchSize": 3}}, TargetParameters={"InputTemplate": "x"}
    )
    assert (status, body["CurrentState"]) == (200, "UPDATING")
    assert await world.state() == "RUNNING"
    settings = world.engine.settings[ARN]
    assert settings.batch_size == 3 and settings.starting_position is StartingPosition.TRIM_HORIZON
    assert world.pipes.plan(ARN) is not before and world.pipes.plan(ARN).target_template is not None


async def test_an_update_that_cannot_run_stops_the_pipe_and_the_next_mends_it() -> None:
    """X5: updates look at the same as creation does."""
    world = await World().running()
    world.reason = "no queue"
    await world.update()
    told = await world.settle()
    assert told is not None and (told["CurrentState"], told["StateReason"]) == ("UPDATE_FAILED", "no queue")
    assert not world.engine.enabled[ARN]
    world.reason = None
    await world.update()
    told = await world.settle()
    assert told is not None and told["CurrentState"] == "RUNNING" and "StateReason" not in told
    assert world.engine.enabled[ARN]


async def test_a_pipe_that_failed_and_has_batches_under_way_takes_no_request_yet() -> None:
    world = await World().running()
    world.reason = "no queue"
    await world.update()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (await world.described() or {})["CurrentState"] == "UPDATE_FAILED"
    assert world.engine.statuses[ARN].state is State.DISABLING
    assert (await world.update())[0] == (await world.ask("DELETE", "/v1/pipes/p"))[0] == 409
    world.engine.settle_all()
    assert (await world.ask("DELETE", "/v1/pipes/p"))[0] == 200


async def test_a_pipe_is_deleted_once_it_runs_no_more() -> None:
    world = await World().running()
    _, body = await world.ask("DELETE", "/v1/pipes/p")
    assert (body["CurrentState"], body["DesiredState"]) == ("DELETING", "DELETED")
    assert (await world.described() or {})["CurrentState"] == "DELETING"
    assert await world.state() is None and world.store.kept == {}


async def test_a_failed_pipe_is_deleted_with_the_positions_that_it_may_have() -> None:
    world = World()
    world.reason = "no"
    await world.create()
    assert await world.state() == "CREATE_FAILED"
    world.engine.statuses.clear()
    await world.ask("DELETE", "/v1/pipes/p")
    assert world.engine.statuses[ARN].state is State.DELETING, "so that its positions are forgotten"
    assert await world.state() is None


async def test_a_pipe_halts_with_its_stream_and_never_starts_again() -> None:
    """X12."""
    world = await World().running()
    world.lose_source()
    told = await world.described()
    assert told is not None and told["CurrentState"] == "STOPPED" and told["DesiredState"] == "RUNNING"
    assert told["StateReason"] == SourceLost.STREAM_GONE.value and not world.engine.enabled[ARN]
    assert await world.state() == "STOPPED"
    world.reason = SourceLost.STREAM_GONE.value
    for verb, failed in (("start", "START_FAILED"), ("start", "START_FAILED")):
        assert (await world.ask("POST", f"/v1/pipes/p/{verb}"))[0] == 200
        told = await world.settle()
        assert told is not None and (told["CurrentState"], told["StateReason"]) == (failed, world.reason)


async def test_a_pipe_halts_where_its_queue_denies_and_can_be_started_again() -> None:
    """X5."""
    queue = f"arn:aws:sqs:{HOME}:q"
    world = await World().running(Source=queue, SourceParameters=None)
    world.lose_source()
    told = await world.described()
    assert told is not None and (told["CurrentState"], told["DesiredState"]) == ("STOPPED", "RUNNING")
    assert told["StateReason"] == SourceLost.QUEUE_DENIED.value and not world.engine.enabled[ARN]
    world.engine.statuses[ARN] = world.engine.statuses[ARN]._replace(source_over=False)
    assert await world.state() == "STOPPED"
    assert (await world.ask("POST", "/v1/pipes/p/start"))[0] == 200
    assert await world.state() == "RUNNING"


async def test_a_pipe_halts_though_nobody_asks_for_it() -> None:
    """The engine says so; what it says of pipes that others have dealt with meanwhile is passed over."""
    world = await World().running()
    world.lose_source()
    world.pipes.source_over(ARN)
    world.pipes.source_over(ARN)
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.store.kept[ARN].state is PipeState.STOPPED and not world.engine.enabled[ARN]
    assert world.store.kept[ARN].reason == SourceLost.STREAM_GONE.value
    world.pipes.source_over(ARN.replace("pipe/p", "pipe/other"))
    await world.pipes.close()


async def test_whoever_looks_sees_that_a_pipe_halted() -> None:
    world = await World().running()
    world.lose_source()
    await world.pipes.look()
    assert [one.state for one in world.pipes] == [PipeState.STOPPED]


@pytest.mark.parametrize("member", ["Target", "Enrichment"])
@pytest.mark.parametrize("arn", [f"arn:aws:states:{HOME}:stateMachine:m", f"arn:aws:execute-api:{HOME}:a/prod/POST/x"])
async def test_what_nothing_here_runs_is_refused_by_its_name(member, arn) -> None:
    world = World()
    one = {"DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 1}}
    status, body = await world.ask("POST", "/v1/pipes/p", **{**BASE, "SourceParameters": one, member: arn})
    assert status == 400 and body["fieldList"][0]["name"] == member and "this address" in body["message"]


async def test_a_template_with_an_unknown_name_is_refused() -> None:
    """X40."""
    status, body = await World().ask(
        "POST", "/v1/pipes/p", **BASE, TargetParameters={"InputTemplate": '{"a": <aws.pipes.nothing>}'}
    )
    assert status == 400 and body["fieldList"][0]["name"] == "TargetParameters.InputTemplate"


async def test_pipes_are_listed_by_region() -> None:
    world = await World().running()
    status, body = await world.ask("GET", "/v1/pipes", "NamePrefix=p&CurrentState=RUNNING")
    assert (status, [one["Name"] for one in body["Pipes"]]) == (200, ["p"])
    assert body["Pipes"][0]["Target"] == QUEUE
    _, body = await world.ask("GET", "/v1/pipes", "CurrentState=STOPPED")
    assert body == {"Pipes": []}


async def test_tags_are_listed_added_and_taken_away() -> None:
    world = await World().running(Tags={"a": "1"})
    path = "/tags/" + quote(ARN, safe="")
    assert await world.ask("POST", path, tags={"b": "2"}) == (200, {})
    assert await world.ask("GET", path) == (200, {"tags": {"a": "1", "b": "2"}})
    assert await world.ask("DELETE", path, "tagKeys=a&tagKeys=zz") == (200, {})
    assert await world.ask("GET", path) == (200, {"tags": {"b": "2"}})
    assert world.store.kept[ARN].tags == {"b": "2"}
    assert (await world.ask("GET", path + "x"))[0] == 404


@pytest.mark.parametrize(
    "method, path",
    [("GET", "/v1/pipes/q"), ("PUT", "/v1/pipes/q"), ("DELETE", "/v1/pipes/q"), ("POST", "/v1/pipes/q/start")],
)
async def test_a_pipe_that_is_not_there_is_not_found(method, path) -> None:
    assert await World().ask(method, path, RoleArn=BASE["RoleArn"]) == (404, {"message": "Pipe q does not exist."})


async def test_another_call_is_none_of_pipes() -> None:
    status, body = await World().ask("PATCH", "/v1/pipes/q")
    assert status == 404 and "no call of pipes" in body["message"]


async def test_a_reset_forgets_all_even_a_pipe_that_is_just_looked_at() -> None:
    world = World()
    world.gate.clear()
    await world.create()
    await world.pipes.reset()
    world.gate.set()
    assert await world.settle() is None and world.engine.statuses == {} and world.store.kept == {}


# Over a restart


def stored(state: PipeState, **changes: object) -> PipeResource:
    settings = parse_create({**BASE, "Name": "p", **changes}, account=ACCOUNT, region=REGION)
    pipe = PipeResource(settings=settings, state=state, created_s=1.0, modified_s=2.0)
    return replace(pipe, reason="why" if state.endswith("FAILED") else None)


@pytest.mark.parametrize(
    "before, after, reads",
    [
        (PipeState.RUNNING, "RUNNING", True),
        (PipeState.CREATING, "RUNNING", True),
        (PipeState.STARTING, "RUNNING", True),
        (PipeState.UPDATING, "RUNNING", True),
        (PipeState.STOPPED, "STOPPED", False),
        (PipeState.CREATE_FAILED, "CREATE_FAILED", False),
        (PipeState.UPDATE_FAILED, "UPDATE_FAILED", False),
        (PipeState.DELETING, None, False),
    ],
)
async def test_a_stored_pipe_goes_on_as_it_was(before, after, reads) -> None:
    pipe = stored(before)
    world = World(Store({ARN: pipe}))
    await world.pipes.restore(pipe)
    assert await world.state() == after
    assert world.engine.enabled.get(ARN, False) == reads
    assert (ARN in world.store.kept) == (after is not None)


async def test_a_stored_pipe_that_was_stopping_is_stopped() -> None:
    pipe = stored(PipeState.STOPPING, DesiredState="STOPPED")
    world = World(Store({ARN: pipe}))
    await world.pipes.restore(pipe)
    assert await world.state() == "STOPPED"


async def test_a_pipe_that_halted_stays_so_and_one_that_rested_starts() -> None:
    """It is stopped though it is desired to run (X12)."""
    world = World()
    await world.pipes.restore(stored(PipeState.STOPPED))
    assert await world.state() == "STOPPED" and world.engine.statuses == {}
    await world.ask("POST", "/v1/pipes/p/start")
    assert await world.state() == "RUNNING"


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        (f"arn:aws:states:{HOME}:stateMachine:m", {}),
        (f"arn:aws:inspector:{HOME}:target/t/template/a", {}),
        (f"arn:aws:sagemaker:{HOME}:pipeline/p", {}),
        (f"arn:aws:batch:{HOME}:job-queue/q", {"BatchJobParameters": {"JobName": "j", "JobDefinition": "d"}}),
    ],
)
async def test_what_the_address_does_not_serve_is_refused_by_name(target: str, parameters: dict) -> None:
    status, body = await World().ask(
        "POST", "/v1/pipes/p", **{**BASE, "Target": target, "TargetParameters": parameters}
    )
    assert (status, body["fieldList"][0]["name"]) == (400, "Target")
    assert target in body["fieldList"][0]["message"] and "this address" in body["fieldList"][0]["message"]
