"""``afterbay why``: what became of an item or a record."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.backfill.table import read_table
from afterbay.cli.address import fetch
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region, given_path
from afterbay.cli.output import Exit, print_json, say
from afterbay.core.change.arn import is_pipe, parse_arn, parse_stream_arn
from afterbay.core.change.source import SourceKind
from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.shard.position import Position, ShardId
from afterbay.engine.asked_key import KeyAttribute, asked_number, whole_key
from afterbay.engine.clock import Clock
from afterbay.engine.inquiry import Question, answer, search
from afterbay.engine.wanted import Wanted, read_wanted
from afterbay.engine.why import as_document, of_mapping
from afterbay.errors import SettingsError
from afterbay.sources.regions import StreamRegions
from afterbay.sources.span import Reread, Span, reread
from afterbay.stores.journal_file import JournalFile

__all__ = ["why"]

LINES_MAX = 40
"""Of one record's story."""


class _Event(msgspec.Struct):
    at: str
    text: str


class _Record(msgspec.Struct):
    mapping: str
    function: str | None
    shard: str
    sequence_number: str
    key: msgspec.Raw
    outcome: str
    summary: str
    events: list[_Event]
    record: msgspec.Raw
    lost: str | None


class _Story(msgspec.Struct):
    asked: str
    more: bool
    records: list[_Record]


def why(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="KEY|SEQUENCE", help='A lone string key, pk#sk, {"pk": {"S": "a"}}, or a sequence number.'
        ),
    ],
    *,
    by_key: Annotated[bool, typer.Option("--key", help="It is a key, though it looks like a sequence number.")] = False,
    mapping: Annotated[
        str | None, typer.Option(metavar="UUID|FUNCTION", help="Only what this mapping or pipe did.")
    ] = None,
    shard: Annotated[str | None, typer.Option(help="Only in this shard.")] = None,
    state: Annotated[
        Path | None,
        typer.Option(parser=given_path, help="The state file of `afterbay run`, instead of a local address."),
    ] = None,
    mappings: Annotated[
        Path | None,
        typer.Option(
            parser=given_path,
            help="With --state: the file that `afterbay run --mapping` takes, to say which filter left it out.",
        ),
    ] = None,
    pipes: Annotated[
        Path | None,
        typer.Option(
            parser=given_path, help="With --state: the same of pipes, the file that `afterbay run --pipe` takes."
        ),
    ] = None,
    key_name: Annotated[
        list[str] | None,
        typer.Option("--key-name", help="With --state: the name of a key attribute; twice for a composite key."),
    ] = None,
    show_images: Annotated[
        bool, typer.Option("--show-images", help="Read the record again and show all of it.")
    ] = False,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """What became of an item's records, or of one record: read, left out by a filter, every attempt, sinks, letters.

    Example: AWS_ENDPOINT_URL=http://127.0.0.1:4566 afterbay why order-1
    """
    given = {"--mappings": mappings, "--pipes": pipes, "--key-name": key_name}
    stray = [option for option, value in given.items() if value]
    if state is None and stray:
        raise SettingsError(
            f"{stray[0]} is for --state", hint="leave it out: the local address knows its mappings, pipes and keys"
        )
    url = endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")
    if state is not None:
        aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
        looked = _StateFile(state, read_wanted(mappings, pipes), tuple(key_name or ()), aws)
        body = asyncio.run(looked.why(asked, by_key=by_key, mapping=mapping, shard=shard, images=show_images))
    elif url:
        body = fetch(url, "why", _parameters(asked, by_key, mapping, shard, show_images))
    else:
        raise SettingsError(
            "there is no journal to ask: AWS keeps none of its managed mappings",
            hint="name a local address with --endpoint-url, or the state file of `afterbay run` with --state",
        )
    story = msgspec.json.decode(body, type=_Story)
    if as_json:
        document: JsonValue = msgspec.json.decode(body)
        print_json(document)
    else:
        _print(story)
    if not story.records:
        say(f"afterbay: {_unknown(asked, mapping, shard)}")
        raise typer.Exit(Exit.FAILED)


def _unknown(asked: str, mapping: str | None, shard: str | None) -> str:
    looked = f"{f' by {mapping}' if mapping else ''}{f' in {shard}' if shard else ''}"
    hint = (
        "leave --mapping and --shard out to look everywhere"
        if looked
        else "messages of queues and events of buses are not in it"
    )
    return f"the journal knows no record of {asked}{looked}: none was read, or its page is no longer kept ({hint})"


def _parameters(asked: str, by_key: bool, mapping: str | None, shard: str | None, images: bool) -> dict[str, str]:
    kind = "key" if by_key or asked_number(asked) is None else "sequence"
    wanted = {kind: asked, "mapping": mapping, "shard": shard, "images": "1" if images else None}
    return {name: value for name, value in wanted.items() if value is not None}


def _print(story: _Story) -> None:
    for number, one in enumerate(story.records):
        if number:
            typer.echo("")
        key = bytes(one.key).decode()
        item = f" of {key}" if key != "null" else ""
        typer.echo(f"{one.sequence_number}{item}: {one.outcome}")
        kind = "pipe" if is_pipe(one.function or one.mapping) else "mapping"
        typer.echo(f"  {kind} {one.mapping}, {one.shard}")
        for line in _lines(one.events):
            typer.echo(f"  {line}")
        typer.echo(f"  so: {one.summary}")
        if one.lost is not None:
            typer.echo(f"  not read again: {one.lost}")
        if bytes(one.record) != b"null":
            typer.echo(f"  {bytes(one.record).decode()}")
    if story.more:
        typer.echo("(older records of the item are not told)")


def _lines(events: Sequence[_Event]) -> list[str]:
    """A record that is retried for a day has thousands of attempts: how it began and how it is now are shown."""
    lines = [f"{event.at}  {event.text}" for event in events]
    if len(lines) <= LINES_MAX:
        return lines
    half = LINES_MAX // 2
    return [*lines[:half], f"({len(lines) - 2 * half} more; --json has all)", *lines[-half:]]


class _StateFile:
    """The journal of ``afterbay run``, whose keys are marks: a key has to be known whole to be found."""

    def __init__(self, state: Path, wanted: Sequence[Wanted], key_names: Sequence[str], aws: AwsSettings) -> None:
        self._state = state
        self._settings: dict[str, MappingSettings] = {one.uuid: one.settings for one in wanted}
        self._key_names = key_names
        self._aws = AwsRegions(aws)
        self._streams = StreamRegions(self._aws, Clock())

    async def why(self, asked: str, *, by_key: bool, mapping: str | None, shard: str | None, images: bool) -> bytes:
        """The document of ``why --json``."""
        try:
            with JournalFile(self._state) as journal:
                known = (asked_number(asked) and not by_key) or whole_key(asked)
                question = Question(asked, by_key, shard, () if known else await self._schemas(asked), images)
                account = search(journal, question)
            story = await answer(question, account, self._settings, {}, self._fetch)
            return msgspec.json.encode(as_document(story if mapping is None else of_mapping(story, mapping)))
        finally:
            await self._streams.close()
            self._aws.close()

    async def _schemas(self, asked: str) -> tuple[tuple[KeyAttribute, ...], ...]:
        """The names of key attributes, as they were given; else those of the tables that mappings and pipes read."""
        if self._key_names:
            return (tuple((name, None) for name in self._key_names),)
        streams = {one.event_source_arn for one in self._settings.values() if one.kind is SourceKind.TABLE}
        if not streams:
            raise SettingsError(
                f"{self._state} keeps keys as marks only, and {asked!r} does not name the key's attributes",
                hint='give a whole key, {"pk": {"S": "a"}}, or --key-name pk, or --mappings FILE, or --pipes FILE',
            )
        return tuple([await self._schema(stream) for stream in sorted(streams)])

    async def _schema(self, stream: str) -> tuple[KeyAttribute, ...]:
        table = parse_stream_arn(stream).table
        told = await self._aws.of(parse_arn(stream).region).call("dynamodb", "describe_table", TableName=table)
        return tuple(read_table(told["Table"]).keys.items())

    async def _fetch(self, settings: MappingSettings, shard: ShardId, position: Position) -> Reread:
        if settings.kind is not SourceKind.TABLE:
            return Reread((), lost=f"a record of a {settings.kind.value} is not read again")
        stream = settings.event_source_arn
        api = await self._streams.connect(parse_arn(stream).region)
        return await reread(api, Span(stream, shard, position, position), limit=1)
