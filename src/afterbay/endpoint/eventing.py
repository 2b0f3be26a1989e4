"""Pipes and buses of the local address, wired together: their services, their engines, what they call (part of
``local.py``).

Targets are called as anywhere: by AWS calls, here to the address itself; functions that are waited for are called at
once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from afterbay.aws.errors import KNOWN_CODES
from afterbay.aws.regions import AwsRegions
from afterbay.core.bus.connection import Connection
from afterbay.core.bus.metrics import NAMESPACE as OF_BUSES
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import SourceKind
from afterbay.core.pipe.definition import PipeSettings
from afterbay.core.pipe.metrics import NAMESPACE as OF_PIPES
from afterbay.core.pipe.reason import SourceLost, dead_letter_refused, source_refused
from afterbay.core.pipe.source_parameters import StreamParameters
from afterbay.emulator.faults import FaultPlan
from afterbay.endpoint.protocol import ACCOUNT
from afterbay.endpoint.services.events import Events
from afterbay.endpoint.services.lambda_mappings import KinesisStreams, MappingEngine, Queues, Streams
from afterbay.endpoint.services.pipes import Pipes
from afterbay.endpoint.state.bus_rows import BusRows
from afterbay.endpoint.state.pipe_rows import PipeRows
from afterbay.endpoint.state.state import State
from afterbay.engine.archive import ArchiveKeeper
from afterbay.engine.bus import BusEngine
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch, put_through
from afterbay.engine.homes import Homes
from afterbay.engine.jitter import full_jitter
from afterbay.engine.pipe import PipeDeliverer
from afterbay.engine.pipe_logs import PipeLogs
from afterbay.errors import AfterbayError, DeniedError, StateError
from afterbay.ports import Function
from afterbay.targets.caller import TargetCaller
from afterbay.targets.destination import DestinationCaller

__all__ = ["Eventing", "Sources", "is_denial"]


class TableStreams(Streams, Protocol):
    """The table streams of the address."""

    def is_disabled(self, stream_arn: str) -> bool:
        """True for a stream that takes no more records. Raises ``NotFoundError``."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What a pipe's source is looked up in, and what it may be denied by."""

    streams: TableStreams
    kinesis: KinesisStreams
    queues: Queues
    faults: FaultPlan


_FIRST_CALLS = {
    SourceKind.TABLE: ("dynamodbstreams", "DescribeStream"),
    SourceKind.KINESIS: ("kinesis", "DescribeStream"),
    SourceKind.QUEUE: ("sqs", "ReceiveMessage"),
}
_SENDS = {"sqs": "SendMessage", "sns": "Publish"}


def is_denial(code: str) -> bool:
    """True for an error that says that the caller may not."""
    return KNOWN_CODES.get(code) is DeniedError


class Eventing:
    """``start`` it once the engine is there, ``close`` it before the address. ``calling`` calls targets, one attempt a
    call: what a try costs is decided here (X85, B51). ``function`` finds a function by its ARN."""

    def __init__(
        self,
        aws: AwsRegions,
        calling: AwsRegions,
        clock: Clock,
        sources: Sources,
        function: Callable[[str], Function],
        state: State | None,
    ) -> None:
        self._aws = aws
        self._clock = clock
        self._sources = sources
        self._state = state
        self._rows = None if state is None else BusRows(state)
        self.homes = Homes(ACCOUNT, clock.now, self._rows)
        self._destinations = DestinationCaller(self.homes.destination, clock, authorized=self._authorized)
        self._perform = TargetCaller(calling, function, self._destinations)
        put = put_through(aws)
        self._metrics = tuple(CloudWatch(put, name, settings_of=lambda _: None) for name in (OF_PIPES, OF_BUSES))
        of_pipes, of_buses = self._metrics
        self.logs = PipeLogs(TargetCaller(aws, function, self._destinations), of_pipes.add, clock.now)
        self._archives = ArchiveKeeper(self.homes, clock.now, self._rows)
        self.buses = BusEngine(
            self.homes,
            self._perform,
            clock,
            self._archives,
            jitter=full_jitter,
            new_id=_new_id,
            metrics=of_buses.add,
            store=self._rows,
        )
        self.events = Events(
            self.homes,
            self.buses,
            self._archives,
            clock.now,
            new_id=_new_id,
            fetch_token=self._destinations.fetch_token,
        )

    async def start(self, engine: MappingEngine) -> None:
        """Take up what is stored, and run."""
        for one in self._metrics:
            one.start()
        self.logs.start()
        store = None if self._state is None else PipeRows(self._state)
        self.pipes = Pipes(engine, self._refusal, self._clock.now, store=store)
        if self._rows is None or store is None:
            return
        try:
            self.homes.restore()
        except msgspec.MsgspecError as error:
            raise StateError(f"the state of the event buses cannot be read: {error}") from error
        self._archives.restore(self._rows.archived())
        for pipe in tuple(store.restore()):
            await self.pipes.restore(pipe)
        self.buses.resume(tuple(self._rows.waiting()))
        self._archives.resume(self.buses)
        self.events.resume()

    def deliverer(self, pipe_arn: str) -> PipeDeliverer:
        """What delivers the batches of a pipe."""
        return PipeDeliverer(lambda: self.pipes.plan(pipe_arn), self._perform, self._clock, self.logs)

    async def hold(self) -> None:
        """No pipe begins to run any more: the engine is about to end."""
        await self.pipes.close()

    async def reset(self) -> None:
        """Empty again; the engine has ended what pipes read."""
        await self.pipes.reset()
        self.logs.forget()
        await self._archives.clear()
        await self.buses.clear()
        self.homes.clear()
        for one in self._metrics:
            one.forget()

    async def close(self) -> None:
        await self.pipes.close()
        await self._archives.close()
        await self.buses.close()
        await self.events.close()
        await self.logs.close()
        await self._destinations.close()
        for one in self._metrics:
            await one.close()

    def _authorized(self, connection: Connection, token: bool) -> None:
        region = parse_arn(connection.arn).region
        self.homes.of(region).connections.authorized(connection.name, now=self._clock.now(), token=token)
        self.homes.changed(region)

    async def _refusal(self, settings: PipeSettings) -> str | None:
        """Why the pipe cannot run (X5, X12): its source is not there, or its dead letters have no destination."""
        if self._denies(*_FIRST_CALLS[settings.kind]) or not await self._there(settings):
            return source_refused(settings.kind)
        if settings.kind is SourceKind.TABLE and self._sources.streams.is_disabled(settings.source):
            return SourceLost.STREAM_GONE.value
        parameters = settings.source_parameters
        arn = parameters.dead_letter_arn if isinstance(parameters, StreamParameters) else None
        return dead_letter_refused(arn) if arn is not None and not await self._takes_letters(arn) else None

    def _denies(self, service: str, operation: str) -> bool:
        """Whether a planned fault denies what AWS calls to see; the look itself makes no such call."""
        return self._sources.faults.take_if(service, operation, is_denial) is not None

    async def _there(self, settings: PipeSettings) -> bool:
        match settings.kind:
            case SourceKind.TABLE:
                try:
                    return self._sources.streams.exists(settings.source)
                except DeniedError:
                    return False
            case SourceKind.KINESIS:
                return await self._sources.kinesis.exists(settings.source)
            case SourceKind.QUEUE:
                return await self._sources.queues.visibility_s(settings.source) is not None

    async def _takes_letters(self, arn: str) -> bool:
        """AWS sends to the destination to see (X5); looking whether it is there leaves no message behind."""
        home = parse_arn(arn)
        if self._denies(home.service, _SENDS[home.service]):
            return False
        if home.service == "sqs":
            return await self._sources.queues.visibility_s(arn) is not None
        try:
            await self._aws.of(home.region).call("sns", "get_topic_attributes", TopicArn=arn)
        except AfterbayError:
            return False
        return True


def _new_id() -> str:
    return str(uuid.uuid4())
