"""The local AWS-compatible address: our services in front, moto behind, on one port (interfaces.md section 5)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType

from afterbay.emulator.faults import FaultPlan
from afterbay.endpoint.control import PREFIX, Control, Members
from afterbay.endpoint.http import HttpServer
from afterbay.endpoint.kinesis import KinesisStreams
from afterbay.endpoint.moto import Moto
from afterbay.endpoint.protocol import (
    Request,
    Response,
    Service,
    TimeKeeper,
    error_response,
    nested_too_deep,
    service_fault,
)
from afterbay.endpoint.queues import Queues
from afterbay.endpoint.refusals import refuse_undeliverable
from afterbay.endpoint.rest_faults import REST_SERVICES, planned_answer
from afterbay.endpoint.routing import MOTO_SERVICES, Route, route, wire_protocol
from afterbay.endpoint.services.dynamodb_streams import StreamsService
from afterbay.endpoint.services.streams_wire import StreamsWire
from afterbay.endpoint.state.calls import CallLog
from afterbay.endpoint.state.moto_keeper import MotoKeeper
from afterbay.endpoint.state.state import KeptClock, State
from afterbay.endpoint.state.stream_rows import StreamRows
from afterbay.endpoint.streams import StreamRegistry
from afterbay.endpoint.tables import Tables
from afterbay.errors import EndpointError, StateError

__all__ = ["Address"]

log = logging.getLogger(__name__)

_OWN_FAULTS = frozenset({"dynamodbstreams"})
"""Services of ours meet planned faults themselves, below HTTP: the engine calls them without it."""

_MOTO_OWN_PATHS = ("/moto-api", "/latest/meta-data", "/latest/api")


async def _no_status() -> object:
    return {}


async def _no_outbox() -> object:
    return {"waiting": 0, "letters": []}


class Address:
    """``async with Address(...)``: serving inside the block.

    Other services are added by ``add_service``, before requests for them come. ``status`` answers GET status;
    ``on_reset`` empties what the composition root holds. Call ``mark_ready`` once all is up.
    """

    def __init__(
        self,
        host: str,
        port: int,
        clock: TimeKeeper,
        *,
        status: Callable[[], Awaitable[object]] = _no_status,
        outbox: Callable[[], Awaitable[object]] = _no_outbox,
        on_reset: Callable[[], Awaitable[None]] | None = None,
        state: State | None = None,
        token: str | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._on_reset = on_reset
        self._ready = False
        self._expiry_changed = asyncio.Event()
        self._timed: list[asyncio.Task[None]] = []
        self.faults = FaultPlan()
        self._state = state
        self._open = asyncio.Event()
        self._open.set()
        self._stream_rows = None if state is None else StreamRows(state)
        self.registry = StreamRegistry(clock, _draw_seed, store=self._stream_rows)
        self.streams = StreamsService(self.registry, self.faults, clock)
        self._moto = Moto(clock)
        self.queues = Queues(self._moto, clock)
        self.kinesis = KinesisStreams(self._moto, clock)
        self._tables = Tables(
            self._moto, self.registry, clock, self._expiry_changed.set, kinesis=self.kinesis, state=state
        )
        self._keeper = None if state is None else MotoKeeper(state, self._moto, clock.now)
        self._control = Control(
            clock=clock if state is None else KeptClock(clock, state),
            streams=self.registry,
            faults=self.faults,
            ready=lambda: self._ready,
            status=status,
            outbox=outbox,
            after_advance=self._catch_up,
            reset=self.reset,
            token=token,
        )
        self._services: dict[str, Service] = {
            "dynamodb": self._tables,
            "dynamodbstreams": StreamsWire(self.streams),
            "kinesis": self.kinesis,
            "sqs": self.queues,
        }
        self._server = HttpServer(self.handle, clock)

    async def __aenter__(self) -> Address:
        await self._moto.start()
        try:
            if self._state is not None:
                await self._restore(self._state)
            await self._server.start(self._host, self._port)
        except BaseException:
            await self._moto.close()
            raise
        self._timed = [
            asyncio.create_task(self._sweep(), name="expiry"),
            asyncio.create_task(self._end_shards(), name="shards"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._timed:
            one.cancel()
        await asyncio.gather(*self._timed, return_exceptions=True)
        await self._server.stop()
        await self.kinesis.close()
        await self._moto.close()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def hold(self) -> None:
        """Let AWS's calls wait until ``go_on``: what answers them is not all there yet."""
        self._open.clear()

    def go_on(self) -> None:
        self._open.set()

    async def durable(self) -> None:
        """Return once all that happened so far is stored, where there is a state. Raises ``StateError``."""
        if self._state is not None:
            await self._state.durable()

    def mark_ready(self) -> None:
        """Everything is up: health answers 200 from now on."""
        self._ready = True

    def add_service(self, name: str, service: Service) -> None:
        """Serve one more service, named as boto3 names it."""
        self._services[name] = service

    def add_calls(self, calls: Mapping[tuple[str, str], Callable[[Members], Awaitable[object]]]) -> None:
        """Serve more calls of ours, under ``/_afterbay/``."""
        self._control.add(calls)

    async def reset(self) -> None:
        """Empty again: tables, queues, streams, faults, and what the composition root holds."""
        if self._on_reset is not None:
            await self._on_reset()
        self.faults.clear()
        await self._moto.run(self._reset_moto)
        await self._tables.reset()

    async def handle(self, request: Request) -> Response:
        """Answer one request, whatever becomes of it; what the answer tells of is stored by then."""
        response = await self._answer(request)
        try:
            await self.durable()
        except StateError as error:
            refusal = EndpointError("InternalFailure", str(error), status=500)
            return error_response(refusal, wire_protocol(route(request).service, request))
        return response

    async def _answer(self, request: Request) -> Response:
        if request.path.startswith(PREFIX):
            return await self._control(request)
        await self._open.wait()
        found = route(request)
        request = replace(request, region=found.region)
        try:
            return await self._serve(found, request)
        except EndpointError as error:
            return error_response(error, wire_protocol(found.service, request))
        except RecursionError:  # moto goes through a body, and through the JSON in it, by its own recursion
            return error_response(nested_too_deep(), wire_protocol(found.service, request))
        except NotImplementedError as error:
            refusal = EndpointError("UnknownOperationException", f"{found.service}: {error}", status=501)
            return error_response(refusal, wire_protocol(found.service, request))
        except Exception:  # moto raises anything on bad input, and a client must get an answer
            log.exception("request failed", extra={"service": found.service, "operation": found.operation})
            refusal = EndpointError("InternalFailure", "the local address failed; its log has the reason", status=500)
            return error_response(refusal, wire_protocol(found.service, request))

    async def _serve(self, found: Route, request: Request) -> Response:
        if found.service in REST_SERVICES:
            planned = planned_answer(self.faults, found.service, request)
            if planned is not None:
                return planned
        elif found.service not in _OWN_FAULTS:
            code = self.faults.take(found.service, found.operation)
            if code is not None:
                raise service_fault(code)
        refuse_undeliverable(found, request)
        service = self._services.get(found.service)
        if service is not None:
            return await service(request)
        if found.service not in MOTO_SERVICES or request.path.startswith(_MOTO_OWN_PATHS):
            served = sorted({*MOTO_SERVICES, *self._services})
            raise EndpointError(
                "UnknownOperationException",
                f"this address does not serve {found.service!r}; it serves {', '.join(served)}",
            )
        response = await self._moto.run(lambda: self._moto.call(request))
        self.queues.touched()
        return response

    async def _restore(self, state: State) -> None:
        """What the stored calls made, what was in it, and the streams. Functions and mappings are not the address's."""
        state.start()
        calls = [call for call in CallLog(state).all() if call.service in MOTO_SERVICES]
        of_tables = [call for call in calls if call.service == "dynamodb"]
        others = [call for call in calls if call.service != "dynamodb"]
        keeper = self._keeper
        assert keeper is not None and self._stream_rows is not None, "an address with a state has them"

        def restore() -> None:
            self._tables.restore(of_tables)
            if any(call.service == "kinesis" for call in others):
                self.kinesis.mend()
            keeper.restore(others)
            self._moto.keeper = keeper

        await self._moto.run(restore)
        self.registry.restore(self._stream_rows.restore(_draw_seed))
        self._stream_rows.reserve(self.registry.listing())

    def _reset_moto(self) -> None:
        self._moto.reset()
        if self._keeper is not None and self._state is not None:
            self._keeper.reset()
            self._moto.on_loop(self.registry.reset)
            self._moto.on_loop(self._state.note_reset)

    async def _catch_up(self) -> None:
        """What is due by now is done when a call that moved the clock is answered."""
        self.registry.age()
        await self._tables.sweep()

    async def _sweep(self) -> None:
        """Remove expired items as they come due, each at its own instant of the clock."""
        while True:
            self._expiry_changed.clear()
            due_s = self._tables.next_due_s()
            await self._either(self._expiry_changed, None if due_s is None else datetime.fromtimestamp(due_s, UTC))
            if due_s is not None and due_s <= self._clock.now().timestamp():
                await self._tables.sweep()

    async def _end_shards(self) -> None:
        """End shards as they have lived their time, so that readers who wait hear of it."""
        while True:
            self.registry.next_end_changed.clear()
            await self._either(self.registry.next_end_changed, self.registry.next_end())
            self.registry.age()

    async def _either(self, changed: asyncio.Event, due: datetime | None) -> None:
        """Return at ``due``, or once ``changed`` is set."""
        waits: list[asyncio.Task[object]] = [asyncio.create_task(changed.wait())]
        if due is not None:
            waits.append(asyncio.create_task(self._clock.sleep_until(due)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _draw_seed() -> bytes:
    return secrets.token_bytes(32)
