"""What ``afterbay run`` would do, looked at and not done: sources, destinations of letters, saved positions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from afterbay.aws.queue import QueueCalls
from afterbay.aws.regions import AwsRegions
from afterbay.core.change.arn import parse_arn
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.checkpoint import SavedAt, SavedShard
from afterbay.core.mapping.lineup import POSITIONED
from afterbay.core.mapping.settings import MappingSettings, check_starting_moment
from afterbay.core.shard.position import After, AtTime, ShardEnd, TrimHorizon
from afterbay.engine.standalone_pipes import StandalonePipes
from afterbay.engine.standalone_sources import StandaloneSources
from afterbay.engine.wanted import Wanted, WantedPipe
from afterbay.errors import AfterbayError
from afterbay.stores.position_file import PositionFile
from afterbay.stores.refusal import is_there

__all__ = ["Planned", "SavedPosition", "preview"]


@dataclass(frozen=True, slots=True)
class SavedPosition:
    """Where a shard goes on: a sequence number, a moment, or ``TRIM_HORIZON``; or ``SHARD_END``, which is done."""

    shard: str
    behind: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One mapping or pipe. ``name``: the function's ARN or the pipe's. ``starts_at``: where shards without a saved
    position begin, None for a queue; ``shards`` are those that the stream has now, None for a queue or where it could
    not be asked.

    ``letters``: dead letters that an earlier run stored and has not sent. ``faults``: what would go wrong.
    """

    kind: str
    name: str
    uuid: str
    place: str
    enabled: bool
    source: str
    enrichment: str | None
    target: str | None
    starts_at: str | None
    shards: int | None
    positions: tuple[SavedPosition, ...]
    letters: int
    warnings: tuple[str, ...]
    faults: tuple[str, ...]


async def preview(
    wanted: Iterable[Wanted],
    state: Path,
    *,
    sources: StandaloneSources,
    aws: AwsRegions,
    pipes: StandalonePipes,
    now: datetime,
) -> list[Planned]:
    """Look at everything that ``wanted`` needs, and start nothing: no state file is made or brought forward.

    ``sources`` are connected. Raises ``StateError`` for a state file that cannot be read.
    """
    everything = tuple(wanted)
    saved = await asyncio.to_thread(_saved, everything, state)
    return [await _planned(one, saved[one.uuid], sources, aws, pipes, now) for one in everything]


@dataclass(frozen=True, slots=True)
class _Kept:
    shards: tuple[SavedShard, ...]
    letters: int


def _saved(wanted: tuple[Wanted, ...], state: Path) -> dict[str, _Kept]:
    if not is_there(state):
        return {one.uuid: _Kept((), 0) for one in wanted}
    with PositionFile(state) as file:
        return {one.uuid: _Kept(file.load(one.uuid), file.letters(one.uuid)) for one in wanted}


async def _planned(
    wanted: Wanted, kept: _Kept, sources: StandaloneSources, aws: AwsRegions, pipes: StandalonePipes, now: datetime
) -> Planned:
    settings, faults = wanted.settings, list[str]()
    shards: int | None = None
    try:
        check_starting_moment(settings, now)
        shards = await _shards(settings, sources)
        await _look_at_destination(settings.on_failure, aws)
        if isinstance(wanted, WantedPipe):
            await pipes.check(wanted)
    except AfterbayError as error:
        faults.append(str(error))
    pipe = wanted.pipe if isinstance(wanted, WantedPipe) else None
    return Planned(
        kind="mapping" if pipe is None else "pipe",
        name=settings.function_arn,
        uuid=wanted.uuid,
        place=wanted.place,
        enabled=wanted.enabled,
        source=settings.event_source_arn,
        enrichment=None if pipe is None else pipe.enrichment,
        target=None if pipe is None else pipe.target,
        starts_at=None if settings.starting_position is None else settings.starting_position.value,
        shards=shards,
        positions=tuple(SavedPosition(one.shard, _told(one.at)) for one in kept.shards if one.shard != POSITIONED),
        letters=kept.letters,
        warnings=() if pipe is None else pipe.warnings,
        faults=tuple(faults),
    )


async def _shards(settings: MappingSettings, sources: StandaloneSources) -> int | None:
    """How many the stream lists; None for a queue. Raises ``ServiceError`` for a source that is not there."""
    if settings.kind is SourceKind.QUEUE:
        queue = sources.queue(settings)
        await queue.visibility_s()
        await queue.close()
        return None
    stream = sources.stream(settings)
    listed = await stream.list_shards(pin_latest=False)
    await stream.close()
    return len(listed.shards)


async def _look_at_destination(destination: str | None, aws: AwsRegions) -> None:
    """Raises ``ServiceError`` for a destination of dead letters that is not there; nothing is sent to it."""
    if destination is None:
        return
    arn = parse_arn(destination)
    caller = aws.of(arn.region)
    match arn.service:
        case "sqs":
            await QueueCalls(caller, destination).call("get_queue_attributes", AttributeNames=["QueueArn"])
        case "sns":
            await caller.call("sns", "get_topic_attributes", TopicArn=destination)
        case _:
            await caller.call("s3", "head_bucket", Bucket=arn.resource)


def _told(at: SavedAt) -> str:
    match at:
        case TrimHorizon():
            return "TRIM_HORIZON"
        case AtTime(time=time):
            return time.isoformat()
        case After(position=position):
            return str(position)
        case ShardEnd():
            return "SHARD_END"
