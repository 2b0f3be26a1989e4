"""``afterbay replay``: a recording played again, into a sink or into a function."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from afterbay.aws.client import Aws, AwsSettings
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region, given_path
from afterbay.cli.output import Exit, print_json, say
from afterbay.core.change.arn import parse_function_name
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.source import SourceKind
from afterbay.core.shard.position import ShardId
from afterbay.engine.clock import Clock
from afterbay.engine.playback import Played, batches, batches_of_shards, play_into_function, play_into_sink
from afterbay.errors import SettingsError
from afterbay.functions.lambda_api import FUNCTION_TIMEOUT_S, LambdaApiFunction
from afterbay.sinks.address import SinkAddress, open_sink, parse_address
from afterbay.sinks.elsewhere import refuse_elsewhere
from afterbay.sources.recording_lines import RecordedGap, RecordedRecord, RecordedUnreadable
from afterbay.sources.recording_reader import RecordingReader

__all__ = ["replay"]

BATCH_MAX = 10_000
"""R3: what BatchSize of a mapping allows."""


def replay(
    file: Annotated[Path, typer.Argument(parser=given_path, help="A recording (afterbay record).")],
    *,
    into: Annotated[str | None, typer.Option(metavar="SINK", help="A sink address: each change is applied.")] = None,
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="A function: it is invoked as a mapping does it.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=BATCH_MAX, help="Records at once; never more than 6 MB.")] = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read it all, count, and send nothing.")] = False,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Play a recording again, in its order. Exit code 1 if a record failed. Into a sink it is safe to run twice.

    Example: afterbay replay orders.changes --into 'sqlite:///copy.db?table=orders'
    """
    if (into is not None and function is not None) or (into is None and function is None and not dry_run):
        raise SettingsError("either --into or --function says where to", hint="as in --into memory:test")
    address = None if into is None else parse_address(into)
    function_region = None if function is None else parse_function_name(function).region
    aws = AwsSettings(endpoint_url=endpoint_url, region=region or function_region, profile=profile)
    if address is not None:
        refuse_elsewhere(address, aws, "--into")
    with RecordingReader(file) as reader:
        if address is not None and reader.head.kind is SourceKind.KINESIS:
            raise SettingsError(
                "is a recording of a Kinesis stream, whose records have no token that a sink's guard could go by",
                where=str(file),
                hint="record the table's own stream, or play it with --function NAME",
            )
        tape = _Tape(reader)
        try:
            if dry_run:
                for _ in tape.batches(batch) if function is None else tape.batches_of_shards(batch):
                    tape.played.calls += 1
            elif address is not None:
                _into_sink(tape, address, batch)
            elif function is not None:
                asyncio.run(_into_function(tape, function, aws, batch))
        finally:  # whatever ends it: what was played so far was played
            if as_json:
                print_json(tape.told(dry_run=dry_run))
            else:
                tape.print(dry_run=dry_run)
    raise typer.Exit(Exit.FAILED if tape.played.failed else Exit.DONE)


def _into_sink(tape: _Tape, address: SinkAddress, batch: int) -> None:
    sink = open_sink(address)
    try:
        for records in tape.batches(batch):
            play_into_sink(records, sink, tape.played)
    finally:
        sink.close()


async def _into_function(tape: _Tape, name: str, settings: AwsSettings, batch: int) -> None:
    aws = Aws(settings, read_timeout_s=FUNCTION_TIMEOUT_S, attempts_max=1)
    try:
        function, clock = LambdaApiFunction(aws, name), Clock()
        for records in tape.batches_of_shards(batch):
            await play_into_function(records, function, tape.played, clock, str(uuid.uuid4()))
    finally:
        aws.close()


class _Tape:
    """A recording as it is played, and what is to be told of it."""

    def __init__(self, reader: RecordingReader) -> None:
        self.played = Played()
        self._reader = reader
        self._kinds: Counter[str] = Counter()
        self._read = 0
        self._gaps = 0
        self._unreadable = 0

    def batches(self, count_max: int) -> Iterator[tuple[RawRecord, ...]]:
        """What can be read of it, in its order; the rest counts as failed."""
        return batches((record for _, record in self._records()), count_max)

    def batches_of_shards(self, count_max: int) -> Iterator[tuple[RawRecord, ...]]:
        """The same as a mapping cuts it, for who names failures by number (R45)."""
        return batches_of_shards(self._records(), count_max)

    def _records(self) -> Iterator[tuple[ShardId, RawRecord]]:
        for entry in self._reader:
            match entry:
                case RecordedRecord(shard=shard, record=record):
                    self._read += 1
                    self._kinds[record.event_name] += 1
                    yield shard, record
                case RecordedUnreadable():
                    self._unreadable += 1
                    self.played.fail(entry.sequence_number or "", f"unreadable when it was recorded: {entry.reason}")
                case RecordedGap(shard=shard, reason=reason):
                    self._gaps += 1
                    say(f"the recording lacks records of {shard}: {reason}")
                case _:
                    pass
        if self._reader.cut is not None:
            say(f"{self._reader.path}: {self._reader.cut}; all before it is played")

    def told(self, *, dry_run: bool) -> dict[str, object]:
        """The JSON document (docs/cli.md)."""
        played, cut = self.played, self._reader.cut
        return {
            "file": str(self._reader.path),
            "stream_arn": self._reader.head.stream_arn,
            "dry_run": dry_run,
            "records": self._read,
            "kinds": dict(self._kinds),
            "batches": played.calls if dry_run else None,
            "calls": 0 if dry_run else played.calls,
            "delivered": played.delivered,
            "verdicts": dict(played.verdicts),
            "failed": played.failed,
            "failures": [{"sequence_number": one.sequence_number, "reason": one.reason} for one in played.failures],
            "unreadable": self._unreadable,
            "gaps": self._gaps,
            "cut": None if cut is None else {"line": cut.line, "offset": cut.offset},
        }

    def print(self, *, dry_run: bool) -> None:
        played = self.played
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self._kinds.items()))
        if dry_run:
            typer.echo(f"{self._read} record(s) in {played.calls} batch(es) would be played: {kinds or 'none'}")
        elif played.verdicts:
            verdicts = ", ".join(f"{count} {kind}" for kind, count in played.verdicts.items())
            typer.echo(f"{played.records} record(s) played: {verdicts}")
        elif played.records or not self._read:  # else nothing was played, and the error that ended it says why
            typer.echo(f"{played.records} record(s) played in {played.calls} call(s): {played.delivered} delivered")
        for one in played.failures:
            say(f"failed: {one.sequence_number}: {one.reason}")
        if played.failed > len(played.failures):
            say(f"and {played.failed - len(played.failures)} more failed")
