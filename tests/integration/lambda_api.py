"""The Lambda API's service for tests, called as an SDK calls it, without HTTP."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

from afterbay.core.mapping.metrics import Datum
from afterbay.emulator.faults import FaultPlan
from afterbay.endpoint.protocol import Request, Response
from afterbay.endpoint.services.lambda_functions import LambdaFunctions
from afterbay.endpoint.services.lambda_registry import FunctionRegistry
from afterbay.engine.clock import Clock
from afterbay.errors import NotFoundError
from afterbay.functions.child import LaunchSettings
from afterbay.functions.logs import LogLine
from afterbay.functions.runtimes import Node, python_here

REGION = "eu-west-1"
ARN = f"arn:aws:lambda:{REGION}:000000000000:function:orders"
ROOT = "/2015-03-31/functions"
NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
OBJECTS = {("bucket", "code.zip"): "def handler(event, context): return 'from s3'\n"}


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


def layer_zip(**files: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(buffer.getvalue()).decode()


class Api:
    """The service, called as an SDK calls it."""

    def __init__(
        self, libraries: Path, *, node: Node | None = None, cache: Path | None = None, clock: Clock | None = None
    ) -> None:
        self.clock = clock
        self.faults = FaultPlan()
        self.metrics: list[Datum] = []
        self.lines: list[LogLine] = []
        launch = LaunchSettings(libraries=libraries, endpoint_url=None, client="bootstrap", node=node)
        self.registry = FunctionRegistry(
            launch=launch,
            log=self.lines.append,
            now=self.now,
            sleep_until=self.sleep_until,
            faults=self.faults,
            metrics=lambda data: self.metrics.extend(data),
            cache=cache,
        )
        self.service = LambdaFunctions(self.registry, fetch=self._fetch)

    def now(self) -> datetime:
        return NOW if self.clock is None else self.clock.now()

    async def sleep_until(self, when: datetime) -> None:
        assert self.clock is not None, "time stands still"
        await self.clock.sleep_until(when)

    async def _fetch(self, bucket: str, key: str, region: str) -> bytes:
        if (bucket, key) not in OBJECTS:
            raise NotFoundError("The specified key does not exist.", code="NoSuchKey")
        return zipped(app=OBJECTS[bucket, key])

    async def call(
        self, method: str, path: str, body: object = None, *, query: object = None, region: str = REGION, **headers: str
    ) -> Response:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.service(Request(method, path, urlencode(query or {}, doseq=True), named, content, region))

    async def create(self, name: str = "orders", code: str = "def handler(e, c): return e\n", **more: object):
        body = {
            "FunctionName": name,
            "Runtime": python_here(),
            "Handler": "app.handler",
            "Role": "arn:aws:iam::000000000000:role/any",
            "Code": {"ZipFile": base64.b64encode(zipped(app=code)).decode()},
            **more,
        }
        answer = await self.call("POST", ROOT, {name: value for name, value in body.items() if value is not None})
        return answer.status, json.loads(answer.body)

    async def invoke(self, body: object = None, name: str = "orders", **headers: str) -> Response:
        return await self.call("POST", f"{ROOT}/{quote(name, safe='')}/invocations", body, **headers)


def run_on_api(libraries: Path, test: Callable[[Api], Awaitable[object]], **settings) -> object:
    """Run a coroutine function on a service of its own, closed afterwards."""

    async def whole():
        api = Api(libraries, **settings)
        try:
            return await test(api)
        finally:
            await api.registry.close()

    return asyncio.run(whole())
