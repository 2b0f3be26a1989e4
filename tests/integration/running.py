"""A local address inside the test process, on a thread of its own, and AWS's own clients on it."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import boto3
from botocore.config import Config

from afterbay.endpoint.address import Address
from afterbay.endpoint.protocol import Request, Response
from afterbay.engine.clock import Clock
from afterbay.errors import AfterbayError

REGION = "eu-west-1"
VIEW = "NEW_AND_OLD_IMAGES"


class Running:
    """``address`` belongs to the thread's loop: use ``on_loop`` to touch it."""

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self.address = address
        self.url = address.url
        self._loop = loop
        self._clients = ExitStack()
        self._made: dict[tuple[str, str], object] = {}

    def client(self, service: str, region: str = REGION):
        if (service, region) not in self._made:
            session = boto3.Session(aws_access_key_id="any", aws_secret_access_key="thing", region_name=region)
            config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=30)
            made = session.client(service, endpoint_url=self.url, config=config)
            self._clients.callback(made.close)
            self._made[service, region] = made
        return self._made[service, region]

    def call(self, path: str, method: str = "GET", body: object = None) -> tuple[int, dict]:
        """One of the address's own calls: status and answer."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_afterbay/{path}", data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def dynamodb(self, operation: str, members: object) -> Response:
        """The address's answer to a request as it stands: what no SDK would send, too."""
        return self.json("dynamodb", f"DynamoDB_20120810.{operation}", json.dumps(members).encode())

    def json(self, service: str, target: str, body: bytes) -> Response:
        """The same of any service of a JSON protocol."""
        scope = f"any/20260101/{REGION}/{service}/aws4_request"
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": target,
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=x",
        }
        return self.on_loop(self.address.handle(Request("POST", "/", "", headers, body, "")))

    def on_loop(self, work):
        """The result of a coroutine run on the address's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def table(self, *, view: str | None = VIEW, key: dict[str, str] | None = None, **more) -> str:
        """Make a table; ``key`` is role -> name or role -> name:TYPE, ``view`` None for no stream. Its name."""
        names = {role: name.partition(":") for role, name in (key or {"HASH": "pk"}).items()}
        name = "t-" + uuid.uuid4().hex[:10]
        if view is not None:
            more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
        if "BillingMode" not in more:
            more |= {
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
            }
        self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": one[0], "KeyType": role} for role, one in names.items()],
            AttributeDefinitions=[{"AttributeName": one[0], "AttributeType": one[2] or "S"} for one in names.values()],
            **more,
        )
        return name

    def stream(self, table: str) -> str:
        return self.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]

    def shards(self, stream: str) -> list[dict]:
        return self.client("dynamodbstreams").describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]

    def iterator(self, stream: str, shard: str, kind: str = "TRIM_HORIZON", **more) -> str:
        return self.client("dynamodbstreams").get_shard_iterator(
            StreamArn=stream, ShardId=shard, ShardIteratorType=kind, **more
        )["ShardIterator"]

    def read(self, iterator: str, **more) -> dict:
        return self.client("dynamodbstreams").get_records(ShardIterator=iterator, **more)

    def records(self, stream: str) -> list[dict]:
        """Every record that the stream has now, parents before children."""
        found = []
        for shard in self.shards(stream):
            iterator: str | None = self.iterator(stream, shard["ShardId"])
            while iterator is not None:
                page = self.read(iterator)
                found += page["Records"]
                iterator = page.get("NextShardIterator") if page["Records"] else None
        return found

    def close(self) -> None:
        self._clients.close()


@contextmanager
def running_address() -> Iterator[Running]:
    """An address on a free port, ready, until the block ends."""
    up: list[tuple[Address, asyncio.AbstractEventLoop, asyncio.Event]] = []
    started = threading.Event()
    failed: list[BaseException] = []

    async def serve() -> None:
        stop = asyncio.Event()
        async with Address("127.0.0.1", 0, Clock()) as address:
            address.mark_ready()
            up.append((address, asyncio.get_running_loop(), stop))
            started.set()
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except (AfterbayError, OSError) as error:
            failed.append(error)
            started.set()

    thread = threading.Thread(target=run, name="address")
    thread.start()
    started.wait()
    if not up:
        thread.join()
        raise failed[0]
    address, loop, stop = up[0]
    running = Running(address, loop)
    try:
        yield running
    finally:
        running.close()
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        if failed:
            raise failed[0]
