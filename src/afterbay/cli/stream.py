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
from afterbay.core.change.source import SourceKind, consumer_of, source_kind
from afterbay.engine.clock import Clock
from afterbay.engine.follow import Follower
from afterbay.errors import NotFoundError, SettingsError
from afterbay.sources.kinesis import KinesisApi, kinesis_source, made_up_role
from afterbay.sources.news import News
from afterbay.sources.regions import StreamRegions
from afterbay.sources.stream import StreamSource

__all__ = ["OpenStream", "follow_until_stopped", "open_stream"]


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A stream, and the clock that follows its service's time. ``kinesis``: what it is read by; None: it is a
    table's."""

    arn: str
    source: StreamSource
    clock: Clock
    kinesis: KinesisApi | None = None


@asynccontextmanager
async def open_stream(named: str, settings: AwsSettings) -> AsyncGenerator[OpenStream, None]:
    """The stream that ``named`` is the ARN of, a table's or Kinesis', or the newest one of the table so named.

    Raises ``SettingsError`` for what names no stream, ``ServiceError`` where the table cannot be asked.
    """
    aws = AwsRegions(settings)
    clock = Clock()
    streams = StreamRegions(aws, clock, on_date=clock.follow)
    try:
        if _is_kinesis(named):
            api = _kinesis_api(named, aws, clock)
            yield OpenStream(named, kinesis_source(api, named), clock, api)
            return
        arn = await _stream_arn(named, aws)
        streams_api = await streams.connect(parse_arn(arn).region)
        yield OpenStream(arn, StreamSource(streams_api, arn), clock)
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


def _is_kinesis(named: str) -> bool:
    """True for the ARN of a Kinesis stream. Raises ``SettingsError`` for one of anything else that Kinesis has."""
    if not named.startswith("arn:") or parse_arn(named).service != "kinesis":
        return False
    stream = consumer_of(named)
    if stream is not None:
        raise SettingsError(f"{named!r} is a consumer of a Kinesis stream", hint=f"name the stream: {stream}")
    try:
        return source_kind(named) is SourceKind.KINESIS
    except SettingsError as wrong:
        raise SettingsError(
            f"{named!r} is no Kinesis stream", hint="the form is arn:aws:kinesis:REGION:ACCOUNT:stream/NAME"
        ) from wrong


def _kinesis_api(arn: str, aws: AwsRegions, clock: Clock) -> KinesisApi:
    """Reads with the caller's own credentials, as ``afterbay run`` does."""
    stream = parse_arn(arn)
    return KinesisApi(
        aws.of(stream.region),
        clock,
        News(clock),
        role=made_up_role(stream),
        on_date=clock.follow,
        to_the_tip=True,
    )


async def _stream_arn(named: str, aws: AwsRegions) -> str:
    if named.startswith("arn:") and "/stream/" in named:
        return parse_stream_arn(named).arn
    region, table = "", named
    if named.startswith("arn:"):
        arn = parse_arn(named)
        kind, _, table = arn.resource.partition("/")
        if arn.service != "dynamodb" or kind != "table" or not table:
            raise SettingsError(
                f"{named!r} is no table, no stream of one and no Kinesis stream",
                hint="name a table, or give the ARN of a stream",
            )
        region = arn.region
    try:
        told = await aws.of(region).call("dynamodb", "describe_table", TableName=table)
    except NotFoundError as gone:
        hint = None if region else "a Kinesis stream is named by its ARN"
        raise NotFoundError(gone.message, code=gone.code, hint=hint) from gone
    found = cast("Mapping[str, object]", told["Table"]).get("LatestStreamArn")
    if not isinstance(found, str):
        raise SettingsError(
            f"the table {table} has no stream",
            hint="aws dynamodb update-table --stream-specification StreamEnabled=true,"
            "StreamViewType=NEW_AND_OLD_IMAGES makes one",
        )
    return found
