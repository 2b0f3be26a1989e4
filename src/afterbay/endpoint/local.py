"""The whole local address: moto, our services, and the engine that runs the mappings, wired together.

Letters and function logs leave as they do anywhere: by AWS calls, here to the address itself (DESIGN section 8).
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.credentials import Credentials

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import is_pipe, parse_arn
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.settings import MappingSettings
from afterbay.emulator.faults import FaultPlan
from afterbay.endpoint.address import Address
from afterbay.endpoint.eventing import Eventing, Sources, is_denial
from afterbay.endpoint.function_logs import FunctionLogs
from afterbay.endpoint.inquiries import Inquiries
from afterbay.endpoint.protocol import Request, Response
from afterbay.endpoint.services.lambda_functions import LambdaFunctions
from afterbay.endpoint.services.lambda_mappings import LambdaMappings
from afterbay.endpoint.services.lambda_registry import FunctionRegistry
from afterbay.endpoint.services.mapping_registry import MappingRegistry
from afterbay.endpoint.services.secrets import Secrets
from afterbay.endpoint.state.calls import CallLog
from afterbay.endpoint.state.event_rows import EventRows
from afterbay.endpoint.state.function_calls import SERVICE as FUNCTIONS
from afterbay.endpoint.state.function_calls import FunctionCalls
from afterbay.endpoint.state.mapping_rows import MappingRows
from afterbay.endpoint.state.state import State
from afterbay.endpoint.streams import StreamRegistry
from afterbay.endpoint.streams_reader import IDLE_WAIT_S, InProcessStreams
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch, put_through
from afterbay.engine.jitter import any_part, spread
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Listener, Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.status import as_document, take
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.errors import DeniedError
from afterbay.functions.child import LaunchSettings
from afterbay.functions.libraries import has_awslambdaric, link_libraries
from afterbay.functions.logs import LogLine, LogSink, LogWriter
from afterbay.functions.runtimes import find_node
from afterbay.ports import Answer, Function, QueueSource, Source, Target
from afterbay.sources.kinesis import KinesisApi, kinesis_source
from afterbay.sources.sqs import SqsSource
from afterbay.sources.stream import StreamSource
from afterbay.stores.memory import MemoryStore
from afterbay.stores.sqlite import SqliteStore
from afterbay.targets.archive import open_archive
from afterbay.targets.choose import choose_target

__all__ = ["LocalAddress"]

DRAIN_S = 20.0
"""How long a function may finish what it has when the address ends."""

STORE_THREADS = 2

NAMESPACE = "AWS/Lambda"
"""Where Lambda's own metrics are; only AWS may write there on AWS, and here we stand in for it."""


class LocalAddress:
    """``async with LocalAddress(host, port)``: everything is up inside the block, and drained behind it.

    With ``ready`` False, health says so only once the block has called ``mark_ready``: what a template declares comes
    first.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        ready: bool = True,
        state: Path | None = None,
        listeners: Sequence[Listener] = (),
        log: LogSink = lambda line: None,
        archive: str | None = None,
        token: str | None = None,
        through: Callable[[str, Function], Function] = lambda arn, function: function,
    ) -> None:
        """``state`` is the folder that keeps everything over a restart. Raises ``StateError`` for one that cannot.
        ``archive``: where the bodies of discarded records are kept, None: nowhere.
        ``token``: with it other machines may make the destructive calls; None: nobody may.
        ``listeners`` hear what the engine measures, ``log`` what functions print. ``through`` is put around the
        functions of mappings, given their ARNs: to watch them, or to let them fail."""
        self._listeners = listeners
        self._through = through
        self._log_lines = log
        self._ready = ready
        self._archive = archive
        self._state = None if state is None else State(state)
        self.clock = Clock() if self._state is None else Clock(self._state.clock_offset)
        self.address = Address(
            host,
            port,
            self.clock,
            status=self._status,
            outbox=self._outbox,
            on_reset=self._reset,
            state=self._state,
            token=token,
        )
        self._folder = tempfile.TemporaryDirectory(prefix="afterbay-dev-")
        self._targets: dict[str, Target] = {}
        self._store: MemoryStore | SqliteStore = MemoryStore(secrets.token_bytes(32))

    @property
    def url(self) -> str:
        return self.address.url

    @property
    def failed(self) -> asyncio.Future[None] | None:
        """Fails with a ``StateError`` once the state cannot be stored any more; None where there is none."""
        return None if self._state is None else self._state.failed

    async def __aenter__(self) -> LocalAddress:
        self.address.hold()
        try:
            if self._state is not None:
                self._store = SqliteStore(self._state.folder.engine_file)
            await self.address.__aenter__()
            try:
                await self._start()
            except BaseException:
                await self.address.__aexit__(None, None, None)
                raise
        except BaseException:
            await self._close_state()
            raise
        self.address.go_on()
        if self._ready:
            self.mark_ready()
        return self

    def mark_ready(self) -> None:
        """Everything that was asked for is up."""
        self.address.mark_ready()

    async def __aexit__(self, *exc: object) -> None:
        """Mappings finish what is in flight, then functions, then their logs; the address itself ends last."""
        await self.eventing.hold()
        await self.supervisor.__aexit__(*exc)
        await self.eventing.close()
        await self.functions.close(grace_s=DRAIN_S)
        await self._logs.close()
        await self.metrics.close()
        await self.journal.close()
        self._aws.close()
        self._calling.close()
        await self.address.__aexit__(None, None, None)
        await self._close_state()
        await asyncio.to_thread(self._folder.cleanup)

    async def _close_state(self) -> None:
        self._store.close()
        if self._state is not None:
            await self._state.close()

    async def _start(self) -> None:
        libraries = await asyncio.to_thread(link_libraries, Path(self._folder.name) / "libraries")
        to_itself = AwsSettings(endpoint_url=self.url, credentials=Credentials("test", "test"))
        self._aws, self._calling = AwsRegions(to_itself), AwsRegions(to_itself, attempts_max=1)
        self._logs = LogWriter(FunctionLogs(self._aws))
        self._logs.start()
        self.metrics = CloudWatch(put_through(self._aws), NAMESPACE, settings_of=self._settings_of)
        self.metrics.start()
        state = self._state
        self._function_calls = None if state is None else FunctionCalls(state, self.clock.now)
        self.eventing = Eventing(
            self._aws,
            self._calling,
            self.clock,
            Sources(self.address.registry, self.address.kinesis, self.address.queues, self.address.faults),
            lambda arn: _Named(self.functions, arn),
            state,
        )
        self.journal = Journal(self._store, keys_in_clear=True)
        self.journal.start()
        self.functions = FunctionRegistry(
            launch=LaunchSettings(
                libraries=libraries,
                endpoint_url=self.url,
                client="awslambdaric" if has_awslambdaric() else "bootstrap",
                node=await asyncio.to_thread(find_node),
            ),
            log=self._log,
            now=self.clock.now if self._function_calls is None else self._function_calls.now,
            sleep_until=self.clock.sleep_until,
            faults=self.address.faults,
            metrics=self.metrics.add,
            events=None if state is None else EventRows(state),
        )
        await self._start_engine()
        inquiries = Inquiries(self.supervisor, self.journal, self._streams, self.clock.now)
        self.address.add_calls(inquiries.calls())
        self.mappings = LambdaMappings(
            functions=_Functions(self.functions),
            streams=_Streams(self.address.registry, self.address.faults),
            kinesis=self.address.kinesis,
            queues=self.address.queues,
            engine=self.supervisor,
            now=self.clock.now,
            registry=MappingRegistry(None if state is None else MappingRows(state)),
        )
        calls = self._function_calls
        fetch = self._fetch if calls is None else calls.remembering(self._fetch)
        self._lambda_functions = LambdaFunctions(self.functions, fetch=fetch)
        self.address.add_service("lambda", self._lambda)
        self.address.add_service("events", self.eventing.events)
        self.address.add_service("secretsmanager", Secrets(self.eventing.homes))
        if state is not None and calls is not None:
            await calls.restore(CallLog(state).of(FUNCTIONS), self._lambda_functions)
            await self._restore_mappings(MappingRows(state))
            for waiting in EventRows(state).restore():
                self.functions.events.resume(waiting)
        await self.eventing.start(self.supervisor)
        self.address.add_service("pipes", self.eventing.pipes)

    async def _restore_mappings(self, rows: MappingRows) -> None:
        """Each goes on from its saved positions; one that was being deleted is gone."""
        for one in rows.restore():
            if one.deleting:
                await asyncio.to_thread(self._store.delete, one.uuid)
                rows.removed(one.uuid)
                continue
            self.mappings.registry.restore(one)
            await self.supervisor.create(one.uuid, one.settings, enabled=one.enabled)

    async def _start_engine(self) -> None:
        threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        meter = Meter(self.metrics, self.eventing.logs, self.journal, *self._listeners)
        archive = None if self._archive is None else open_archive(self._archive, self._aws.of(""))
        outbox = Outbox(self._store, self._target, self.clock, threads, meter=meter, archive=archive)
        self._streams = InProcessStreams(self.address.streams, self.address.durable)
        connections = Connections(
            source=self._source, function=self._function, queue=self._queue, pipe=self.eventing.deliverer
        )
        self.supervisor = Supervisor(
            connections,
            self._store,
            outbox,
            self.clock,
            jitter=spread,
            pipe_jitter=any_part,
            meter=meter,
            threads=threads,
            source_over=self._source_over,
        )
        await self.supervisor.__aenter__()

    def _source_over(self, uuid: str) -> None:
        """A pipe minds (X12), a mapping does not."""
        if is_pipe(uuid):
            self.eventing.pipes.source_over(uuid)

    async def _lambda(self, request: Request) -> Response:
        if LambdaMappings.owns(request):
            return await self.mappings(request)
        if self._function_calls is not None:
            return await self._function_calls.around(request, self._lambda_functions)
        return await self._lambda_functions(request)

    async def _status(self) -> object:
        await self.eventing.pipes.look()
        return as_document(take(self.supervisor, self.clock.now(), self.eventing.pipes))

    async def _outbox(self) -> object:
        return await self.supervisor.outbox.document()

    async def _reset(self) -> None:
        await self.eventing.hold()
        await self.supervisor.clear()
        self.mappings.registry.clear()
        await self.eventing.reset()
        await self.functions.reset()
        self._targets.clear()
        self.metrics.forget()
        await self.journal.forget()
        await asyncio.to_thread(self._store.clear_journal)

    def _log(self, line: LogLine) -> None:
        self._logs.write(line)
        self._log_lines(line)
        self.journal.line(line.text, line.request_id, line.time)

    async def _fetch(self, bucket: str, key: str, region: str) -> bytes:
        answer = await self._aws.of(region).call("s3", "get_object", Bucket=bucket, Key=key)
        body = answer["Body"]
        return body if isinstance(body, bytes) else b""

    def _settings_of(self, uuid: str) -> MappingSettings | None:
        return self.supervisor.settings_of(uuid)

    def _source(self, settings: MappingSettings) -> Source:
        arn = settings.event_source_arn
        if settings.kind is not SourceKind.KINESIS:
            return StreamSource(self._streams, arn)
        region = parse_arn(arn).region
        role = self._role(settings, region)
        caller, news = self._aws.of(region), self.address.kinesis.news
        api = KinesisApi(caller, self.clock, news, role=role, reads_apart_s=0.0, idle_wait_s=IDLE_WAIT_S)
        return kinesis_source(api, arn)

    def _role(self, settings: MappingSettings, region: str) -> str:
        """The role that a Kinesis record names: the function's, or the pipe's."""
        if settings.is_pipe:
            return self.eventing.pipes.role(settings.function_arn)
        function = self.functions.find(settings.function_arn, region)
        return "" if function is None else function.settings.echoed.get("Role", "")

    def _queue(self, settings: MappingSettings) -> QueueSource:
        caller = self._aws.of(parse_arn(settings.event_source_arn).region)
        return SqsSource(caller, self.clock, settings.event_source_arn, news=self.address.queues.news)

    def _function(self, settings: MappingSettings) -> Function:
        arn = settings.function_arn
        return self._through(arn, _Named(self.functions, arn))

    def _target(self, destination: str) -> Target:
        found = self._targets.get(destination)
        if found is None:
            region = parse_arn(destination).region
            found = self._targets[destination] = choose_target(destination, self._aws.of(region))
        return found


class _Functions:
    """What mappings ask of the address's functions when they are set up."""

    def __init__(self, functions: FunctionRegistry) -> None:
        self._functions = functions

    def exists(self, name_or_arn: str, region: str) -> str | None:
        return self._functions.exists(name_or_arn, region)

    def timeout_s(self, name_or_arn: str, region: str) -> int | None:
        found = self._functions.find(name_or_arn, region)
        return None if found is None else found.settings.timeout_s


class _Streams:
    """What mappings ask of the address's streams when they are set up. No role is checked: whoever wants to see what
    AWS answers to one that may not read plans it for DescribeStream (E3)."""

    def __init__(self, streams: StreamRegistry, faults: FaultPlan) -> None:
        self._streams = streams
        self._faults = faults

    def exists(self, stream_arn: str) -> bool:
        denied = self._faults.take_if("dynamodbstreams", "DescribeStream", is_denial)
        if denied is not None:
            raise DeniedError(f"DescribeStream of {stream_arn}", code=denied)
        return self._streams.exists(stream_arn)


class _Named:
    """A function by its ARN, looked up at each invocation: a mapping outlives its function (R34)."""

    def __init__(self, functions: FunctionRegistry, arn: str) -> None:
        self._functions = functions
        self._arn = arn

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        region = parse_arn(self._arn).region
        return (await self._functions.invoke(self._arn, region, payload, request_id=request_id)).answer
