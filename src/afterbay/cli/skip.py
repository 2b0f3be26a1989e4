"""``afterbay skip``: a blocked shard goes on now; what is given up gets its letter."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from afterbay.aws.client import Aws, AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.cli.address import fetch, post
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region, given_path, given_text
from afterbay.cli.output import Exit, print_json, say
from afterbay.cli.pausing import MappingName
from afterbay.cli.token import read_token
from afterbay.cli.which_mapping import Named, find
from afterbay.core.change.arn import owner_name, parse_arn
from afterbay.core.change.source import SourceKind
from afterbay.core.mapping.events import SkipRequested
from afterbay.core.shard.position import Position, ShardId
from afterbay.engine.clock import Clock
from afterbay.engine.offline_skip import GivenUp, give_up
from afterbay.engine.outbox import OUTBOX_MAX
from afterbay.engine.wanted import Wanted, read_wanted
from afterbay.errors import AfterbayError, SettingsError, StateError, UnavailableError
from afterbay.sources.regions import StreamRegions
from afterbay.sources.stream import StreamSource
from afterbay.stores.refusal import is_there
from afterbay.stores.sqlite import SqliteStore

__all__ = ["skip"]

WAIT_S = 60.0
"""For an answer that is under way (a function may take 15 minutes: then it is said), and for the letters."""

POLL_S = 0.2

GONE_S = 3.0
"""A mapping that starts anew reads its shards well within it."""


class Plan(msgspec.Struct):
    """What is given up; positions as text."""

    mapping: str
    shard: str
    through: str
    destination: str
    records: int
    keys: int
    in_flight: int = 0
    attempts: int = 0
    first: str | None = None
    last: str | None = None
    oldest_age_s: float | None = None


def skip(
    mapping: MappingName,
    *,
    shard: Annotated[str, typer.Option(help="The shard that is blocked.")],
    through: Annotated[str, typer.Option(metavar="SEQUENCE", help="The last record to give up.")],
    letter_to: Annotated[
        str | None,
        typer.Option(
            parser=given_text, metavar="ARN", help="Where the letters go, if not to the mapping's own OnFailure."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, only say what would be done.")] = False,
    state: Annotated[
        Path | None, typer.Option(parser=given_path, help="The state file of a stopped `afterbay run`.")
    ] = None,
    mappings: Annotated[
        Path | None, typer.Option(parser=given_path, help="With --state: the file that `afterbay run --mapping` takes.")
    ] = None,
    pipes: Annotated[
        Path | None,
        typer.Option(
            parser=given_path, help="With --state, to skip in a pipe: the file that `afterbay run --pipe` takes."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            parser=given_path,
            metavar="FILE",
            help="The token of an address on another machine (`afterbay dev --token-file`).",
        ),
    ] = None,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Give up what is not done of a shard up to a record, so that the shard goes on now. Each batch gets its letter.

    Example: afterbay skip orders-cdc-processor --shard shardId-01 --through 300000001000000159491 --yes
    """
    if not through.isdecimal():
        raise SettingsError(f"{through!r} is no sequence number", where="--through", hint="`afterbay why KEY` shows it")
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    request = SkipRequested(ShardId(shard), Position(int(through)), letter_to)
    token = None if token_file is None else read_token(token_file)
    if state is not None:
        if token is not None:
            raise SettingsError("a file asks for no token", where="--token-file", hint="leave it out with --state")
        plan = asyncio.run(_in_file(state, _wanted(mappings, pipes, mapping), request, aws, do=yes))
        left = plan.records if not yes else 0
    else:
        if mappings is not None or pipes is not None:
            raise SettingsError(
                f"{'--mappings' if mappings is not None else '--pipes'} is for --state",
                hint="leave it out: the local address knows its mappings and pipes",
            )
        plan, left = _on_address(mapping, request, aws, do=yes, token=token)
    _tell(plan, left, yes=yes, as_json=as_json)


def _tell(plan: Plan, left: int, *, yes: bool, as_json: bool) -> None:
    if as_json:
        print_json({**msgspec.to_builtins(plan), "skipped": yes, "left": left})
    else:
        _print(plan, yes=yes)
    if not plan.records:
        say(f"nothing is unfinished in {plan.shard} through {plan.through}")
    elif not yes:
        say("nothing was skipped: add --yes to do it")
        raise typer.Exit(Exit.MISUSED)
    elif left:
        say(f"{left} record(s) are still on their way out: an answer is awaited, or the outbox is full; see `status`")
        raise typer.Exit(Exit.FAILED)


def _print(plan: Plan, *, yes: bool) -> None:
    if not plan.records:
        return
    typer.echo(f"{'skipped' if yes else 'would skip'} {plan.records} record(s) of {plan.keys} item(s) in {plan.shard}")
    typer.echo(f"  from {plan.first} to {plan.last}")
    if plan.oldest_age_s is not None:
        typer.echo(f"  the oldest is {plan.oldest_age_s:.0f} s old, after {plan.attempts} failed attempt(s)")
    if plan.in_flight:
        typer.echo(f"  {plan.in_flight} of them are being delivered: what the answer says is done is not skipped")
    typer.echo(f"  letters (SkippedByOperator) to {plan.destination}")


# A running address


def _on_address(
    name: str, request: SkipRequested, settings: AwsSettings, *, do: bool, token: str | None
) -> tuple[Plan, int]:
    url = settings.endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")
    named = asyncio.run(_named(name, settings))
    if not url or not _is_ours(url):
        raise SettingsError(
            "AWS has no call that skips a record", hint=f"let it be given up, and set both back: {_on_aws(named)}"
        )
    members = {"mapping": named.uuid, "shard": str(request.shard), "through": str(request.through)}
    if request.letter_to is not None:
        members["letter_to"] = request.letter_to
    plan = _plan(fetch(url, "skip", members))
    if not do or not plan.records:
        return plan, plan.records
    plan = _plan(post(url, "skip", members, token=token))
    return plan, _wait(url, members)


def _wait(url: str, members: dict[str, str]) -> int:
    """How many records are still there once it is over, or once patience is.

    A shard that is not read any more has come to its end with them. It may also be read anew, by a mapping that was
    changed just then: so it is asked again for a while.
    """
    end = time.monotonic() + WAIT_S
    gone_at: float | None = None
    while True:
        now = time.monotonic()
        try:
            left = _plan(fetch(url, "skip", members)).records
            gone_at = None
        except SettingsError:
            left, gone_at = 0, gone_at or now
        if now > end or (not left and (gone_at is None or now - gone_at > GONE_S)):
            return left
        time.sleep(POLL_S)


async def _named(name: str, settings: AwsSettings) -> Named:
    aws = Aws(settings)
    try:
        return await find(aws, name)
    finally:
        aws.close()


def _on_aws(named: Named) -> str:
    """What comes nearest there: limits so low that what blocks is discarded, to the destination that is set."""
    if named.kind == "mapping":
        return (
            f"aws lambda update-event-source-mapping --uuid {named.uuid}"
            " --maximum-retry-attempts 0 --maximum-record-age-in-seconds 60"
        )
    limits = '{"DynamoDBStreamParameters": {"MaximumRetryAttempts": 0, "MaximumRecordAgeInSeconds": 60}}'
    return f"aws pipes update-pipe --name {named.name} --role-arn ROLE --source-parameters '{limits}'"


def _is_ours(url: str) -> bool:
    try:
        return b'"ready"' in fetch(url, "health")
    except AfterbayError:
        return False


def _plan(body: bytes) -> Plan:
    return msgspec.json.decode(body, type=Plan)


# A stopped engine


async def _in_file(state: Path, wanted: Wanted, request: SkipRequested, settings: AwsSettings, *, do: bool) -> Plan:
    store = _opened(state)
    clock = Clock()
    aws = AwsRegions(settings)
    streams = StreamRegions(aws, clock, on_date=clock.follow)
    try:
        stream = wanted.settings.event_source_arn
        source = StreamSource(await streams.connect(parse_arn(stream).region), stream)
        saved = store.load(wanted.uuid)
        given_up = await give_up(wanted.uuid, wanted.settings, saved, store.seed(), source, request, clock.now)
        if do and not store.give_up(wanted.uuid, given_up.rows, given_up.letters, outbox_max=OUTBOX_MAX):
            raise UnavailableError(
                f"the outbox has no room for {len(given_up.letters)} letter(s)",
                code="OutboxFull",
                hint="start the engine, so that what waits there is sent",
            )
        return _plan_of(wanted, request, given_up, clock.now().timestamp())
    finally:
        store.close()
        await streams.close()
        aws.close()


def _opened(state: Path) -> SqliteStore:
    if not is_there(state):
        raise SettingsError("there is no such file", where=str(state))
    try:
        return SqliteStore(state)
    except StateError as error:
        if "in use" not in error.message:
            raise
        raise StateError(error.message, hint="stop that engine first, skip, and start it again") from error


def _wanted(mappings: Path | None, pipes: Path | None, name: str) -> Wanted:
    files = [str(one) for one in (mappings, pipes) if one is not None]
    if not files:
        raise SettingsError(
            "a state file has positions and no settings",
            where="--state",
            hint="name the mapping's file too, with --mappings FILE, or the pipe's, with --pipes FILE",
        )
    there = read_wanted(mappings, pipes)
    found = [
        one for one in there if name in (one.uuid, one.settings.function_arn, owner_name(one.settings.function_arn))
    ]
    if len(found) != 1:
        kind = "mapping" if pipes is None else "pipe" if mappings is None else "mapping or pipe"
        what = f"{name} means {len(found)} of them" if found else f"no {kind} is called {name}"
        listed = "; ".join(f"{one.uuid} ({one.settings.event_source_arn})" for one in found or there)
        raise SettingsError(what, where=", ".join(files), hint=f"name one by its UUID: {listed}")
    (one,) = found
    if one.settings.kind is not SourceKind.TABLE:
        raise SettingsError(f"{name} reads a {one.settings.kind.value}: only a table's stream is skipped in a file")
    return one


def _plan_of(wanted: Wanted, request: SkipRequested, given_up: GivenUp, now_s: float) -> Plan:
    letters = given_up.letters
    oldest_s = min((one.first_created_s for one in letters), default=None)
    return Plan(
        mapping=wanted.uuid,
        shard=request.shard,
        through=str(request.through),
        destination=request.letter_to or wanted.settings.on_failure or "",
        records=given_up.records,
        keys=given_up.keys,
        first=str(min(one.first for one in letters)) if letters else None,
        last=str(max(one.last for one in letters)) if letters else None,
        oldest_age_s=None if oldest_s is None else max(0.0, now_s - oldest_s),
    )
