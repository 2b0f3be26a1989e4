"""Signed JSON calls against a real server: what is sent, what is checked, what becomes of a refusal."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from botocore.session import Session

from afterbay.aws.http import JsonCaller
from afterbay.core.shard.position import ShardId
from afterbay.errors import DeniedError, IteratorExpiredError, ServiceError, ThrottledError, UnavailableError
from afterbay.sources.http_streams import DESCRIBE_INTERVAL, HttpStreamsApi
from unit.aws.server import AnsweringServer, answering

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering() as made:
        yield made


def session() -> Session:
    made = Session()
    made.set_credentials("AKIDEXAMPLE", "secret", "token")
    return made


def a_caller(url: str, *, heard: list[datetime] | None = None, of: Session | None = None) -> JsonCaller:
    return JsonCaller(
        of or session(),
        endpoint=url,
        region="eu-west-1",
        signing_name="dynamodb",
        target="DynamoDBStreams_20120810",
        on_date=None if heard is None else heard.append,
    )


def call(server: AnsweringServer, *, heard: list[datetime] | None = None) -> bytes:
    async def work() -> bytes:
        caller = a_caller(server.url, heard=heard)
        try:
            return await caller.call("GetRecords", b'{"Limit":1}')
        finally:
            await caller.close()

    return asyncio.run(work())


def test_a_call_is_signed_and_names_its_operation(server: AnsweringServer) -> None:
    server.body = b'{"Records":[]}'
    assert call(server) == b'{"Records":[]}'
    ((headers, body),) = server.requests
    assert body == b'{"Limit":1}'
    assert headers["x-amz-target"] == "DynamoDBStreams_20120810.GetRecords"
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["x-amz-security-token"] == "token"
    scope = f"Credential=AKIDEXAMPLE/{headers['x-amz-date'][:8]}/eu-west-1/dynamodb/aws4_request"
    assert headers["authorization"].startswith(f"AWS4-HMAC-SHA256 {scope}")


def test_an_answer_that_matches_its_checksum_is_taken_and_another_is_not(server: AnsweringServer) -> None:
    server.answer_headers = {"x-amz-crc32": str(zlib.crc32(server.body))}
    assert call(server) == server.body
    server.answer_headers = {"x-amz-crc32": "1"}
    with pytest.raises(UnavailableError, match="checksum"):
        call(server)


def test_the_servers_time_is_told(server: AnsweringServer) -> None:
    server.answer_headers = {"Date": "Thu, 17 Sep 2026 12:30:51 GMT"}
    heard: list[datetime] = []
    call(server, heard=heard)
    assert heard == [datetime(2026, 9, 17, 12, 30, 51, tzinfo=UTC)]


@pytest.mark.parametrize("text", ["yesterday", ""])
def test_a_date_that_no_one_can_read_tells_nothing(server: AnsweringServer, text: str) -> None:
    server.answer_headers = {"Date": text}
    heard: list[datetime] = []
    call(server, heard=heard)
    assert heard == []


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (
            400,
            b'{"__type":"ns#ExpiredIteratorException","message":"old"}',
            IteratorExpiredError,
            "ExpiredIteratorException",
        ),
        (400, b'{"__type":"ThrottlingException","Message":"slow"}', ThrottledError, "ThrottlingException"),
        (502, b"<html>bad gateway</html>", UnavailableError, "HTTP502"),
        (403, b"", DeniedError, "HTTP403"),
        (302, b"{}", ServiceError, "HTTP302"),
    ],
)
def test_a_refusal_becomes_our_error(
    server: AnsweringServer, status: int, body: bytes, kind: type[ServiceError], code: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(ServiceError) as refused:
        call(server)
    assert (type(refused.value), refused.value.code) == (kind, code)


def test_a_server_that_is_not_there_is_named() -> None:
    with answering() as gone:
        url = gone.url

    async def work() -> None:
        caller = a_caller(url)
        try:
            await caller.call("GetRecords", b"{}")
        finally:
            await caller.close()

    with pytest.raises(UnavailableError, match=url):
        asyncio.run(work())


def test_a_proxy_of_the_environment_is_used_and_no_proxy_heeded(
    server: AnsweringServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(address: str) -> bytes:
        caller = a_caller(address)
        try:
            return await caller.call("GetRecords", b"{}")
        finally:
            await caller.close()

    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert asyncio.run(work("http://streams.invalid")) == server.body
    assert server.requests[0][0]["host"] == "streams.invalid"
    with answering() as direct:
        asyncio.run(work(direct.url))
        assert len(direct.requests) == 1
    assert len(server.requests) == 1


def test_without_credentials_nothing_is_sent(server: AnsweringServer) -> None:
    class NoCredentials(Session):
        def get_credentials(self) -> None:
            return None

    async def work() -> None:
        caller = a_caller(server.url, of=NoCredentials())
        try:
            await caller.call("GetRecords", b"{}")
        finally:
            await caller.close()

    with pytest.raises(DeniedError, match="AWS_ACCESS_KEY_ID"):
        asyncio.run(work())
    assert server.requests == []


class Steps:
    """A clock that is moved by sleeping."""

    def __init__(self) -> None:
        self.time = datetime(2026, 9, 17, tzinfo=UTC)
        self.slept_until: list[datetime] = []

    def now(self) -> datetime:
        return self.time

    async def sleep_until(self, when: datetime) -> None:
        self.slept_until.append(when)
        self.time = max(self.time, when)


def test_a_listing_is_read_and_paced_per_stream(server: AnsweringServer) -> None:
    server.body = (
        b'{"StreamDescription":{"StreamStatus":"ENABLED","LastEvaluatedShardId":"s2","Shards":['
        b'{"ShardId":"s1","SequenceNumberRange":{"StartingSequenceNumber":"1","EndingSequenceNumber":"2"}},'
        b'{"ShardId":"s2","ParentShardId":"s1","SequenceNumberRange":{"StartingSequenceNumber":"3"}}]}}'
    )
    clock = Steps()
    start = clock.now()

    async def work() -> None:
        caller = a_caller(server.url)
        api = HttpStreamsApi(caller, clock)
        try:
            page = await api.describe_stream(ARN)
            assert [(one.shard, one.parents, one.closed) for one in page.shards] == [
                ("s1", (), True),
                ("s2", ("s1",), False),
            ]
            assert (page.status, page.last) == ("ENABLED", "s2")
            assert clock.slept_until == []
            await api.describe_stream(ARN, after=ShardId("s2"), children_of=ShardId("s1"))
            assert clock.slept_until == [start + DESCRIBE_INTERVAL]
            await api.describe_stream(ARN + "-other")
            assert clock.slept_until == [start + DESCRIBE_INTERVAL]
        finally:
            await caller.close()

    asyncio.run(work())
    assert b'"ShardFilter":{"Type":"CHILD_SHARDS","ShardId":"s1"}' in server.requests[1][1]


def test_an_answer_of_another_kind_is_the_services_fault(server: AnsweringServer) -> None:
    async def work() -> None:
        caller = a_caller(server.url)
        try:
            await HttpStreamsApi(caller, Steps()).describe_stream(ARN)
        finally:
            await caller.close()

    with pytest.raises(UnavailableError, match="DescribeStream answered something else"):
        asyncio.run(work())
