"""``afterbay deadletters list|show``: letters, decoded, with the time left; none is taken away."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from afterbay.aws.client import AwsSettings
from afterbay.cli.address import fetch
from afterbay.cli.letter_lines import list_lines, show_document, show_lines
from afterbay.cli.letters import Buckets, Mappings, Pipes, Queues, TopicQueues, sources, tell_of_looking
from afterbay.cli.options import STATE_FILE, Archive, AsJson, EndpointUrl, Profile, Region, given_path
from afterbay.cli.output import print_json, say, told_in_one_line
from afterbay.engine.outbox import outbox_document
from afterbay.engine.wanted import read_wanted
from afterbay.errors import SettingsError
from afterbay.redrive.access import Access
from afterbay.redrive.listing import Seen, groups, letter_document
from afterbay.redrive.survey import Found, Sources, read_letters, see
from afterbay.stores.outbox_file import read_outbox

__all__ = ["deadletters"]

deadletters = typer.Typer(
    help="Dead letters of mappings, pipes and rules: why, which records, how long they can be had.\n\n"
    'Example: afterbay deadletters list --queue "$DLQ"'
)

Outbox = Annotated[bool, typer.Option("--outbox", help="Letters that an engine has not sent yet.")]
State = Annotated[Path | None, typer.Option(parser=given_path, help="With --outbox: the state file of `afterbay run`.")]


class _Entry(msgspec.Struct):
    """One letter of an outbox, as a line tells it."""

    owner: str
    condition: str
    destination: str
    shard: str
    first: str
    last: str
    batch_size: int
    tries: int
    last_error: str | None = None


class _Outbox(msgspec.Struct):
    waiting: int
    letters: list[_Entry] = []


@deadletters.command("list")
@told_in_one_line
def list_letters(
    *,
    queue: Queues = None,
    topic_queue: TopicQueues = None,
    bucket: Buckets = None,
    outbox: Outbox = False,
    state: State = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """List letters by cause. Without a place: those of every mapping, pipe and rule of the region.

    A look at a queue takes nothing away, but counts as a receive of each message.

    Example: afterbay deadletters list --queue https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq
    """
    where = sources(queue, topic_queue, bucket)
    if outbox:
        if where.named:
            raise SettingsError(
                "--outbox is a place of its own", hint="afterbay deadletters list --outbox --state FILE"
            )
        _list_outbox(state, endpoint_url, as_json=as_json)
        return
    if state is not None:
        raise SettingsError("--state is for --outbox", hint=f"afterbay deadletters list --outbox --state {state}")
    settings = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    asyncio.run(_list(settings, where, as_json=as_json))


@deadletters.command("show")
@told_in_one_line
def show_letters(
    *,
    queue: Queues = None,
    topic_queue: TopicQueues = None,
    bucket: Buckets = None,
    archive: Archive = None,
    mappings: Mappings = None,
    pipes: Pipes = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Show each letter with the records it points at: keys, and which fields went from what to what.

    Records are read from the stream again; those that it has dropped come from the letter itself (S3) or from the
    archive of `afterbay run --archive`, where there is one.

    Example: afterbay deadletters show --queue https://sqs.eu-west-1.amazonaws.com/123456789012/orders-dlq
    """
    settings = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    access = Access(settings, archive=archive, wanted=read_wanted(mappings, pipes))
    asyncio.run(_show(access, sources(queue, topic_queue, bucket), as_json=as_json))


async def _list(settings: AwsSettings, where: Sources, *, as_json: bool) -> None:
    async with Access(settings) as access:
        found = await read_letters(access, where)
        seen = [await see(access, one, records=False) for one in found.letters]
        now = access.now()
    tell_of_looking(found)
    if as_json:
        letters = [letter_document(one, now) for one in seen]
        print_json({**_places(found), "groups": groups(seen, now), "letters": letters})
        return
    _print(list_lines(seen, now), none=not seen)


async def _show(access: Access, where: Sources, *, as_json: bool) -> None:
    async with access:
        found = await read_letters(access, where)
        seen: list[Seen] = [await see(access, one, records=True) for one in found.letters]
        now = access.now()
    tell_of_looking(found)
    if as_json:
        print_json({**_places(found), "letters": [show_document(one, now) for one in seen]})
        return
    _print((line for one in seen for line in show_lines(one, now)), none=not seen)


def _list_outbox(state: Path | None, endpoint_url: str | None, *, as_json: bool) -> None:
    """Of a state file, where one is named; else of the local address; else of the usual state file."""
    url = endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
    if state is None and url:
        document: object = msgspec.json.decode(fetch(url, "outbox"))
    else:
        entries = read_outbox(state or STATE_FILE)
        document = outbox_document(entries, len(entries))
    if as_json:
        print_json(document)
        return
    told = msgspec.convert(document, _Outbox)
    _print((_outbox_line(one) for one in told.letters), none=not told.letters)
    if told.waiting > len(told.letters):
        say(f"{told.waiting - len(told.letters)} more wait behind these")


def _outbox_line(entry: _Entry) -> str:
    last = f", {entry.tries} failed, last: {entry.last_error}" if entry.tries else ", not tried yet"
    return (
        f"{entry.condition}, {entry.owner}: batch of {entry.batch_size}, shard {entry.shard} from {entry.first} "
        f"to {entry.last}, to {entry.destination}{last}"
    )


def _places(found: Found) -> dict[str, object]:
    return {"places": found.places, "unreadable": found.unreadable, "not_shown": found.not_shown}


def _print(lines: Iterable[str], *, none: bool) -> None:
    if none:
        typer.echo("no dead letters")
        return
    for line in lines:
        typer.echo(line)
