"""How verbs open a stream that a person named, and read it until they are told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.cli.running import until_told_to_stop
from afterbay.core.change.arn import parse_arn, parse_stream_arn
from afterbay.engine.clock import Clock
from afterbay.engine.follow import Follower
from afterbay.errors import SettingsError
from afterbay.sources.regions import StreamRegions
from afterbay.sources.stream import StreamSource

__all__ = ["OpenStream", "follow_until_stopped", "open_stream"]


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream, and the clock that follows its service's time."""

    arn: str
    source: StreamSource
    clock: Clock


@asynccontextmanager
async def open_stream(named: str, settings: AwsSettings) -> AsyncGenerator[OpenStream, None]:
    """The stream that ``named`` is the ARN of, or the newest one of the table of that name or ARN.

    Raises ``SettingsError`` for what names no stream, ``ServiceError`` where the table cannot be asked.
    """
    aws = AwsRegions(settings)
    clock = Clock()
    streams = StreamRegions(aws, clock, on_date=clock.follow)
    try:
        arn = await _stream_arn(named, aws)
        api = await streams.connect(parse_arn(arn).region)
        yield OpenStream(arn, StreamSource(api, arn), clock)
    finally:
        await streams.close()
        aws.close()


async def follow_until_stopped(follower: Follower) -> None:
    """Read until the follower ends by itself, or SIGTERM or Ctrl-C ends it. Raises what the follower raises."""
    reading = asyncio.ensure_future(follower.run())
    told = asyncio.ensure_future(until_told_to_stop())
    await asyncio.wait((reading, told), return_when=asyncio.FIRST_COMPLETED)
    for one in (reading, told):
        one.cancel()
    outcomes = await asyncio.gather(reading, told, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome


async def _stream_arn(named: str, aws: AwsRegions) -> str:
    if named.startswith("arn:") and "/stream/" in named:
        return parse_stream_arn(named).arn
    region, table = "", named
    if named.startswith("arn:"):
        arn = parse_arn(named)
        kind, _, table = arn.resource.partition("/")
        if arn.service != "dynamodb" or kind != "table" or not table:
            raise SettingsError(
                f"{named!r} is no table and no stream of one", hint="name a table, or give the ARN of its stream"
            )
        region = arn.region
    told = await aws.of(region).call("dynamodb", "describe_table", TableName=table)
    found = cast("Mapping[str, object]", told["Table"]).get("LatestStreamArn")
    if not isinstance(found, str):
        raise SettingsError(
            f"the table {table} has no stream",
            hint="aws dynamodb update-table --stream-specification StreamEnabled=true,"
            "StreamViewType=NEW_AND_OLD_IMAGES makes one",
        )
    return found
