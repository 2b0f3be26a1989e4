"""The EventBridge Pipes API (X1 to X15): create, describe, update, start, stop, delete, list, tags.

Decides what a request is answered. What a pipe is, ``core.pipe`` says; its source is read by a mapping of the engine,
named by the pipe's ARN.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qs

from afterbay.core.change.arn import parse_arn
from afterbay.core.mapping.body import MappingStatus
from afterbay.core.mapping.lifecycle import State
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.described import accepted, described
from afterbay.core.pipe.errors import Field, PipeError, conflict, invalid
from afterbay.core.pipe.lifecycle import DesiredState, LifecycleEvent, PipeState, state_of
from afterbay.core.pipe.model import UPDATE
from afterbay.core.pipe.plan import Plan, compile_template
from afterbay.core.pipe.reason import source_lost, unexpected
from afterbay.core.pipe.registry import PipeRegistry
from afterbay.core.pipe.request import check
from afterbay.core.pipe.resource import PipeResource
from afterbay.core.pipe.target_service import TargetKind
from afterbay.endpoint.protocol import ACCOUNT, Request, Response, json_object, json_response
from afterbay.endpoint.services.lambda_mappings import MappingEngine
from afterbay.errors import AfterbayError

__all__ = ["PipeStore", "Pipes"]

log = logging.getLogger(__name__)

_NOT_SERVED = {
    TargetKind.STATE_MACHINE: "this address does not run state machines",
    TargetKind.API_GATEWAY: "this address has no API Gateway: call the API's own address by an API destination",
}
"""What moto keeps and does not run: a pipe to it would deliver nothing."""

_ON_AWS_ALONE = "this address does not serve it: `afterbay run --pipe` calls it on AWS"

_RUNS = (PipeState.RUNNING, PipeState.CREATING, PipeState.STARTING, PipeState.UPDATING)
"""States in which a pipe that is desired to run reads its source, or is about to."""


class PipeStore(Protocol):
    """Keeps pipes over a restart (``state.pipe_rows``)."""

    def changed(self, pipe: PipeResource) -> None: ...

    def removed(self, arn: str) -> None: ...


class Pipes:
    """The service: ``await pipes(request)``.

    ``refusal`` looks whether source and dead-letter destination can be used, and answers the reason why not (X5).
    ``store`` None: nothing outlives the process.
    """

    def __init__(
        self,
        engine: MappingEngine,
        refusal: Callable[[PipeSettings], Coroutine[None, None, str | None]],
        now: Callable[[], datetime],
        *,
        store: PipeStore | None = None,
    ) -> None:
        self._engine = engine
        self._refusal = refusal
        self._now = now
        self._store = store
        self._registries: dict[str, PipeRegistry] = {}
        self._plans: dict[str, Plan] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}
        """By the pipe's ARN: what looks whether it can run, and then runs it."""
        self._looks: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[PipeResource]:
        """All pipes, as they were when somebody looked last."""
        for registry in self._registries.values():
            yield from registry

    async def __call__(self, request: Request) -> Response:
        """Answer one request; refusals are answered in the service's own form (X6, X7)."""
        try:
            return await self._route(request)
        except PipeError as error:
            answer = json_response(error.body, status=error.status)
            return Response(answer.status, answer.body, {**answer.headers, "x-amzn-errortype": error.code})

    def plan(self, arn: str) -> Plan:
        """What the pipe does with a batch now."""
        return self._plans[arn]

    def role(self, arn: str) -> str:
        """The role that the pipe has."""
        return self._plans[arn].settings.role_arn

    async def restore(self, pipe: PipeResource) -> None:
        """Take up a stored pipe: what ran runs on from its saved position, what was on its way goes on, what was being
        deleted is gone."""
        registry = self._registry(parse_arn(pipe.settings.arn).region)
        registry.restore(pipe)
        self._plans[pipe.settings.arn] = Plan(pipe.settings)
        if pipe.state is PipeState.DELETING:
            await self._forget_positions(pipe)
        elif pipe.state is PipeState.RUNNING or pipe.state is PipeState.STOPPING:
            await self._run(pipe)
        elif not pipe.state.settled:
            self._begin(registry, pipe)

    async def look(self) -> None:
        """Take over what the engine has come to since somebody asked."""
        for registry in tuple(self._registries.values()):
            await self._refresh(registry)

    def source_over(self, arn: str) -> None:
        """The engine says that nothing will come from the pipe's source again: take that over, behind the engine's
        step."""
        task = asyncio.get_running_loop().create_task(self._refresh(self._registry(parse_arn(arn).region)))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def close(self) -> None:
        """End what looks at pipes."""
        tasks = (*self._checks.values(), *self._looks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def reset(self) -> None:
        """Forget all pipes; the engine has ended what they read."""
        await self.close()
        for arn in tuple(self._plans):
            self._forget(arn)
        self._registries.clear()

    async def _route(self, request: Request) -> Response:
        path, now_s = request.segments, self._now().timestamp()
        registry = self._registry(request.region)
        await self._refresh(registry)
        match request.method, path:
            case "GET", ("v1", "pipes"):
                return json_response(registry.list(request.parameters, now_s))
            case "POST", ("v1", "pipes", name):
                pipe = registry.create({**json_object(request.body), "Name": name}, now_s)
                self._begin(registry, pipe)
                return json_response(accepted(pipe))
            case "GET", ("v1", "pipes", name):
                return json_response(described(registry.get(name)))
            case "PUT", ("v1", "pipes", name):
                asked = {**json_object(request.body), "Name": name}
                check(UPDATE, asked)  # X6: before anything is looked up
                before = self._settled(registry, name)
                pipe = registry.update(name, asked, now_s)
                return await self._go_on(registry, before, pipe)
            case "DELETE", ("v1", "pipes", name):
                return await self._delete(registry, name, now_s)
            case "POST", ("v1", "pipes", name, "start"):
                before = self._settled(registry, name)
                return await self._go_on(registry, before, registry.start(name, now_s))
            case "POST", ("v1", "pipes", name, "stop"):
                before = self._settled(registry, name)
                return await self._go_on(registry, before, registry.stop(name, now_s))
            case "GET", ("tags", arn):
                return json_response({"tags": registry.tags(arn)})
            case "POST", ("tags", arn):
                registry.tag(arn, json_object(request.body))
                return self._tagged(registry, arn)
            case "DELETE", ("tags", arn):
                registry.untag(arn, parse_qs(request.query).get("tagKeys", []))
                return self._tagged(registry, arn)
            case _:
                raise PipeError(
                    f"{request.method} {request.path} is no call of pipes",
                    code="UnknownOperationException",
                    status=HTTPStatus.NOT_FOUND,
                )

    def _settled(self, registry: PipeRegistry, name: str) -> PipeResource:
        """The pipe, once nothing of it runs on: one that failed or was halted may have batches under way yet (X4)."""
        pipe = registry.get(name)
        status = self._engine.describe(pipe.settings.arn)
        if status is not None and pipe.state.settled and not status.state.settled:
            raise conflict(name, f"Pipe {name} is {pipe.state}, and ends what it has under way: try again.")
        return pipe

    async def _go_on(self, registry: PipeRegistry, before: PipeResource, pipe: PipeResource) -> Response:
        """After an update, a start or a stop. What changes nothing is answered and that is all."""
        if pipe.state is not before.state:
            if pipe.state is PipeState.STOPPING:
                self._keep(pipe)
                await self._run(pipe)
            else:
                self._begin(registry, pipe)
        return json_response(accepted(pipe))

    async def _delete(self, registry: PipeRegistry, name: str, now_s: float) -> Response:
        self._settled(registry, name)
        pipe = registry.delete(name, now_s)
        self._keep(pipe)
        if self._engine.describe(pipe.settings.arn) is None:
            await self._forget_positions(pipe)
        else:
            await self._engine.delete(pipe.settings.arn)
        return json_response(accepted(pipe))

    async def _forget_positions(self, pipe: PipeResource) -> None:
        """Of a pipe that does not run: one of its name that is made later must not begin where this one stopped."""
        await self._engine.create(pipe.settings.arn, pipe.settings.source_settings(), enabled=False)
        await self._engine.delete(pipe.settings.arn)

    def _begin(self, registry: PipeRegistry, pipe: PipeResource) -> None:
        """Look at what the pipe needs, then run it; the request is answered meanwhile (X4)."""
        self._keep(pipe)
        arn = pipe.settings.arn
        task = self._checks[arn] = asyncio.get_running_loop().create_task(self._check(registry, pipe))
        task.add_done_callback(lambda _: self._checks.pop(arn, None))

    async def _check(self, registry: PipeRegistry, pipe: PipeResource) -> None:
        """X5: a pipe whose source or destination of letters is not as it must be does not run, whatever it did."""
        try:
            reason = await self._refusal(pipe.settings)
            if reason is None:
                await self._run(pipe)
                return
        except AfterbayError as error:
            reason = unexpected(str(error))
        if self._engine.describe(pipe.settings.arn) is not None:
            await self._engine.update(pipe.settings.arn, pipe.settings.source_settings(), enabled=False)
        failed = registry.settle(pipe.name, LifecycleEvent.FAILED, reason)
        assert failed is not None, "it is there, and has failed"
        self._keep(failed)

    async def _run(self, pipe: PipeResource) -> None:
        """Let the mapping that reads the source do as the pipe is desired to, from where it was."""
        arn, settings = pipe.settings.arn, pipe.settings.source_settings()
        running = pipe.settings.desired_state is DesiredState.RUNNING and pipe.state in _RUNS
        if self._engine.describe(arn) is None:
            await self._engine.create(arn, settings, enabled=running)
        else:
            await self._engine.update(arn, settings, enabled=running)

    async def _refresh(self, registry: PipeRegistry) -> None:
        """Take over what the engine has come to since somebody asked."""
        for name in [pipe.name for pipe in registry]:
            if name in registry:  # others may ask meanwhile
                await self._take_over(registry, registry.get(name))

    async def _take_over(self, registry: PipeRegistry, pipe: PipeResource) -> None:
        arn = pipe.settings.arn
        status = self._engine.describe(arn)
        if pipe.state is PipeState.RUNNING and status is not None and status.source_over:
            await self._halt(registry, pipe)
            return
        event = None if pipe.state.settled or arn in self._checks else _arrived(pipe, status)
        if event is None:
            return
        settled = registry.settle(pipe.name, event)
        if settled is None:
            self._forget(arn)
        else:
            self._keep(settled)

    async def _halt(self, registry: PipeRegistry, pipe: PipeResource) -> None:
        """X12: the stream is disabled or gone, and what was in it is delivered; X5: the queue denies."""
        halted = registry.settle(pipe.name, LifecycleEvent.HALTED, source_lost(pipe.settings.kind).value)
        assert halted is not None, "it stays, as it is"
        self._keep(halted)
        log.warning("pipe stopped by itself", extra={"pipe": pipe.settings.arn, "why": halted.reason})
        await self._engine.update(pipe.settings.arn, pipe.settings.source_settings(), enabled=False)

    def _tagged(self, registry: PipeRegistry, arn: str) -> Response:
        self._keep(registry.get(arn.rpartition("pipe/")[2]))
        return json_response({})

    def _keep(self, pipe: PipeResource) -> None:
        arn = pipe.settings.arn
        known = self._plans.get(arn)
        if known is None or known.settings is not pipe.settings:
            self._plans[arn] = Plan(pipe.settings)
        if self._store is not None:
            self._store.changed(pipe)

    def _forget(self, arn: str) -> None:
        self._plans.pop(arn, None)
        if self._store is not None:
            self._store.removed(arn)

    def _registry(self, region: str) -> PipeRegistry:
        found = self._registries.get(region)
        if found is None:
            found = self._registries[region] = PipeRegistry(
                account=ACCOUNT, region=region, check_template=compile_template, check_settings=_check_served
            )
        return found


def _arrived(pipe: PipeResource, status: MappingStatus | None) -> LifecycleEvent | None:
    """What the mapping that reads the source says of a pipe that is on its way; None: it is not there yet."""
    if status is None:
        return LifecycleEvent.STOPPED if pipe.state is PipeState.DELETING else None
    if status.state in (State.ENABLED, State.DISABLED) and pipe.state is not PipeState.DELETING:
        arrived = state_of(status.state)
        return LifecycleEvent.STARTED if arrived is PipeState.RUNNING else LifecycleEvent.STOPPED
    return None


def _check_served(settings: PipeSettings) -> None:
    """Refuse what nothing here would run. Raises ``PipeError``."""
    for member, arn, service in (
        ("Target", settings.target, settings.target_service),
        ("Enrichment", settings.enrichment, settings.enrichment_service),
    ):
        if service is None:
            continue
        reason = _ON_AWS_ALONE if service.kind.only_filled else _NOT_SERVED.get(service.kind)
        if reason is not None:
            raise invalid([Field(member, f"{arn}: {reason}")])
