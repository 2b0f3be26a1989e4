"""API destinations over HTTP: credentials, rates, tokens, and what each failure is (B52, B54, B68, X56)."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from afterbay.core.bus.connection import Connection, Connections, ConnectionState
from afterbay.core.bus.destination import ApiDestinations
from afterbay.core.bus.names import Home
from afterbay.core.target.call import Answered, DestinationCall, Fault, Refused
from afterbay.engine.clock import Clock
from afterbay.errors import NotFoundError
from afterbay.targets import destination
from afterbay.targets.destination import ANSWER_BYTES_MAX, DestinationCaller
from unit.engine.bus_rig import StillClock
from unit.targets.server import Seen, Server, Told, serving

HOME = Home("000000000000", "eu-west-1")
API_KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "key-1"}}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


class World:
    """One connection and one destination, and what calls them."""

    def __init__(self, server: Server, clock: Clock | None = None) -> None:
        self.server = server
        self.clock = clock or Clock()
        self.connections = Connections(HOME)
        self.destinations = ApiDestinations(HOME, self.connections)
        self.heard: list[bool] = []
        self.caller = DestinationCaller(self._find, self.clock, authorized=self._authorized)
        self.arn = ""

    def _find(self, arn: str):
        found = self.destinations.find(arn)
        connection = None if found is None else self.connections.find(found.connection_arn)
        return None if found is None or connection is None else (found, connection)

    def _authorized(self, connection: Connection, token: bool) -> None:
        self.heard.append(token)
        self.connections.authorized(connection.name, now=self.clock.now(), token=token)

    @property
    def connection(self) -> Connection:
        (connection,) = self.connections.saved()
        return connection

    def make(self, kind: str = "API_KEY", auth: dict[str, Any] | None = None, name: str = "d", **more: Any) -> None:
        now = self.clock.now()
        params = {"Name": f"c{name}", "AuthorizationType": kind, "AuthParameters": auth or API_KEY}
        made = self.connections.create(params, ids=("1", "2"), now=now)
        settings = {"InvocationEndpoint": f"{self.server.url}/in", "HttpMethod": "POST", **more}
        params = {"Name": name, "ConnectionArn": made["ConnectionArn"], **settings}
        self.arn = str(self.destinations.create(params, new_id="3", now=now)["ApiDestinationArn"])

    def oauth(self, method: str = "POST", **more: Any) -> None:
        client = {"ClientID": "me", "ClientSecret": "hush"}
        endpoint = f"{self.server.url}/token"
        group = {"ClientParameters": client, "AuthorizationEndpoint": endpoint, "HttpMethod": method}
        self.make("OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": group}, **more)

    async def call(self, *path_values: str, body: bytes = b'{"a":1}', query=None, headers=None):
        return await self.caller(DestinationCall(self.arn, path_values, headers or {}, query or {}, body))


@pytest.fixture
async def world(server: Server) -> AsyncIterator[World]:
    world = World(server)
    yield world
    await world.caller.close()


def tokens(server: Server, *, expires_in: object = 3600) -> list[str]:
    """Have the server give out a new token each time; what it gave out."""
    given: list[str] = []

    def answers(seen: Seen) -> Told:
        if not seen.path.startswith("/token"):
            return Told()
        given.append(f"t{len(given) + 1}")
        return Told(body=json.dumps({"access_token": given[-1], "expires_in": expires_in}).encode())

    server.answers = answers
    return given


async def test_an_api_key_is_a_header(world: World) -> None:
    world.make()
    world.server.answers = lambda seen: Told(201, b'{"ok":true}')
    assert await world.call() == Answered(b'{"ok":true}', status=201)
    (seen,) = world.server.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/in", b'{"a":1}')
    assert seen.headers["x-key"] == "key-1"
    assert seen.headers["content-type"] == "application/json; charset=utf-8"


async def test_basic_credentials_are_encoded(world: World) -> None:
    world.make("BASIC", {"BasicAuthParameters": {"Username": "me", "Password": "hush"}})
    await world.call()
    assert world.server.seen[0].headers["authorization"] == "Basic bWU6aHVzaA=="


async def test_the_connections_values_win_over_the_targets(world: World) -> None:
    """B68."""
    invocation = {
        "HeaderParameters": [{"Key": "X-One", "Value": "connection"}],
        "QueryStringParameters": [{"Key": "q", "Value": "connection"}],
        "BodyParameters": [{"Key": "b", "Value": "connection"}],
    }
    world.make(auth={**API_KEY, "InvocationHttpParameters": invocation})
    headers = {"x-one": "target", "X-Key": "target", "X-Two": "target", "User-Agent": "target"}
    await world.call(headers=headers, query={"q": "target", "r": "a b"}, body=b'{"b":"event","n":1}')
    (seen,) = world.server.seen
    told = {name: seen.headers[name] for name in ("x-one", "x-two", "x-key", "user-agent")}
    assert told == {"x-one": "connection", "x-two": "target", "x-key": "key-1", "user-agent": "target"}
    assert seen.path == "/in?q=connection&r=a%20b"
    assert json.loads(seen.body) == {"b": "connection", "n": 1}


async def test_path_values_fill_the_stars_in_order(world: World) -> None:
    world.make(InvocationEndpoint=f"{world.server.url}/a/*/b/*", HttpMethod="PUT")
    await world.call("é/1", "x*\ud800")
    (seen,) = world.server.seen
    assert (seen.method, seen.path) == ("PUT", "/a/%C3%A9%2F1/b/x%2A%3F")


async def test_a_header_may_hold_any_text_of_an_event(world: World) -> None:
    world.make()
    assert isinstance(await world.call(headers={"X-Name": "Zoë"}), Answered)
    assert world.server.seen[0].headers["x-name"].encode("latin-1").decode() == "Zoë"


async def test_a_header_that_breaks_the_line_is_not_sent_and_not_tried_again(world: World) -> None:
    world.make()
    reply = await world.call(headers={"X-Name": "a\r\nX-Key: b"})
    assert isinstance(reply, Refused)
    assert (reply.fault, reply.status, world.server.seen) == (Fault.REFUSED, 0, [])


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_token_is_fetched_once_for_all_calls(world: World, method: str) -> None:
    given = tokens(world.server)
    world.oauth(method)
    assert all(isinstance(one, Answered) for one in await asyncio.gather(*(world.call() for _ in range(8))))
    assert isinstance(await world.call(), Answered)
    assert given == ["t1"]
    assert {one.headers["authorization"] for one in world.server.of("/in")} == {"Bearer t1"}
    asked = next(one for one in world.server.seen if one.path.startswith("/token"))
    form = asked.body.decode() if method == "POST" else asked.path.partition("?")[2]
    assert (asked.method, form) == (method, "grant_type=client_credentials&client_id=me&client_secret=hush")
    assert world.heard == [True]
    assert world.connection.usable


@pytest.mark.parametrize("status", [401, 407])
async def test_a_refused_token_is_dropped_and_the_next_call_fetches_another(world: World, status: int) -> None:
    given = tokens(world.server)
    fetch = world.server.answers
    world.server.answers = lambda seen: (
        Told(status) if seen.headers.get("authorization") == "Bearer t1" else fetch(seen)
    )
    world.oauth()
    refused = await world.call()
    assert isinstance(refused, Refused)
    assert refused.fault is Fault.TOKEN_REFUSED
    assert isinstance(await world.call(), Answered)
    assert given == ["t1", "t2"]


async def test_a_401_without_a_token_is_final(world: World) -> None:
    world.make()
    world.server.answers = lambda seen: Told(401)
    reply = await world.call()
    assert isinstance(reply, Refused)
    assert (reply.fault, reply.status) == (Fault.REFUSED, 401)


async def test_a_token_that_is_over_is_fetched_anew(world: World) -> None:
    given = tokens(world.server, expires_in="60")
    world.oauth()
    await world.call()
    await world.clock.advance(59)
    await world.call()
    assert given == ["t1"]
    await world.clock.advance(2)
    await world.call()
    assert given == ["t1", "t2"]


@pytest.mark.parametrize("expires_in", [1e300, -5, None])
async def test_a_token_may_say_any_time(world: World, expires_in: object) -> None:
    tokens(world.server, expires_in=expires_in)
    world.oauth()
    assert isinstance(await world.call(), Answered)


async def test_other_credentials_want_another_token(world: World) -> None:
    given = tokens(world.server)
    world.oauth()
    await world.call()
    client = {"OAuthParameters": {"ClientParameters": {"ClientID": "you", "ClientSecret": "hush"}}}
    world.connections.update({"Name": "cd", "AuthParameters": client}, now=world.clock.now())
    assert not world.connection.usable
    await world.caller.fetch_token(world.connection)
    assert world.connection.usable
    await world.call()
    assert given == ["t1", "t2"]
    assert world.server.of("/in")[-1].headers["authorization"] == "Bearer t2"


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (Told(400), Fault.REFUSED),
        (Told(503), Fault.UNAVAILABLE),
        (Told(200, b"{}"), Fault.DENIED),
        (Told(200, b"no json"), Fault.DENIED),
    ],
)
async def test_without_a_token_nothing_is_called(world: World, told: Told, fault: Fault) -> None:
    world.server.answers = lambda seen: told
    world.oauth()
    reply = await world.call()
    assert isinstance(reply, Refused)
    assert reply.fault is fault
    assert world.server.of("/in") == []
    assert world.heard == [False]
    assert "hush" not in reply.message


async def test_a_deauthorized_connection_calls_nobody(world: World) -> None:
    world.make()
    world.connections.deauthorize({"Name": "cd"}, now=world.clock.now())
    reply = await world.call()
    assert isinstance(reply, Refused)
    assert (reply.fault, world.server.seen) == (Fault.DENIED, [])


async def test_no_more_calls_a_second_than_the_rate(server: Server) -> None:
    """B54: what is too much waits, by the address's clock."""
    world = World(server, StillClock())
    world.make(InvocationRateLimitPerSecond=2)
    calls = [asyncio.create_task(world.call()) for _ in range(5)]
    for let_through in (2, 4, 5):
        while sum(call.done() for call in calls) < let_through:
            await asyncio.wait([call for call in calls if not call.done()], return_when=asyncio.FIRST_COMPLETED)
        assert len(server.seen) == let_through
        await world.clock.advance(1.0)
    await world.caller.close()


async def test_a_call_whose_turn_does_not_come_in_time_is_not_made(server: Server) -> None:
    """B54: what waits may outlive its event's age."""
    world = World(server, StillClock())
    world.make(InvocationRateLimitPerSecond=1)
    until_s = world.clock.now().timestamp() + 2
    made = DestinationCall(world.arn, (), {}, {}, b"{}", until_s=until_s)
    calls = [asyncio.create_task(world.caller(made)) for _ in range(4)]
    for let_through in (1, 2):
        while sum(call.done() for call in calls) < let_through:
            await asyncio.wait([call for call in calls if not call.done()], return_when=asyncio.FIRST_COMPLETED)
        await world.clock.advance(1.0)
    late = [reply for reply in await asyncio.gather(*calls) if isinstance(reply, Refused)]
    assert [reply.fault for reply in late] == [Fault.TOO_LATE] * 2
    assert len(server.seen) == 2
    await world.caller.close()


async def test_a_server_that_is_slow_times_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destination, "HTTP_TIMEOUT_S", 0.1)
    free = threading.Event()
    world.server.answers = lambda seen: Told(after=free)
    world.make()
    try:
        reply = await world.call()
    finally:
        free.set()
    assert isinstance(reply, Refused)
    assert reply.fault is Fault.TIMED_OUT


async def test_a_slow_destination_keeps_no_other_waiting(world: World) -> None:
    free = threading.Event()
    world.server.answers = lambda seen: Told(after=free if seen.path == "/slow" else None)
    world.make(name="slow", InvocationEndpoint=f"{world.server.url}/slow")
    slow = [asyncio.create_task(world.call()) for _ in range(destination.CONNECTIONS_MAX + 1)]
    world.make(name="quick")
    try:
        assert isinstance(await world.call(), Answered)
        assert not any(one.done() for one in slow)
    finally:
        free.set()
        await asyncio.gather(*slow)


async def test_a_port_that_nobody_listens_on_is_not_connected(world: World) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        world.make(InvocationEndpoint=f"http://127.0.0.1:{taken.getsockname()[1]}/")
        reply = await world.call()
    assert isinstance(reply, Refused)
    assert reply.fault is Fault.NOT_CONNECTED


async def test_a_host_that_nobody_knows_is_final(world: World) -> None:
    world.make(InvocationEndpoint="https://nobody.invalid/")
    reply = await world.call()
    assert isinstance(reply, Refused)
    assert reply.fault is Fault.NO_SUCH_HOST


@pytest.mark.parametrize("host", ["nobody.example:99999", "nobody.example:port", "nobody.example:-1"])
async def test_an_address_that_is_none_is_final(world: World, host: str) -> None:
    """B52: a bad address goes straight to the dead letters."""
    world.make(InvocationEndpoint=f"https://{host}/")
    reply = await world.call()
    assert isinstance(reply, Refused)
    assert reply.fault is Fault.NO_SUCH_HOST


async def test_a_token_endpoint_whose_address_is_none_gives_no_token(world: World) -> None:
    client = {"ClientID": "me", "ClientSecret": "hush"}
    group = {"ClientParameters": client, "AuthorizationEndpoint": "https://nobody.example:99999/", "HttpMethod": "POST"}
    world.make("OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": group})
    await world.caller.fetch_token(world.connection)
    assert (world.heard, world.connection.state) == ([False], ConnectionState.DEAUTHORIZED)


@pytest.mark.parametrize(
    ("status", "fault"),
    [(429, Fault.THROTTLED), (500, Fault.UNAVAILABLE), (400, Fault.REFUSED), (302, Fault.REFUSED)],
)
async def test_statuses_are_told_and_redirects_not_followed(world: World, status: int, fault: Fault) -> None:
    world.make()
    headers = {"Retry-After": "7", "Location": f"{world.server.url}/elsewhere"}
    world.server.answers = lambda seen: Told(status, b"why", headers)
    reply = await world.call()
    assert isinstance(reply, Refused)
    assert (reply.fault, reply.status, reply.retry_after_s, reply.payload) == (fault, status, 7.0, b"why")
    assert len(world.server.seen) == 1


@pytest.mark.parametrize(
    ("encoding", "body", "read"),
    [
        ("gzip", gzip.compress(b'{"a":1}', mtime=0), b'{"a":1}'),
        ("GZIP", gzip.compress(b'{"a":1}', mtime=0), b'{"a":1}'),
        ("deflate", zlib.compress(b'{"a":1}'), b'{"a":1}'),
        ("gzip", b"not at all", b"not at all"),
        ("br", b"as it came", b"as it came"),
    ],
)
async def test_packed_answers_are_unpacked(world: World, encoding: str, body: bytes, read: bytes) -> None:
    world.make()
    world.server.answers = lambda seen: Told(200, body, {"Content-Encoding": encoding})
    assert await world.call() == Answered(read)
    assert world.server.seen[0].headers["accept-encoding"] == "gzip,deflate"


@pytest.mark.parametrize("packed", [True, False])
async def test_of_an_answer_that_is_too_long_just_that_is_seen(world: World, packed: bool) -> None:
    world.make()
    body = bytes(ANSWER_BYTES_MAX + 1000)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    world.server.answers = lambda seen: Told(200, gzip.compress(body) if packed else body, headers)
    reply = await world.call()
    assert isinstance(reply, Answered)
    assert len(reply.payload) == ANSWER_BYTES_MAX


async def test_a_destination_that_is_gone_is_not_found(world: World) -> None:
    world.make()
    world.destinations.delete({"Name": "d"})
    with pytest.raises(NotFoundError):
        await world.call()
