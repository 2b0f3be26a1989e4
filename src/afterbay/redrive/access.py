"""What the verbs on dead letters reach: queues, buckets, streams, owners, functions and sinks, by region.

Does; decides nothing. The time is the services' own: every answer that has a ``Date`` sets it (DESIGN section 8).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from afterbay.aws.client import Aws, AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import TABLE_RETENTION_S, SourceKind
from afterbay.core.change.value import TypedItem
from afterbay.engine.clock import Clock
from afterbay.engine.wanted import Wanted
from afterbay.errors import ServiceError
from afterbay.functions.lambda_api import FUNCTION_TIMEOUT_S, LambdaApiFunction
from afterbay.redrive.bodies import Bodies, compile_filters, find_bodies, source_kind
from afterbay.redrive.bucket import BucketMailbox
from afterbay.redrive.letter import DeadLetter, ObjectPlace, Place, QueuePlace
from afterbay.redrive.mailbox import Mailbox
from afterbay.redrive.owner import Owner, find_owner, owner_in
from afterbay.redrive.plan import Destination, PlannedLetter
from afterbay.redrive.queue import QueueMailbox
from afterbay.redrive.send import FunctionSender, Sender, SinkSender
from afterbay.redrive.steps import Again
from afterbay.sinks.address import open_sink, parse_address
from afterbay.sinks.elsewhere import refuse_elsewhere
from afterbay.sinks.mending import MendableSink
from afterbay.sinks.where import WhereSink
from afterbay.sources.kinesis import KinesisApi, made_up_role
from afterbay.sources.news import News
from afterbay.sources.regions import StreamRegions
from afterbay.sources.span import Reread, Span, reread
from afterbay.sources.streams_api import StreamsApi
from afterbay.targets.archive import Archive, open_archive

if TYPE_CHECKING:
    from afterbay.sinks.where import GuardedStore

__all__ = ["Access"]

_QUEUE_URL = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)amazonaws\.com(?:\.cn)?/")


class Access:
    """``async with`` it. ``archive``: where bodies are kept, None: nowhere. ``delete_objects``: letters in S3 that are
    done with are deleted. ``wanted``: what `afterbay run` runs, whose settings no service can be asked for."""

    def __init__(
        self,
        settings: AwsSettings,
        *,
        archive: str | None = None,
        delete_objects: bool = False,
        wanted: Sequence[Wanted] = (),
    ) -> None:
        self._wanted = wanted
        self._settings = settings
        self._aws = AwsRegions(settings)
        self._invoking = AwsRegions(settings, read_timeout_s=FUNCTION_TIMEOUT_S, attempts_max=1)
        self._clock = Clock()
        self._streams = StreamRegions(self._aws, self._clock, on_date=self._clock.follow)
        self._delete_objects = delete_objects
        self.archive: Archive | None = None if archive is None else open_archive(archive, self._aws.of(""))
        self._queues: dict[str, QueueMailbox] = {}
        self._buckets: dict[tuple[str, str], BucketMailbox] = {}
        self._sinks: dict[str, GuardedStore] = {}
        self._owners: dict[tuple[str, ...], Owner] = {}
        self._retention_s: dict[str, float] = {}

    async def __aenter__(self) -> Access:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """What is held is given back, also where the run was stopped."""
        for queue in self._queues.values():
            await queue.release()
        for sink in self._sinks.values():
            await asyncio.to_thread(sink.close)
        await self._streams.close()
        self._aws.close()
        self._invoking.close()

    def now(self) -> datetime:
        """By the services' clock, as far as one was heard."""
        return self._clock.now()

    def aws(self, region: str = "") -> Aws:
        return self._aws.of(region)

    # Where letters lie

    def queue(self, url: str) -> QueueMailbox:
        if url not in self._queues:
            caller = self._aws.of(_region_of(url))
            self._queues[url] = QueueMailbox(caller, url, on_date=self._clock.follow)
        return self._queues[url]

    def bucket(self, bucket: str, prefix: str = "") -> BucketMailbox:
        if (bucket, prefix) not in self._buckets:
            self._buckets[bucket, prefix] = BucketMailbox(
                self._aws.of(""),
                bucket,
                prefix,
                now=self._clock.now,
                on_date=self._clock.follow,
                deletes=self._delete_objects,
            )
        return self._buckets[bucket, prefix]

    def mailbox(self, place: Place) -> Mailbox:
        match place:
            case QueuePlace(url=url):
                return self.queue(url)
            case ObjectPlace(bucket=bucket):
                return self.bucket(bucket)

    # What letters are about

    async def owner(self, letter: DeadLetter) -> Owner:
        """Its settings, asked for once; of what is in a file, those of the file."""
        written = owner_in(self._wanted, letter)
        if written is not None:
            return written
        key = (letter.owner, letter.stream_arn, letter.target or "", str(letter.window))
        if key not in self._owners:
            caller = self._aws.of(parse_arn(letter.owner).region if letter.owner else "")
            self._owners[key] = await find_owner(caller, letter)
        return self._owners[key]

    async def bodies(self, letter: DeadLetter, filters: Sequence[str]) -> Bodies:
        """Its records, filtered. Raises ``ServiceError``."""
        passes = compile_filters(filters, letter.stream_arn, letter.owner) if filters else None
        return await find_bodies(letter, passes, self._read, self.archive)

    async def retention_s(self, stream_arn: str) -> float:
        """How long a stream keeps a record."""
        if not stream_arn or source_kind(stream_arn) is SourceKind.TABLE:
            return TABLE_RETENTION_S
        if stream_arn not in self._retention_s:
            self._retention_s[stream_arn] = await self._kinesis_retention_s(stream_arn)
        return self._retention_s[stream_arn]

    async def read_again(self, letter: PlannedLetter) -> Again:
        """See ``apply.Reach``."""
        place = letter.place.place()
        found = await self.mailbox(place).letter(place)
        if found is None:
            return Again(failed="the letter is gone since it was found: apply once more")
        bodies = await self.bodies(found, letter.filters)
        if bodies.unreadable is not None:
            return Again(failed=bodies.unreadable)
        return Again(bodies.records, lost=bodies.lost if bodies.come_from is None else None)

    # Where records go

    def sender(self, letter: PlannedLetter, send: Destination) -> Sender:
        """See ``apply.Reach``."""
        if send.into is not None:
            return SinkSender(self.sink(send.into))
        function = send.function or ""
        region = parse_arn(function).region if function.startswith("arn:") else _region_of_owner(letter)
        invoked = LambdaApiFunction(self._invoking.of(region), function)
        return FunctionSender(invoked, send.form, partial=send.partial, source=source_kind(letter.stream or ""))

    def sink(self, address: str) -> GuardedStore:
        """Raises ``SettingsError`` for what is no address."""
        if address not in self._sinks:
            parsed = parse_address(address)
            refuse_elsewhere(parsed, self._settings, "--into")
            self._sinks[address] = open_sink(parsed)
        return self._sinks[address]

    async def tokens(self, address: str, keys: dict[bytes, dict[str, object]]) -> dict[bytes, str | None] | None:
        """What the sink holds for keys; None: single items of it cannot be looked up. Raises ``SettingsError`` for what
        cannot be this sink: better before anybody agrees to the plan."""
        sink = self.sink(address)
        store = sink.inner if isinstance(sink, WhereSink) else sink
        wanted: list[TypedItem] = list(keys.values())
        if not isinstance(store, MendableSink):
            return None
        held = await asyncio.to_thread(store.look_up, wanted)
        return {key: one.token for key, one in zip(keys, held, strict=True)}

    async def _read(self, span: Span) -> Reread:
        try:
            return await reread(await self._api(span.stream_arn), span)
        except ServiceError as error:
            if error.code == "InvalidArgumentException" and source_kind(span.stream_arn) is SourceKind.KINESIS:
                return Reread((), lost=f"trimmed: {error.message}")  # Kinesis' word for a number that it has no more
            raise

    async def _api(self, stream_arn: str) -> StreamsApi:
        arn = parse_arn(stream_arn)
        if source_kind(stream_arn) is SourceKind.TABLE:
            return await self._streams.connect(arn.region)
        caller = self._aws.of(arn.region)
        role = made_up_role(arn)
        return KinesisApi(caller, self._clock, News(self._clock), role=role, on_date=self._clock.follow)

    async def _kinesis_retention_s(self, stream_arn: str) -> float:
        caller = self._aws.of(parse_arn(stream_arn).region)
        try:
            answer = await caller.call("kinesis", "describe_stream_summary", StreamARN=stream_arn)
            told = msgspec.convert(answer.get("StreamDescriptionSummary"), _Summary)
        except (ServiceError, msgspec.ValidationError):
            return TABLE_RETENTION_S  # its default, should it be gone
        return told.RetentionPeriodHours * 3600.0


class _Summary(msgspec.Struct):
    RetentionPeriodHours: int


def _region_of(url: str) -> str:
    """The region in a queue's URL; empty where it names none."""
    found = _QUEUE_URL.match(url)
    return "" if found is None else found[1] or found[2]


def _region_of_owner(letter: PlannedLetter) -> str:
    return parse_arn(letter.owner).region if letter.owner.startswith("arn:") else ""
