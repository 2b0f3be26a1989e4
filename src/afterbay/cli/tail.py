"""``afterbay tail``: a stream's changes as they come, decoded."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from afterbay.aws.client import AwsSettings
from afterbay.cli.change_lines import (
    Change,
    Wanted,
    change_document,
    change_lines,
    unreadable_document,
    unreadable_line,
)
from afterbay.cli.kinesis_lines import envelope_document, envelope_lines
from afterbay.cli.options import EndpointUrl, Profile, Region
from afterbay.cli.output import say
from afterbay.cli.reading import pattern_text
from afterbay.cli.stream import follow_until_stopped, open_stream
from afterbay.core.change.kinesis import KinesisEnvelope, envelope_of
from afterbay.core.change.kinesis_change import change_in
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import canonical
from afterbay.core.shard.beginning import Beginning, parse_beginning
from afterbay.core.shard.position import ShardId
from afterbay.engine.follow import Follower
from afterbay.engine.found import Found, Lost, RecordsFound, Started, Unreadable, Waiting
from afterbay.errors import RecordError
from afterbay.sinks.where import read_where

__all__ = ["Lines", "tail"]


def tail(
    stream: Annotated[str, typer.Argument(help="The ARN of a table's or Kinesis stream, or a table's name.")],
    *,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="trim|latest|TIME",
            help="The oldest record, what is written from now on, or an ISO time or age (15m). "
            "Without it: latest, and trim with --no-follow.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="One item: its lone string key, or its key in typed JSON. Else of Kinesis: a partition key."),
    ] = None,
    where: Annotated[
        str | None, typer.Option(help="Items that match: a pattern of the item, as a sink's where=; a file, or JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each change.")] = False,
    show_images: Annotated[bool, typer.Option("--show-images", help="The whole images, too, or the data.")] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on, or end when caught up.")] = True,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Look at a stream: one line for each change, with what changed. Ctrl-C ends it.

    Example: afterbay tail orders --from 15m --where '{"status": {"S": ["SHIPPED"]}}'
    """
    beginning = parse_beginning(("latest" if follow else "trim") if from_ is None else from_)
    pattern = None if where is None else read_where(pattern_text(where, "--where"), "--where")
    lines = Lines(Wanted(key, pattern), as_json=as_json, images=show_images)
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    asyncio.run(_tail(stream, aws, lines, beginning, follow=follow))


async def _tail(stream: str, aws: AwsSettings, lines: Lines, beginning: Beginning, *, follow: bool) -> None:
    async with open_stream(stream, aws) as opened:
        lines.stream_arn, lines.of_kinesis = opened.arn, opened.kinesis is not None
        await follow_until_stopped(
            Follower(opened.source, opened.clock, lines.tell, beginning=beginning, until_caught_up=not follow)
        )


class Lines:
    """Prints what is found. A record that cannot be decoded is shown as it came, whatever is asked for."""

    def __init__(self, wanted: Wanted, *, as_json: bool, images: bool) -> None:
        self.stream_arn = ""
        self.of_kinesis = False
        self._wanted = wanted
        self._as_json = as_json
        self._images = images

    def tell(self, found: Found) -> None:
        match found:
            case Started():
                say(f"reading {self.stream_arn}")
            case RecordsFound(shard=shard, records=records):
                for raw in records:
                    self._show(shard, raw)
            case Unreadable(shard=shard, error=error):
                self._show_unreadable(shard, error.sequence_number, error.reason, error.body)
            case Lost(shard=shard, reason=reason):
                say(f"records of {shard} are lost: {reason}")
            case Waiting(reason=reason):
                say(f"waiting: {reason}")
            case _:
                return
        sys.stdout.flush()

    def _show(self, shard: ShardId, raw: RawRecord) -> None:
        envelope = envelope_of(raw.body) if self.of_kinesis else None
        try:
            shown = self._of_table(shard, raw) if envelope is None else self._of_kinesis(shard, envelope)
        except RecordError as broken:
            body = raw.body if envelope is None else envelope.data
            self._show_unreadable(shard, str(raw.position), str(broken), body)
            return
        for line in shown:
            _print(line)

    def _of_table(self, shard: ShardId, raw: RawRecord) -> list[str]:
        return self._of_change(shard, ChangeRecord(raw.body)) if self._wanted.by_key(raw.key) else []

    def _of_kinesis(self, shard: ShardId, envelope: KinesisEnvelope) -> list[str]:
        change = change_in(envelope.data)
        if change is not None:
            wanted = self._wanted.by_key(ItemKey(canonical(change.keys_typed, "dynamodb.Keys")))
            return self._of_change(shard, change, envelope.sequenceNumber) if wanted else []
        if not self._wanted.by_text(envelope.partitionKey):
            return []
        if self._as_json:
            return [envelope_document(envelope, shard, data=self._images).decode()]
        return envelope_lines(envelope, data=self._images)

    def _of_change(self, shard: ShardId, change: Change, number: str | None = None) -> list[str]:
        if not self._wanted.by_item(change):
            return []
        if self._as_json:
            return [change_document(change, shard, images=self._images, number=number).decode()]
        return change_lines(change, images=self._images)

    def _show_unreadable(self, shard: ShardId, number: str | None, why: str, body: bytes) -> None:
        if self._as_json:
            _print(unreadable_document(shard, number, why, body).decode())
        else:
            _print(unreadable_line(shard, number, why, body))


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
