"""Event source mappings of the Lambda API: create, get, list, update, delete, and their tags (R26 to R37).

Decides what a request is answered. What parameters mean is ``core.mapping.settings``'s, which state takes which request
``core.mapping.lifecycle``'s, and the polling the engine's.
"""

from __future__ import annotations

import asyncio
import uuid as uuids
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs

from afterbay.core.change.arn import parse_arn, parse_function_name
from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.body import MappingStatus, mapping_arn, mapping_body
from afterbay.core.mapping.constraints import Range, check_model, validation_error
from afterbay.core.mapping.lifecycle import LifecycleEvent, State, step, update_event
from afterbay.core.mapping.settings import (
    TAGS_MAX,
    MappingSettings,
    check_starting_moment,
    parse_create,
    parse_tags,
    parse_update,
    update_members,
)
from afterbay.endpoint.protocol import Request, Response, json_object, json_response
from afterbay.endpoint.services.mapping_registry import MappingDefinition, MappingRegistry
from afterbay.errors import DeniedError, EndpointError, SettingsError

__all__ = ["Functions", "KinesisStreams", "LambdaMappings", "MappingEngine", "Queues", "Streams"]

_PAGE_MAX = 100  # R35: a page is never longer, whatever MaxItems says
_MAX_ITEMS = Range("MaxItems", 1, 10_000)
_NO_CONTENT = Response(status=HTTPStatus.NO_CONTENT)


class Functions(Protocol):
    """The functions of the address."""

    def exists(self, name_or_arn: str, region: str) -> str | None:
        """The ARN of the function that any of R2's forms names, or None."""
        ...

    def timeout_s(self, name_or_arn: str, region: str) -> int | None:
        """How long an invocation may take, or None where there is no such function."""
        ...


class Streams(Protocol):
    """The table streams of the address."""

    def exists(self, stream_arn: str) -> bool:
        """Raises ``DeniedError`` where the stream may not be read (E3)."""
        ...


class KinesisStreams(Protocol):
    """The Kinesis streams of the address."""

    async def exists(self, stream_arn: str) -> bool: ...


class Queues(Protocol):
    """The queues of the address."""

    async def visibility_s(self, queue_arn: str) -> float | None:
        """How long a received message stays hidden; None: there is no such queue."""
        ...


class MappingEngine(Protocol):
    """What runs the mappings. A call returns once the engine knows, not once the mapping has settled."""

    async def create(self, uuid: str, settings: MappingSettings, *, enabled: bool) -> None: ...

    async def update(self, uuid: str, settings: MappingSettings, *, enabled: bool | None) -> None:
        """Go on with ``settings`` from the checkpoint (R38); ``enabled`` None leaves that as it is.

        ``lifecycle.update_event`` says which event this is: a mapping that is Enabled may be told ``enabled`` again.
        """
        ...

    async def delete(self, uuid: str) -> None: ...

    def describe(self, uuid: str) -> MappingStatus | None:
        """What the mapping is doing now; None once it is gone."""
        ...


class LambdaMappings:
    """The service: ``await mappings(request)``.

    Requests that change something go one after another, so that no two find the same source and function free (E17) or
    move one mapping from the same state.
    """

    def __init__(
        self,
        *,
        functions: Functions,
        streams: Streams,
        kinesis: KinesisStreams,
        queues: Queues,
        engine: MappingEngine,
        now: Callable[[], datetime],
        registry: MappingRegistry | None = None,
        new_uuid: Callable[[], str] = lambda: str(uuids.uuid4()),
    ) -> None:
        self.registry = MappingRegistry() if registry is None else registry
        self._functions = functions
        self._streams = streams
        self._kinesis = kinesis
        self._queues = queues
        self._engine = engine
        self._now = now
        self._new_uuid = new_uuid
        self._changing = asyncio.Lock()

    @staticmethod
    def owns(request: Request) -> bool:
        """True for the calls of this service; the tags of functions, under the same path, are not."""
        path = request.segments
        if path[:2] == ("2017-03-31", "tags"):
            return len(path) > 2 and ":event-source-mapping:" in path[2]
        return path[:2] == ("2015-03-31", "event-source-mappings")

    async def __call__(self, request: Request) -> Response:
        """Answer one request. Raises ``EndpointError`` with AWS's code, text and status."""
        try:
            return await self._route(request)
        except SettingsError as error:
            raise EndpointError(error.code, error.message) from error

    async def _route(self, request: Request) -> Response:
        service, rest = request.segments[:2], request.segments[2:]
        match request.method, service, rest:
            case "POST", ("2015-03-31", "event-source-mappings"), ():
                return await self._create(request)
            case "GET", ("2015-03-31", "event-source-mappings"), ():
                return self._list(request)
            case "GET", ("2015-03-31", "event-source-mappings"), (uuid,):
                return self._get(uuid, request.region)
            case "PUT", ("2015-03-31", "event-source-mappings"), (uuid,):
                return await self._update(uuid, request)
            case "DELETE", ("2015-03-31", "event-source-mappings"), (uuid,):
                return await self._delete(uuid, request.region)
            case "GET", ("2017-03-31", "tags"), (arn,):
                return json_response({"Tags": self._tagged(arn, request.region).tags})
            case "POST", ("2017-03-31", "tags"), (arn,):
                return self._tag(self._tagged(arn, request.region), request)
            case "DELETE", ("2017-03-31", "tags"), (arn,):
                return self._untag(self._tagged(arn, request.region), request)
            case _:
                raise EndpointError(
                    "UnknownOperationException",
                    f"{request.method} {request.path} is no call of event source mappings",
                    status=HTTPStatus.NOT_FOUND,
                )

    async def _create(self, request: Request) -> Response:
        """Rules: R25 the source is recognised before the function is looked up, R27 the answer says Creating."""
        wanted = parse_create(json_object(request.body))
        settings = wanted.resolved(self._function_arn(wanted.function_name, request.region))
        check_starting_moment(settings, self._now())
        await self._check_source(settings, request.region)
        async with self._changing:
            self._check_unique(settings, request.region)
            uuid = self._new_uuid()
            await self._engine.create(uuid, settings, enabled=wanted.enabled)
            made = self.registry.add(uuid, request.region, settings, self._now(), wanted.tags, enabled=wanted.enabled)
        at_once = settings.kind is SourceKind.QUEUE and not wanted.enabled  # R27
        status = MappingStatus(State.DISABLED if at_once else State.CREATING)
        return _answer(made, status, exact=True, status_code=HTTPStatus.ACCEPTED)

    def _get(self, uuid: str, region: str) -> Response:
        """Rules: R34 nobody asks whether the function and the table are still there."""
        return _answer(*self._found(uuid, region), exact=False)

    def _list(self, request: Request) -> Response:
        """Rules: R17 encrypted filters are not shown, R35 unknown values give an empty list, NextMarker only where more
        exist."""
        asked = request.parameters
        most = _page_size(asked.get("MaxItems"))
        name = asked.get("FunctionName")
        check_model({"FunctionName": name})
        try:
            function = None if name is None else parse_function_name(name)
        except SettingsError:  # the model lets it pass, and nothing can have it
            return json_response({"EventSourceMappings": []})
        after = asked.get("Marker", "0")
        if not (after.isascii() and after.isdigit()):
            raise SettingsError(f"Marker {after!r} is not one: take the NextMarker of the page before")
        found = self.registry.matching(
            request.region,
            source=asked.get("EventSourceArn"),
            function=function,
            after=int(after),
        )
        page: list[MappingDefinition] = []
        bodies: list[JsonValue] = []
        for one in found:
            status = self._engine.describe(one.uuid)
            if status is None:
                self.registry.remove(one.uuid)
            elif len(page) < most:
                page.append(one)
                bodies.append(_body(one, status, exact=False, listed=True))
            else:
                return json_response({"EventSourceMappings": bodies, "NextMarker": str(page[-1].number)})
        return json_response({"EventSourceMappings": bodies})

    async def _update(self, uuid: str, request: Request) -> Response:
        """Rules: R31 the answer has the new values and the state on the way to them, R38 the position is kept."""
        params = update_members(json_object(request.body))
        check_model(params)
        async with self._changing:
            definition, status = self._found(uuid, request.region)
            wanted = parse_update(definition.settings, params)
            settings = wanted.settings
            if wanted.function_name is not None:
                arn = self._function_arn(wanted.function_name, request.region)
                settings = replace(settings, function_arn=arn)
                self._check_unique(settings, request.region, but=uuid)
            if settings.kind is SourceKind.QUEUE and wanted.function_name is not None:
                await self._check_queue(settings, request.region)
            state = _step(status, update_event(status.state, enabled=wanted.enabled))
            await self._engine.update(uuid, settings, enabled=wanted.enabled)
            definition.settings, definition.modified = settings, self._now()
            definition.enabled = definition.enabled if wanted.enabled is None else wanted.enabled
            self.registry.changed(definition)
        return _answer(definition, status._replace(state=state), exact=True, status_code=HTTPStatus.ACCEPTED)

    async def _delete(self, uuid: str, region: str) -> Response:
        """Rules: R33 the last body, its LastProcessingResult kept; it is there until the engine has ended it."""
        async with self._changing:
            definition, status = self._found(uuid, region)
            state = _step(status, LifecycleEvent.DELETE)
            await self._engine.delete(uuid)
            definition.deleting = True
            self.registry.changed(definition)
        return _answer(definition, status._replace(state=state), exact=True, status_code=HTTPStatus.ACCEPTED)

    def _found(self, uuid: str, region: str) -> tuple[MappingDefinition, MappingStatus]:
        """The mapping and what it does now; forgets one that the engine has ended (E18)."""
        definition = self.registry.get(uuid, region)
        if definition is not None:
            status = self._engine.describe(uuid)
            if status is not None:
                return definition, status
            self.registry.remove(uuid)
        raise EndpointError(
            "ResourceNotFoundException", "The resource you requested does not exist.", status=HTTPStatus.NOT_FOUND
        )

    def _function_arn(self, reference: str, region: str) -> str:
        """The function's ARN with the qualifier exactly as it was given (R29)."""
        arn = self._functions.exists(reference, region)
        if arn is None:
            raise SettingsError("Function does not exist")  # E4
        home = parse_arn(arn)
        asked = parse_function_name(reference)
        return replace(asked, account=home.account, region=home.region, partition=home.partition).arn(
            region=home.region, account=home.account
        )

    async def _check_source(self, settings: MappingSettings, region: str) -> None:
        arn = settings.event_source_arn
        if settings.kind is SourceKind.QUEUE:
            await self._check_queue(settings, region)
            return
        try:
            found = parse_arn(arn).region == region and await self._exists(settings)
        except DeniedError as error:
            raise SettingsError(
                f"Cannot access stream {arn}. Please ensure the role can perform the GetRecords, GetShardIterator, "
                "DescribeStream, and ListStreams Actions on your stream in IAM."
            ) from error  # E3
        if not found:
            raise SettingsError(f"Stream not found: {arn}")  # E2

    async def _check_queue(self, settings: MappingSettings, region: str) -> None:
        """Rules: Q6 the queue is there, and hides a message at least as long as the function may take."""
        arn = settings.event_source_arn
        visibility_s = await self._queues.visibility_s(arn) if parse_arn(arn).region == region else None
        if visibility_s is None:
            raise SettingsError(
                "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
                "SQS Error Message: The specified queue does not exist."
            )
        timeout_s = self._functions.timeout_s(settings.function_arn, region)
        if timeout_s is not None and visibility_s < timeout_s:
            raise SettingsError(
                f"Queue visibility timeout: {visibility_s:.0f} seconds is less than Function timeout: "
                f"{timeout_s} seconds"
            )

    async def _exists(self, settings: MappingSettings) -> bool:
        arn = settings.event_source_arn
        return await self._kinesis.exists(arn) if settings.kind is SourceKind.KINESIS else self._streams.exists(arn)

    def _check_unique(self, settings: MappingSettings, region: str, *, but: str | None = None) -> None:
        """E17. A mapping that is being deleted still counts, until it is gone."""
        source, function = settings.event_source_arn, parse_function_name(settings.function_arn)
        named = function.name if function.qualifier is None else f"{function.name}:{function.qualifier}"
        for other in self.registry.matching(region, source=source, function=function):
            if other.uuid == but:
                continue
            if self._engine.describe(other.uuid) is None:
                self.registry.remove(other.uuid)
                continue
            raise EndpointError(
                "ResourceConflictException",
                f'The event source arn (" {source} ") and function (" {named} ") provided mapping already exists. '
                f"Please update or delete the existing mapping with UUID {other.uuid}",
                status=HTTPStatus.CONFLICT,
            )

    def _tagged(self, arn: str, region: str) -> MappingDefinition:
        found = self.registry.get(arn.rpartition(":")[2], region)
        if found is None or mapping_arn(found.uuid, found.settings) != arn or self._engine.describe(found.uuid) is None:
            raise EndpointError(
                "ResourceNotFoundException", f"Event source mapping not found: {arn}", status=HTTPStatus.NOT_FOUND
            )
        return found

    def _tag(self, definition: MappingDefinition, request: Request) -> Response:
        tags = {**definition.tags, **parse_tags(json_object(request.body))}
        if len(tags) > TAGS_MAX:
            raise SettingsError(f"{len(tags)} tags would be set; a mapping has at most {TAGS_MAX}")
        definition.tags = tags
        self.registry.changed(definition)
        return _NO_CONTENT

    def _untag(self, definition: MappingDefinition, request: Request) -> Response:
        for key in parse_qs(request.query, keep_blank_values=True).get("tagKeys", []):
            definition.tags.pop(key, None)
        self.registry.changed(definition)
        return _NO_CONTENT


def _step(status: MappingStatus, event: LifecycleEvent) -> State:
    """The state that the answer shows; raises E19."""
    state = step(status.state, event)
    assert state is not None, "a request never ends a mapping at once"
    return state


def _page_size(max_items: str | None) -> int:
    if max_items is None:
        return _PAGE_MAX
    try:
        wanted = int(max_items)
    except ValueError as error:
        raise SettingsError(
            f"MaxItems must be a whole number, not {max_items!r}", code="SerializationException"
        ) from error
    if violation := _MAX_ITEMS.violation(wanted):
        raise validation_error([violation])
    return min(wanted, _PAGE_MAX)


def _body(
    definition: MappingDefinition, status: MappingStatus, *, exact: bool, listed: bool = False
) -> dict[str, JsonValue]:
    modified = definition.modified
    return mapping_body(definition.uuid, definition.settings, status, modified, exact=exact, listed=listed)


def _answer(
    definition: MappingDefinition, status: MappingStatus, *, exact: bool, status_code: int = HTTPStatus.OK
) -> Response:
    return json_response(_body(definition, status, exact=exact), status=status_code)
