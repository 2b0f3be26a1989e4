"""``afterbay record``: a stream's records kept in a file, as they are."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from afterbay.aws.client import AwsSettings
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region, given_path
from afterbay.cli.output import Exit, print_json, say
from afterbay.cli.stream import follow_until_stopped, open_stream
from afterbay.core.shard.beginning import Beginning, parse_beginning
from afterbay.core.shard.frontier import Stood
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardId, StartAt
from afterbay.engine.clock import FOLLOW_TOLERANCE
from afterbay.engine.follow import Follower
from afterbay.engine.found import Found, Lost, RecordsFound, ShardFound, ShardOver, Started, Unreadable, Waiting
from afterbay.errors import NotFoundError, SettingsError
from afterbay.sources.kinesis import KinesisApi
from afterbay.sources.recording_lines import (
    TRIM,
    Head,
    RecordedEnd,
    RecordedGap,
    RecordedRecord,
    RecordedShard,
    RecordedUnreadable,
)
from afterbay.sources.recording_writer import RecordingWriter

__all__ = ["Recorder", "record", "trimmed_meanwhile"]


def record(
    stream: Annotated[str, typer.Argument(help="The ARN of a table's or Kinesis stream, or a table's name.")],
    file: Annotated[Path, typer.Argument(parser=given_path, help="Where to; packed if it ends in .gz.")],
    *,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="trim|latest|TIME", help="Where to begin, as tail takes it. Without it: trim."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C, not just until caught up.")] = False,
    append: Annotated[bool, typer.Option("--append", help="Go on behind the last record of FILE.")] = False,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Keep a stream's records in a file, every shard in order, to play them again. Exit code 1 if any were lost.

    Example: afterbay record orders orders.changes --from trim
    """
    if append and from_ is not None:
        raise SettingsError("--append goes on where the file ends", where="--from", hint="leave one of the two out")
    beginning = parse_beginning(TRIM if from_ is None else from_)
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    recorder = Recorder(file, append=append)
    asyncio.run(_record(stream, aws, recorder, beginning, follow=follow))
    if as_json:
        print_json(recorder.told())
    else:
        typer.echo(recorder.sentence())
    raise typer.Exit(Exit.FAILED if recorder.gaps or recorder.unreadable else Exit.DONE)


async def _record(stream: str, aws: AwsSettings, recorder: Recorder, beginning: Beginning, *, follow: bool) -> None:
    async with open_stream(stream, aws) as opened:
        try:
            resumed = recorder.open(opened.arn)
            if opened.kinesis is not None and resumed is not None:
                for lost in await trimmed_meanwhile(opened.kinesis, opened.arn, resumed.stood):
                    recorder.tell(lost)
            await follow_until_stopped(
                Follower(
                    opened.source,
                    opened.clock,
                    recorder.tell,
                    beginning=beginning if resumed is None else parse_beginning(resumed.head.begins),
                    until_caught_up=not follow,
                    stood={} if resumed is None else resumed.stood,
                )
            )
        finally:
            recorder.close()


async def trimmed_meanwhile(api: KinesisApi, stream_arn: str, stood: Stood) -> list[Lost]:
    """The shards of which Kinesis does not have the last recorded record any more. It begins at the oldest that it has
    without saying so (R51): what was written between the two is not known, and may be nothing."""

    async def lost(shard: ShardId, position: Position) -> Lost | None:
        try:
            if await api.has(stream_arn, shard, position):
                return None
        except NotFoundError:
            return None  # who reads it will say so
        return Lost(shard, f"trimmed up to the last record here, {position}, or further: what followed it may be gone")

    ends = [(shard, at.position) for shard, at in stood.items() if isinstance(at, After)]
    found = await asyncio.gather(*(lost(shard, position) for shard, position in ends))
    return [one for one in found if one is not None]


class Recorder:
    """Writes what is found, a page at a time. A new file is made once it is known where reading begins."""

    def __init__(self, path: Path, *, append: bool) -> None:
        self.gaps = 0
        self.unreadable = 0
        self._path = path
        self._append = append
        self._arn = ""
        self._writer: RecordingWriter | None = None
        self._records = 0
        self._shards = 0

    def open(self, stream_arn: str) -> RecordingWriter | None:
        """The recording that is gone on with; None for a new one. Raises ``SettingsError``."""
        self._arn = stream_arn
        if self._path.is_dir():
            raise SettingsError("is a folder", where=str(self._path), hint="name a file in it, as in orders.changes")
        there = self._path.exists() and self._path.stat().st_size > 0
        if there and not self._append:
            raise SettingsError(
                "is there already", where=str(self._path), hint="--append goes on behind its last record"
            )
        if there:
            self._writer = RecordingWriter.append(self._path, stream_arn)
        return self._writer

    def tell(self, found: Found) -> None:
        match found:
            case Started(start=start, at=at):
                self._begin(start, at)
            case ShardFound(description=description):
                self._shards += 1
                self._kept.write(RecordedShard(description))
            case RecordsFound(shard=shard, records=records):
                self._records += len(records)
                for one in records:
                    self._kept.write(RecordedRecord(shard, one))
            case Unreadable(shard=shard, error=error):
                self.unreadable += 1
                number = error.sequence_number
                say(f"a record of {shard} cannot be read and is kept as it came: {error.reason} ({number})")
                self._kept.write(RecordedUnreadable(shard, number, error.reason, error.body))
            case Lost(shard=shard, reason=reason, over=over):
                self.gaps += 1
                say(f"records of {shard} are lost: {reason}")
                self._kept.write(RecordedGap(shard, reason))
                if over:
                    self._kept.write(RecordedEnd(shard))
            case ShardOver(shard=shard):
                self._kept.write(RecordedEnd(shard))
            case Waiting(reason=reason):
                say(f"waiting: {reason}")
                return
        self._kept.flush()

    @property
    def _kept(self) -> RecordingWriter:
        assert self._writer is not None, "it starts before anything is found"
        return self._writer

    def _begin(self, start: StartAt, at: datetime) -> None:
        if self._writer is None:
            self._writer = RecordingWriter.create(self._path, Head(self._arn, _begins(start), _instant(at)))
        say(f"recording {self._arn} in {self._path}")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def told(self) -> dict[str, object]:
        """What came of this run."""
        return {
            "file": str(self._path),
            "stream_arn": self._arn,
            "records": self._records,
            "shards": self._shards,
            "unreadable": self.unreadable,
            "gaps": self.gaps,
        }

    def sentence(self) -> str:
        lost = f"; {self.gaps} gap(s), {self.unreadable} unreadable" if self.gaps or self.unreadable else ""
        return f"{self._records} record(s) of {self._shards} shard(s) recorded in {self._path}{lost}"


def _begins(start: StartAt) -> str:
    """Where a shard that is found later, or in another run, is read from."""
    match start:
        case AtTime(time=time):
            return _instant(time)
        case Latest(since=since):
            return _instant(since - FOLLOW_TOLERANCE)  # rather a record too many than one too few
        case _:
            return TRIM


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
