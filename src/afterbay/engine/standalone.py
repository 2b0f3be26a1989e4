"""``afterbay run``: one process, mappings and pipes from files, streams over HTTP, state in SQLite."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn, parse_function_name
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.metrics import Datum
from afterbay.core.mapping.settings import MappingSettings, check_starting_moment
from afterbay.core.pipe.reason import SourceLost
from afterbay.engine.clock import Clock
from afterbay.engine.cloudwatch import CloudWatch, put_through
from afterbay.engine.jitter import any_part, spread
from afterbay.engine.journal import Journal
from afterbay.engine.meter import Meter
from afterbay.engine.outbox import Outbox
from afterbay.engine.preview import Planned, preview
from afterbay.engine.standalone_pipes import StandalonePipes, functions_of
from afterbay.engine.standalone_sources import StandaloneSources
from afterbay.engine.supervisor import Connections, Supervisor
from afterbay.engine.wanted import Wanted, WantedMapping, WantedPipe
from afterbay.errors import SettingsError
from afterbay.functions.lambda_api import FUNCTION_TIMEOUT_S, LambdaApiFunction
from afterbay.functions.local import Handler, LocalFunction
from afterbay.ports import Function, Source, Target
from afterbay.stores.sqlite import SqliteStore
from afterbay.targets.archive import open_archive
from afterbay.targets.choose import choose_target

__all__ = ["Standalone"]

log = logging.getLogger(__name__)

STORE_THREADS = 2

METRICS_EVERY_S = 20.0
"""Three calls a minute and region: each costs, and CloudWatch shows no less than a minute."""


class Standalone:
    """``async with`` it: mappings and pipes run inside the block and are drained at its end.

    ``handler`` is called in this process instead of a function behind the Lambda API. ``metrics`` is the CloudWatch
    namespace to write to, ``archive`` the place where bodies of discarded records are kept; None: none. Raises
    ``SettingsError`` for what asks for something that is not at hand.
    """

    def __init__(
        self,
        mappings: tuple[WantedMapping, ...],
        state: Path,
        aws: AwsSettings,
        *,
        pipes: tuple[WantedPipe, ...] = (),
        handler: Handler | None = None,
        metrics: str | None = None,
        archive: str | None = None,
    ) -> None:
        _check_reach(mappings, metrics)
        if handler is not None:
            _check_inline(mappings, pipes)
        self.wanted: tuple[Wanted, ...] = (*mappings, *pipes)
        counted = ((len(mappings), "mapping(s)"), (len(pipes), "pipe(s)"))
        self.told = " and ".join(f"{count} {name}" for count, name in counted if count)
        self.state = state
        self._handler = handler
        self._namespace = metrics
        self._metrics: CloudWatch | None = None
        self._journal: Journal | None = None
        self._store: SqliteStore | None = None
        self._clock = Clock()
        self._aws = AwsRegions(aws)
        self._archive = None if archive is None else open_archive(archive, self._aws.of(""))
        self._invoking = AwsRegions(aws, read_timeout_s=FUNCTION_TIMEOUT_S, attempts_max=1)
        self._sources = StandaloneSources((one.settings for one in self.wanted), aws, self._clock)
        self._pipes = StandalonePipes(pipes, aws, self._clock, function=self._function_of_pipes, metrics=self._measured)
        self._locals: list[LocalFunction] = []
        self._stops: set[asyncio.Task[None]] = set()
        self._of_pipes: dict[str, Function] = {}
        self._targets: dict[str, Target] = {}

    async def __aenter__(self) -> Standalone:
        self._store = store = SqliteStore(self.state)
        try:
            await self._start(store)
        except BaseException:
            await self._let_go()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.supervisor.__aexit__(*exc)
        await self._let_go()

    async def _start(self, store: SqliteStore) -> None:
        for one in self.wanted:
            check_starting_moment(one.settings, self._clock.now())
        await self._connect()
        threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="store")
        meter = self._meter(store)
        await self._pipes.start()
        outbox = Outbox(store, self._target, self._clock, threads, meter=meter, archive=self._archive)
        connections = Connections(
            source=self._source, function=self._function, queue=self._sources.queue, pipe=self._pipes.deliverer
        )
        self.supervisor = Supervisor(
            connections,
            store,
            outbox,
            self._clock,
            jitter=spread,
            pipe_jitter=any_part,
            meter=meter,
            threads=threads,
            source_over=self._source_over,
        )
        await self.supervisor.__aenter__()
        for one in self.wanted:
            await self.supervisor.create(one.uuid, one.settings, enabled=one.enabled)

    async def look(self) -> list[Planned]:
        """What the block would run, and what would go wrong with it; nothing is started. Not to be entered behind it.

        Raises ``SettingsError``, ``StateError``.
        """
        try:
            await self._connect()
            return await preview(
                self.wanted,
                self.state,
                sources=self._sources,
                aws=self._aws,
                pipes=self._pipes,
                now=self._clock.now(),
            )
        finally:
            await self._let_go()

    async def _connect(self) -> None:
        await self._sources.connect()
        for region in self._sources.regions:
            await self._check_namespace(region)

    async def _check_namespace(self, region: str) -> None:
        if self._namespace is None or not self._namespace.startswith("AWS/"):
            return
        if ".amazonaws.com" in await self._aws.of(region).endpoint("cloudwatch"):
            raise SettingsError(
                f"{self._namespace}: only AWS itself may write to a namespace that begins with AWS/",
                where="--metrics",
                hint="as in --metrics orders",
            )

    def _meter(self, store: SqliteStore) -> Meter:
        self._journal = Journal(store)
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
        return Meter(self._metrics, self._pipes.logs, self._journal)

    def _source_over(self, uuid: str) -> None:
        """X12: a pipe stops with its stream; a mapping does not mind. A queue that denies is asked again: whoever runs
        this may mend that meanwhile."""
        settings = self.supervisor.settings_of(uuid)
        if settings is not None and settings.is_pipe and settings.kind is not SourceKind.QUEUE:
            fields = {"pipe": settings.function_arn, "why": SourceLost.STREAM_GONE.value}
            log.warning("pipe stopped by itself", extra=fields)
            task = asyncio.get_running_loop().create_task(self.supervisor.update(uuid, settings, enabled=False))
            self._stops.add(task)
            task.add_done_callback(self._stops.discard)

    def _measured(self, data: Iterable[Datum]) -> None:
        if self._metrics is not None:
            self._metrics.add(data)

    async def _let_go(self) -> None:
        await self._pipes.close()
        if self._metrics is not None:
            await self._metrics.close()
        await self._sources.close()
        for function in self._locals:
            await function.close()
        self._aws.close()
        self._invoking.close()
        if self._journal is not None:
            await self._journal.close()
        if self._store is not None:
            self._store.close()

    def _source(self, settings: MappingSettings) -> Source:
        role = self._pipes.role(settings.function_arn) if settings.is_pipe else None
        return self._sources.stream(settings, role=role)

    def _function(self, settings: MappingSettings) -> Function:
        return self._function_at(settings.function_arn)

    def _function_of_pipes(self, arn: str) -> Function:
        """Asked for at each call."""
        found = self._of_pipes.get(arn)
        if found is None:
            found = self._of_pipes[arn] = self._function_at(arn)
        return found

    def _function_at(self, arn: str) -> Function:
        if self._handler is None:
            return LambdaApiFunction(self._invoking.of(parse_arn(arn).region), arn)
        function = LocalFunction(self._handler, name=parse_function_name(arn).name, arn=arn)
        self._locals.append(function)
        return function

    def _target(self, destination: str) -> Target:
        found = self._targets.get(destination)
        if found is None:
            region = parse_arn(destination).region
            found = self._targets[destination] = choose_target(destination, self._aws.of(region))
        return found


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


def _check_inline(mappings: tuple[WantedMapping, ...], pipes: tuple[WantedPipe, ...]) -> None:
    """Refuse an inline function that nothing calls, and one that is to be handed over and not waited for."""
    called = [(one, waits) for one in pipes for _, waits in functions_of(one.pipe)]
    if not mappings and not called:
        raise SettingsError("no mapping and no pipe here calls a function", where="--inline", hint="leave it out")
    for one, waits in called:
        if not waits:
            raise SettingsError(
                "InvocationType FIRE_AND_FORGET hands the event over to Lambda, and --inline calls in this process",
                where=one.place,
                hint="use REQUEST_RESPONSE, or leave --inline out",
            )
