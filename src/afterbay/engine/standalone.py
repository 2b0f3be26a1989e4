"""``afterbay run`` in its smallest form: one process, mappings from a file, streams over HTTP, state in SQLite."""

from __future__ import annotations

import uuid as uuids
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn, parse_function_name
from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.queue import RECEIVES_MAX
from afterbay.core.mapping.settings import (
    MappingSettings,
    check_starting_moment,
    parse_create,
    unknown_parameters,
)
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch, put_through
from afterbay.engine.jitter import spread
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.errors import SettingsError
from afterbay.functions.lambda_api import LambdaApiFunction
from afterbay.functions.local import Handler, LocalFunction
from afterbay.ports import Function, QueueSource, Source, Target
from afterbay.sources.kinesis import KinesisApi, kinesis_source
from afterbay.sources.news import News
from afterbay.sources.regions import StreamRegions
from afterbay.sources.sqs import SqsSource
from afterbay.sources.stream import StreamSource
from afterbay.stores.sqlite import SqliteStore
from afterbay.targets.choose import choose_target

__all__ = ["Standalone", "WantedMapping", "read_mappings"]

FUNCTION_TIMEOUT_S = 910
"""Longer than the longest function (15 minutes): the call must not give up on a function that is still running."""

STORE_THREADS = 2

METRICS_EVERY_S = 20.0
"""Three calls a minute and region: each costs, and CloudWatch shows no less than a minute."""

_NAMESPACE = uuids.UUID("5f1f4d5e-8f57-4b0c-9f0a-0d8f3a0c7e11")


@dataclass(frozen=True, slots=True)
class WantedMapping:
    """A mapping of the file. ``uuid`` follows from source and function, so that a restart finds its positions again.
    ``place`` is where it stands."""

    uuid: str
    settings: MappingSettings
    enabled: bool
    place: str


def read_mappings(path: Path) -> tuple[WantedMapping, ...]:
    """Read FILE: one request of CreateEventSourceMapping, or a list. Raises ``SettingsError`` with the place."""
    try:
        document: JsonValue = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"is not JSON: {error}", where=str(path)) from error
    entries = document if isinstance(document, list) else [document]
    if not entries:
        raise SettingsError("holds no mapping", where=str(path))
    wanted: dict[str, WantedMapping] = {}
    for index, entry in enumerate(entries):
        where = f"{path}[{index}]" if isinstance(document, list) else str(path)
        one = _read_one(entry, where)
        if one.uuid in wanted:
            raise SettingsError("source and function are the same as in an earlier mapping", where=where)
        wanted[one.uuid] = one
    return tuple(wanted.values())


def _read_one(entry: JsonValue, where: str) -> WantedMapping:
    if not isinstance(entry, dict):
        raise SettingsError(f"a mapping is a JSON object, not {type(entry).__name__}", where=where)
    unknown = unknown_parameters(entry)
    if unknown:
        raise SettingsError(
            f"{unknown[0]!r} is no parameter of CreateEventSourceMapping",
            where=where,
            hint="names are AWS's own, as in BatchSize",
        )
    try:
        request = parse_create(entry)
        source = parse_arn(request.settings.event_source_arn)
        name = parse_function_name(request.function_name)
    except SettingsError as error:
        raise SettingsError(error.message, code=error.code, where=where, hint=error.hint) from error
    settings = request.resolved(name.arn(region=source.region, account=source.account, partition=source.partition))
    uuid = str(uuids.uuid5(_NAMESPACE, f"{settings.event_source_arn} {settings.function_arn}"))
    return WantedMapping(uuid, settings, request.enabled, where)


def _check_reach(mappings: tuple[WantedMapping, ...], metrics: str | None) -> None:
    """Refuse what would be stored and ignored."""
    for one in mappings:
        if one.settings.event_count and metrics is None:
            raise SettingsError(
                "MetricsConfig asks for EventCount, and no metrics are written",
                where=one.place,
                hint="give --metrics NAMESPACE, or leave MetricsConfig out",
            )
        if one.settings.kms_key_arn is not None:
            raise SettingsError(
                "KMSKeyArn encrypts filters that Lambda keeps; here they are in your file",
                where=one.place,
                hint="leave KMSKeyArn out",
            )


def _listeners(mappings: tuple[WantedMapping, ...]) -> int:
    """Threads for calls to queues: every receive of every queue may wait at once, and a deletion behind none."""
    queues = sum(one.settings.kind is SourceKind.QUEUE for one in mappings)
    return (RECEIVES_MAX + 1) * queues + 4


class Standalone:
    """``async with`` it: the mappings run inside the block and are drained at its end.

    ``handler`` is called in this process instead of a function behind the Lambda API. ``metrics`` is the CloudWatch
    namespace to write to; None: none. Raises ``SettingsError`` for a mapping that asks for what is not at hand.
    """

    def __init__(
        self,
        mappings: tuple[WantedMapping, ...],
        state: Path,
        aws: AwsSettings,
        *,
        handler: Handler | None = None,
        metrics: str | None = None,
    ) -> None:
        _check_reach(mappings, metrics)
        self.mappings = mappings
        self.state = state
        self._handler = handler
        self._namespace = metrics
        self._metrics: CloudWatch | None = None
        self._journal: Journal | None = None
        self._clock = Clock()
        self._aws = AwsRegions(aws)
        self._invoking = AwsRegions(aws, read_timeout_s=FUNCTION_TIMEOUT_S, attempts_max=1)
        self._listening = AwsRegions(aws, threads=_listeners(mappings))
        self._streams = StreamRegions(self._aws, self._clock, on_date=self._clock.follow)
        self._locals: list[LocalFunction] = []
        self._targets: dict[str, Target] = {}

    async def __aenter__(self) -> Standalone:
        self._store = SqliteStore(self.state)
        try:
            await self._start()
        except BaseException:
            await self._let_go()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.supervisor.__aexit__(*exc)
        if self._metrics is not None:
            await self._metrics.close()
        await self._let_go()

    async def _start(self) -> None:
        for one in self.mappings:
            check_starting_moment(one.settings, self._clock.now())
        for region in {parse_arn(one.settings.event_source_arn).region for one in self.mappings}:
            await self._streams.connect(region)
            await self._check_namespace(region)
        threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        meter = self._meter()
        outbox = Outbox(self._store, self._target, self._clock, threads, meter=meter)
        connections = Connections(source=self._source, function=self._function, queue=self._queue)
        self.supervisor = Supervisor(
            connections, self._store, outbox, self._clock, jitter=spread, meter=meter, threads=threads
        )
        await self.supervisor.__aenter__()
        for one in self.mappings:
            await self.supervisor.create(one.uuid, one.settings, enabled=one.enabled)

    async def _check_namespace(self, region: str) -> None:
        if self._namespace is None or not self._namespace.startswith("AWS/"):
            return
        if ".amazonaws.com" in await self._aws.of(region).endpoint("cloudwatch"):
            raise SettingsError(
                f"{self._namespace}: only AWS itself may write to a namespace that begins with AWS/",
                where="--metrics",
                hint="as in --metrics orders",
            )

    def _meter(self) -> Meter:
        self._journal = Journal(self._store)
        self._journal.start()
        if self._namespace is None:
            return Meter(self._journal)
        self._metrics = CloudWatch(
            put_through(self._aws),
            self._namespace,
            settings_of=lambda uuid: self.supervisor.settings_of(uuid),
            counts_functions=self._handler is not None,
            send_every_s=METRICS_EVERY_S,
        )
        self._metrics.start()
        return Meter(self._metrics, self._journal)

    async def _let_go(self) -> None:
        await self._streams.close()
        for function in self._locals:
            await function.close()
        self._aws.close()
        self._invoking.close()
        self._listening.close()
        if self._journal is not None:
            await self._journal.close()
        self._store.close()

    def _source(self, settings: MappingSettings) -> Source:
        arn = settings.event_source_arn
        source = parse_arn(arn)
        if settings.kind is not SourceKind.KINESIS:
            return StreamSource(self._streams.of(arn), arn)
        role = f"arn:{source.partition}:iam::{source.account}:role/afterbay"
        caller = self._aws.of(source.region)
        api = KinesisApi(caller, self._clock, News(self._clock), role=role, on_date=self._clock.follow)
        return kinesis_source(api, arn)

    def _queue(self, settings: MappingSettings) -> QueueSource:
        arn = settings.event_source_arn
        return SqsSource(self._listening.of(parse_arn(arn).region), self._clock, arn)

    def _function(self, settings: MappingSettings) -> Function:
        if self._handler is None:
            region = parse_arn(settings.function_arn).region
            return LambdaApiFunction(self._invoking.of(region), settings.function_arn)
        name = parse_function_name(settings.function_arn).name
        function = LocalFunction(self._handler, name=name, arn=settings.function_arn)
        self._locals.append(function)
        return function

    def _target(self, destination: str) -> Target:
        found = self._targets.get(destination)
        if found is None:
            region = parse_arn(destination).region
            found = self._targets[destination] = choose_target(destination, self._aws.of(region))
        return found
