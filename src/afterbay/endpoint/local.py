"""The whole local address: moto, our services, and the engine that runs the mappings, wired together.

Letters and function logs leave as they do anywhere: by AWS calls, here to the address itself (DESIGN section 8).
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.credentials import Credentials

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.settings import MappingSettings
from afterbay.endpoint.address import Address
from afterbay.endpoint.function_logs import FunctionLogs
from afterbay.endpoint.protocol import Request, Response
from afterbay.endpoint.services.lambda_functions import LambdaFunctions
from afterbay.endpoint.services.lambda_mappings import LambdaMappings
from afterbay.endpoint.services.lambda_registry import FunctionRegistry
from afterbay.endpoint.streams_reader import InProcessStreams
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch
from afterbay.engine.jitter import spread
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.status import as_document, take
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.functions.child import LaunchSettings
from afterbay.functions.libraries import has_awslambdaric, link_libraries
from afterbay.functions.logs import LogLine, LogWriter
from afterbay.functions.runtimes import find_node
from afterbay.ports import Answer, Function, QueueSource, Source, Target
from afterbay.sources.kinesis import KinesisApi, kinesis_source
from afterbay.sources.sqs import SqsSource
from afterbay.sources.stream import StreamSource
from afterbay.stores.memory import MemoryStore
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

    def __init__(self, host: str, port: int, *, ready: bool = True) -> None:
        self._ready = ready
        self.clock = Clock()
        self.address = Address(host, port, self.clock, status=self._status, on_reset=self._reset)
        self._folder = tempfile.TemporaryDirectory(prefix="afterbay-dev-")
        self._targets: dict[str, Target] = {}

    @property
    def url(self) -> str:
        return self.address.url

    async def __aenter__(self) -> LocalAddress:
        await self.address.__aenter__()
        try:
            await self._start()
        except BaseException:
            await self.address.__aexit__(None, None, None)
            raise
        if self._ready:
            self.mark_ready()
        return self

    def mark_ready(self) -> None:
        """Everything that was asked for is up."""
        self.address.mark_ready()

    async def __aexit__(self, *exc: object) -> None:
        """Mappings finish what is in flight, then functions, then their logs; the address itself ends last."""
        await self.supervisor.__aexit__(*exc)
        await self.functions.close(grace_s=DRAIN_S)
        await self._logs.close()
        await self.metrics.close()
        await self.journal.close()
        self._aws.close()
        await self.address.__aexit__(None, None, None)
        await asyncio.to_thread(self._folder.cleanup)

    async def _start(self) -> None:
        libraries = await asyncio.to_thread(link_libraries, Path(self._folder.name) / "libraries")
        self._aws = AwsRegions(AwsSettings(endpoint_url=self.url, credentials=Credentials("test", "test")))
        self._logs = LogWriter(FunctionLogs(self._aws))
        self._logs.start()
        self.metrics = CloudWatch(self._put_metrics, NAMESPACE, settings_of=self._settings_of)
        self.metrics.start()
        self._store = MemoryStore(secrets.token_bytes(32))
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
            now=self.clock.now,
            faults=self.address.faults,
            metrics=self.metrics.add,
        )
        await self._start_engine()
        self.mappings = LambdaMappings(
            functions=_Functions(self.functions),
            streams=self.address.registry,
            kinesis=self.address.kinesis,
            queues=self.address.queues,
            engine=self.supervisor,
            now=self.clock.now,
        )
        self._lambda_functions = LambdaFunctions(self.functions, fetch=self._fetch)
        self.address.add_service("lambda", self._lambda)

    async def _start_engine(self) -> None:
        threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        meter = Meter(self.metrics, self.journal)
        outbox = Outbox(self._store, self._target, self.clock, threads, meter=meter)
        self._streams = InProcessStreams(self.address.streams)
        connections = Connections(source=self._source, function=self._function, queue=self._queue)
        self.supervisor = Supervisor(
            connections, self._store, outbox, self.clock, jitter=spread, meter=meter, threads=threads
        )
        await self.supervisor.__aenter__()

    async def _lambda(self, request: Request) -> Response:
        service = self.mappings if LambdaMappings.owns(request) else self._lambda_functions
        return await service(request)

    async def _status(self) -> object:
        return as_document(take(self.supervisor, self.clock.now()))

    async def _reset(self) -> None:
        await self.supervisor.clear()
        self.mappings.registry.clear()
        await self.functions.reset()
        self._targets.clear()
        self.metrics.forget()
        await self.journal.forget()
        self._store.clear_journal()

    def _log(self, line: LogLine) -> None:
        self._logs.write(line)
        self.journal.line(line.text, line.request_id, line.time)

    async def _fetch(self, bucket: str, key: str, region: str) -> bytes:
        answer = await self._aws.of(region).call("s3", "get_object", Bucket=bucket, Key=key)
        body = answer["Body"]
        return body if isinstance(body, bytes) else b""

    async def _put_metrics(self, region: str, namespace: str, data: list[dict[str, object]]) -> None:
        await self._aws.of(region).call("cloudwatch", "put_metric_data", Namespace=namespace, MetricData=data)

    def _settings_of(self, uuid: str) -> MappingSettings | None:
        return self.supervisor.settings_of(uuid)

    def _source(self, settings: MappingSettings) -> Source:
        arn = settings.event_source_arn
        if settings.kind is not SourceKind.KINESIS:
            return StreamSource(self._streams, arn)
        region = parse_arn(arn).region
        function = self.functions.find(settings.function_arn, region)
        role = "" if function is None else function.settings.echoed.get("Role", "")
        caller, news = self._aws.of(region), self.address.kinesis.news
        return kinesis_source(KinesisApi(caller, self.clock, news, role=role, reads_apart_s=0.0), arn)

    def _queue(self, settings: MappingSettings) -> QueueSource:
        caller = self._aws.of(parse_arn(settings.event_source_arn).region)
        return SqsSource(caller, self.clock, settings.event_source_arn, news=self.address.queues.news)

    def _function(self, settings: MappingSettings) -> Function:
        return _Named(self.functions, settings.function_arn)

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


class _Named:
    """A function by its ARN, looked up at each invocation: a mapping outlives its function (R34)."""

    def __init__(self, functions: FunctionRegistry, arn: str) -> None:
        self._functions = functions
        self._arn = arn

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer:
        region = parse_arn(self._arn).region
        return (await self._functions.invoke(self._arn, region, payload, request_id=request_id)).answer
