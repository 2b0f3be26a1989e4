"""How ``afterbay run`` reads: streams over HTTP, Kinesis and queues through the SDK, at AWS or an address like it."""

from __future__ import annotations

from collections.abc import Iterable

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.queue import RECEIVES_MAX
from afterbay.core.mapping.settings import MappingSettings
from afterbay.engine.clock import Clock
from afterbay.ports import QueueSource, Source
from afterbay.sources.kinesis import KinesisApi, kinesis_source, made_up_role
from afterbay.sources.news import News
from afterbay.sources.regions import StreamRegions
from afterbay.sources.sqs import SqsSource
from afterbay.sources.stream import StreamSource

__all__ = ["StandaloneSources"]


class StandaloneSources:
    """``connect`` it before anything is read, ``close`` it behind that. ``clock`` follows the services' own."""

    def __init__(self, settings: Iterable[MappingSettings], aws: AwsSettings, clock: Clock) -> None:
        self._settings = tuple(settings)
        self._clock = clock
        self._aws = AwsRegions(aws)
        self._listening = AwsRegions(aws, threads=_listeners(self._settings))
        self._streams = StreamRegions(self._aws, clock, on_date=clock.follow)

    @property
    def regions(self) -> frozenset[str]:
        """Of everything that is read."""
        return frozenset(parse_arn(one.event_source_arn).region for one in self._settings)

    async def connect(self) -> None:
        """Find out where streams are asked for. Raises ``SettingsError``, and ``ServiceError`` without credentials."""
        for region in self.regions:
            await self._streams.connect(region)

    def stream(self, settings: MappingSettings, *, role: str | None = None) -> Source:
        """``role``: the one that records of Kinesis name; None: one made up, since nobody's is assumed."""
        arn = settings.event_source_arn
        source = parse_arn(arn)
        if settings.kind is not SourceKind.KINESIS:
            return StreamSource(self._streams.of(arn), arn)
        told = role or made_up_role(source)
        caller = self._aws.of(source.region)
        api = KinesisApi(caller, self._clock, News(self._clock), role=told, on_date=self._clock.follow)
        return kinesis_source(api, arn)

    def queue(self, settings: MappingSettings) -> QueueSource:
        arn = settings.event_source_arn
        return SqsSource(self._listening.of(parse_arn(arn).region), self._clock, arn)

    async def close(self) -> None:
        await self._streams.close()
        self._aws.close()
        self._listening.close()


def _listeners(settings: tuple[MappingSettings, ...]) -> int:
    """Threads for calls to queues: every receive of every queue may wait at once, and a deletion behind none."""
    queues = sum(one.kind is SourceKind.QUEUE for one in settings)
    return (RECEIVES_MAX + 1) * queues + 4
