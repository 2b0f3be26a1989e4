"""A world for the mapping API: functions and streams that are there or not, and an engine that settles when told.

Requests are written by botocore's own serializer, so that what the service reads is what a client sends.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import botocore.serialize
import botocore.session

from afterbay.core.mapping.body import MappingStatus
from afterbay.core.mapping.lifecycle import LifecycleEvent, step, update_event
from afterbay.core.mapping.settings import MappingSettings
from afterbay.endpoint.protocol import Request, Response, error_response
from afterbay.endpoint.services.lambda_mappings import LambdaMappings
from afterbay.errors import DeniedError, EndpointError

REGION = "eu-west-1"
ACCOUNT = "000000000000"
FUNCTION = "orders-cdc"
STREAM = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders/stream/2026-01-02T03:04:05.678"
KINESIS_STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/clicks"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
UUID = "11111111-1111-4111-8111-111111111111"
OTHER_UUID = "22222222-2222-4222-8222-222222222222"

MODEL = botocore.session.get_session().get_service_model("lambda")
_SERIALIZER = botocore.serialize.create_serializer("rest-json", include_validation=False)


@dataclass
class Functions:
    """``names`` are there, each with any qualifier."""

    names: set[str] = field(default_factory=lambda: {FUNCTION})

    def exists(self, name_or_arn: str, region: str) -> str | None:
        plain = name_or_arn.split("function:")[-1].split(":")[0]
        return f"arn:aws:lambda:{region}:{ACCOUNT}:function:{plain}" if plain in self.names else None

    def timeout_s(self, name_or_arn: str, region: str) -> int | None:
        return None if self.exists(name_or_arn, region) is None else 30


@dataclass
class Streams:
    arns: set[str] = field(default_factory=lambda: {STREAM})
    denied: bool = False

    def exists(self, stream_arn: str) -> bool:
        if self.denied:
            raise DeniedError("no", code="AccessDeniedException")
        return stream_arn in self.arns


@dataclass
class KinesisStreams:
    arns: set[str] = field(default_factory=lambda: {KINESIS_STREAM})

    async def exists(self, stream_arn: str) -> bool:
        return stream_arn in self.arns


@dataclass
class Queues:
    """How long each of the queues hides a message."""

    hides_s: dict[str, float] = field(default_factory=lambda: {QUEUE: 30.0})

    async def visibility_s(self, queue_arn: str) -> float | None:
        return self.hides_s.get(queue_arn)


@dataclass
class Engine:
    """Moves through the lifecycle like the real one, but for the time it takes: ``settle_all`` is that."""

    statuses: dict[str, MappingStatus] = field(default_factory=dict)
    settings: dict[str, MappingSettings] = field(default_factory=dict)
    enabled: dict[str, bool] = field(default_factory=dict)

    async def create(self, uuid: str, settings: MappingSettings, *, enabled: bool) -> None:
        await asyncio.sleep(0)  # other requests get their turn meanwhile
        state = step(None, LifecycleEvent.CREATE)
        assert state is not None
        self.statuses[uuid], self.settings[uuid], self.enabled[uuid] = MappingStatus(state), settings, enabled

    async def update(self, uuid: str, settings: MappingSettings, *, enabled: bool | None) -> None:
        status = self.statuses[uuid]
        self._move(uuid, update_event(status.state, enabled=enabled))
        self.settings[uuid] = settings
        self.enabled[uuid] = self.enabled[uuid] if enabled is None else enabled

    async def delete(self, uuid: str) -> None:
        self._move(uuid, LifecycleEvent.DELETE)
        self.enabled[uuid] = False

    def describe(self, uuid: str) -> MappingStatus | None:
        return self.statuses.get(uuid)

    def settle_all(self) -> None:
        for uuid, status in list(self.statuses.items()):
            if status.state.settled:
                continue
            state = step(status.state, LifecycleEvent.STARTED if self.enabled[uuid] else LifecycleEvent.STOPPED)
            if state is None:
                del self.statuses[uuid]
            else:
                self.statuses[uuid] = status._replace(state=state)

    def _move(self, uuid: str, event: LifecycleEvent) -> None:
        state = step(self.statuses[uuid].state, event)
        assert state is not None
        self.statuses[uuid] = self.statuses[uuid]._replace(state=state)


class World:
    def __init__(self, now: datetime = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)) -> None:
        self.now = now
        self.functions, self.engine = Functions(), Engine()
        self.streams, self.kinesis, self.queues = Streams(), KinesisStreams(), Queues()
        self._uuids = iter([UUID, OTHER_UUID, *(f"{n:08d}-3333-4333-8333-333333333333" for n in range(1000))])
        self.service = LambdaMappings(
            functions=self.functions,
            streams=self.streams,
            kinesis=self.kinesis,
            queues=self.queues,
            engine=self.engine,
            now=lambda: self.now,
            new_uuid=lambda: next(self._uuids),
        )

    def call(self, operation: str, *, region: str = REGION, **params: Any) -> tuple[Response, Any]:
        """Send one request; the answer as it is on the wire, and its body read."""
        response = asyncio.run(self.answer(request(operation, params, region=region)))
        return response, json.loads(response.body) if response.body else None

    def ok(self, operation: str, *, region: str = REGION, **params: Any) -> Any:
        response, body = self.call(operation, region=region, **params)
        assert response.status < 300, body
        return body

    def refused(self, operation: str, *, region: str = REGION, **params: Any) -> tuple[str, str]:
        """The code and the text of an error."""
        response, body = self.call(operation, region=region, **params)
        assert response.status >= 400, body
        return response.headers["x-amzn-errortype"], body.get("message") or body["Message"]

    def create(self, **params: Any) -> Any:
        wanted = {"FunctionName": FUNCTION, "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON", **params}
        body = self.ok("CreateEventSourceMapping", **wanted)
        self.engine.settle_all()
        return body

    async def answer(self, sent: Request) -> Response:
        try:
            return await self.service(sent)
        except EndpointError as error:
            return error_response(error, "rest-json")


def request(operation: str, params: Mapping[str, Any], *, region: str = REGION) -> Request:
    """The request that a client of AWS's sends for ``operation``."""
    made = _SERIALIZER.serialize_to_request(dict(params), MODEL.operation_model(operation))
    query = "&".join(f"{key}={one}" for key, value in made["query_string"].items() for one in _listed(value))
    body = made["body"] if isinstance(made["body"], bytes) else str(made["body"] or "").encode()
    return Request(
        method=made["method"], path=made["url_path"].split("?")[0], query=query, headers={}, body=body, region=region
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
