"""DynamoDB Streams by region: one caller and one API for each region that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from afterbay.aws.http import JsonCaller
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn
from afterbay.sources.http_streams import SIGNING_NAME, TARGET, HttpStreamsApi
from afterbay.sources.streams_api import Clock

__all__ = ["StreamRegions"]


class StreamRegions:
    """Belongs to one event loop; ``close`` it. ``aws`` stays its maker's.

    ``on_date`` hears the service's time with every answer: ages are told by it (DESIGN section 8).
    """

    def __init__(self, aws: AwsRegions, clock: Clock, *, on_date: Callable[[datetime], None] | None = None) -> None:
        self._aws = aws
        self._clock = clock
        self._on_date = on_date
        self._callers: dict[str, JsonCaller] = {}
        self._apis: dict[str, HttpStreamsApi] = {}

    async def connect(self, region: str) -> HttpStreamsApi:
        """The API of ``region``, made at the first call. Raises ``ServiceError`` where credentials cannot be had."""
        found = self._apis.get(region)
        if found is None:
            aws = self._aws.of(region)
            caller = JsonCaller(
                aws.session(),
                endpoint=await aws.endpoint("dynamodbstreams"),
                region=region,
                signing_name=SIGNING_NAME,
                target=TARGET,
                on_date=self._on_date,
            )
            self._callers[region] = caller
            await caller.prepare()
            found = self._apis[region] = HttpStreamsApi(caller, self._clock)
        return found

    def of(self, stream_arn: str) -> HttpStreamsApi:
        """The API that serves a stream, of a region that is connected."""
        return self._apis[parse_arn(stream_arn).region]

    async def close(self) -> None:
        for caller in self._callers.values():
            await caller.close()
