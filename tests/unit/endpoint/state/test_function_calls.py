"""Which calls of the Lambda API are kept, with what they fetched, and how they are made again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from afterbay.endpoint.protocol import Request, Response, json_object
from afterbay.endpoint.state.calls import CallLog
from afterbay.endpoint.state.function_calls import SERVICE, FunctionCalls
from afterbay.endpoint.state.state import State
from afterbay.errors import EndpointError

NOW = datetime(2026, 1, 5, 10, 11, 12, 345678, UTC)
ROOT = "/2015-03-31/functions"


def request(method: str, path: str, query: str = "", **members: object) -> Request:
    return Request(method, path, query, {}, msgspec.json.encode(members) if members else b"", "eu-west-1")


@dataclass
class Service:
    """Notes what it is asked and at which time; reads an object where the call has one; refuses what is refused."""

    calls: FunctionCalls
    stored: bytes = b"zip"
    asked: list[tuple[str, datetime, bytes]] = field(default_factory=list)

    async def __call__(self, one: Request) -> Response:
        members = json_object(one.body)
        if members.get("refused"):
            raise EndpointError("InvalidParameterValueException", "no")
        content = b""
        if "S3Key" in members:
            content = await self.calls.remembering(self._fetch)("bucket", "key", one.region)
        await asyncio.sleep(0)
        self.asked.append((f"{one.method} {one.path}", self.calls.now(), content))
        if "RevisionId" in members:
            self.asked.append(("condition", self.calls.now(), b""))
        return Response(200)

    async def _fetch(self, bucket: str, key: str, region: str) -> bytes:
        return self.stored


class World:
    """A clock that moves with each look at it, and a state."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.time = NOW

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def run(self, work: Callable[[FunctionCalls, Service, State], Awaitable[None]]) -> Service:
        async def run() -> Service:
            state = State(self.path)
            state.start()
            calls = FunctionCalls(state, self.now)
            service = Service(calls)
            try:
                await work(calls, service, state)
            finally:
                await state.close()
            return service

        return asyncio.run(run())

    def ask(self, *requests: Request) -> Service:
        async def work(calls: FunctionCalls, service: Service, state: State) -> None:
            for one in requests:
                await calls.around(one, service)

        return self.run(work)

    def again(self, stored: bytes = b"another zip") -> Service:
        async def work(calls: FunctionCalls, service: Service, state: State) -> None:
            service.stored = stored
            await calls.restore(CallLog(state).of(SERVICE), service)
            assert calls.now() == self.time, "the clock goes on"

        return self.run(work)


def test_calls_are_made_again_in_order_at_their_times_with_what_they_fetched(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    first = world.ask(
        request("POST", ROOT, FunctionName="f", S3Key="key"),
        request("POST", "/2018-10-31/layers/l/versions", Content={}),
        request("POST", f"{ROOT}/f/aliases", Name="live"),
        request(
            "POST", "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Af", Tags={"a": "b"}
        ),
    )
    assert first.asked[0][2] == b"zip"
    assert world.again().asked == first.asked


def test_questions_invocations_refusals_and_dry_runs_are_not_kept(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    world.ask(
        request("GET", f"{ROOT}/f"),
        request("POST", f"{ROOT}/f/invocations", payload=1),
        request("PUT", f"{ROOT}/f/code", ZipFile="x", DryRun=True),
    )

    async def refused(calls: FunctionCalls, service: Service, state: State) -> None:
        try:
            await calls.around(request("POST", ROOT, FunctionName="f", refused=True), service)
        except EndpointError:
            return
        raise AssertionError("it was refused")

    world.run(refused)
    assert world.again().asked == []


def test_a_deleted_function_is_forgotten_and_a_deleted_version_is_not(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    world.ask(
        request("POST", ROOT, FunctionName="f"),
        request("POST", f"{ROOT}/f/versions"),
        request("DELETE", f"{ROOT}/f", "Qualifier=1"),
        request("POST", ROOT, FunctionName="g"),
        request("DELETE", f"{ROOT}/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Ag"),
    )
    assert [what for what, _, _ in world.again().asked] == [
        f"POST {ROOT}",
        f"POST {ROOT}/f/versions",
        f"DELETE {ROOT}/f",
    ]


def test_only_the_last_code_is_kept_unless_a_version_is_of_it(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    code = [request("PUT", f"{ROOT}/f/code", ZipFile=str(n)) for n in range(5)]
    world.ask(code[0], code[1], request("POST", f"{ROOT}/f/versions"), code[2], code[3])
    assert [what for what, _, _ in world.again().asked] == [
        f"PUT {ROOT}/f/code",
        f"POST {ROOT}/f/versions",
        f"PUT {ROOT}/f/code",
    ]
    world.ask(request("PUT", f"{ROOT}/f/code", ZipFile="published", Publish=True), code[4])
    assert len(world.again().asked) == 5


def test_a_condition_on_a_revision_is_met_once_and_for_all(tmp_path: Path) -> None:
    world = World(tmp_path / "state")
    assert "condition" in [what for what, _, _ in world.ask(request("PUT", f"{ROOT}/f/code", RevisionId="1")).asked]
    assert [what for what, _, _ in world.again().asked] == [f"PUT {ROOT}/f/code"]


def test_a_call_that_fails_now_is_told_and_the_others_are_made(tmp_path: Path, caplog) -> None:
    world = World(tmp_path / "state")
    world.ask(request("POST", ROOT, FunctionName="f"), request("POST", ROOT, FunctionName="g"))

    async def stricter(calls: FunctionCalls, service: Service, state: State) -> None:
        async def refusing(one: Request) -> Response:
            if json_object(one.body)["FunctionName"] == "f":
                raise EndpointError("InvalidParameterValueException", "not any more")
            return await service(one)

        await calls.restore(CallLog(state).of(SERVICE), refusing)

    assert len(world.run(stricter).asked) == 1
    (told,) = caplog.records
    assert vars(told)["answer"] == "not any more"
