"""``afterbay backfill``: a table's items into a sink or a function, beside the live stream."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from afterbay.aws.client import AwsSettings
from afterbay.backfill.into_function import BATCH
from afterbay.backfill.plan import SEGMENTS
from afterbay.backfill.report import Report
from afterbay.backfill.session import Session, Wanted
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region, given_path
from afterbay.cli.output import Exit, print_json, say
from afterbay.cli.progress_bar import ProgressBar
from afterbay.cli.running import until_told_to_stop
from afterbay.errors import AfterbayError, SettingsError

__all__ = ["backfill"]


def backfill(
    table: Annotated[str, typer.Argument(help="The table's name or ARN.")],
    *,
    into: Annotated[str | None, typer.Option(metavar="SINK", help="A sink's address (docs/sinks.md).")] = None,
    function: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Invoke this function with INSERT records marked as a backfill's."),
    ] = None,
    segments: Annotated[
        int | None, typer.Option(metavar="N", help=f"Parts that are read side by side; {SEGMENTS} if not given.")
    ] = None,
    rcu: Annotated[
        float | None, typer.Option(metavar="N", help="Read capacity units a second at most; no limit if not given.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            parser=given_path, metavar="FILE", help="Where the place is kept; a run that was ended goes on from it."
        ),
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Only items that match, as in a sink's where=.")
    ] = None,
    ttl: Annotated[str | None, typer.Option(metavar="skip|mirror", help="As in a sink's ttl=.")] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", help=f"Records of one invocation; {BATCH} if not given.")
    ] = None,
    from_export: Annotated[
        str | None,
        typer.Option(metavar="s3://BUCKET/PREFIX", help="Read a point-in-time export instead of the table."),
    ] = None,
    show_keys: Annotated[bool, typer.Option("--show-keys", help="Name failed items by their keys.")] = False,
    as_json: AsJson = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Load a table's items beside the live stream; what is newer in the sink, deletes too, is never overwritten.

    Example: afterbay backfill orders --into 'sqlite:///copy.db?table=orders' --rcu 100 --state orders.backfill
    """
    wanted = Wanted(
        table=table,
        into=into,
        function=function,
        segments=segments,
        rcu=rcu,
        state=state,
        where=where,
        ttl=ttl,
        batch=batch,
        from_export=from_export,
    )
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    with ProgressBar() as bar:
        report, error = asyncio.run(_run(Session(wanted, aws, say=bar.say, seen=bar.see)))
    for line in report.failure_lines(show_keys=show_keys):
        say(line)
    if as_json:
        print_json(report.document(show_keys=show_keys))
    else:
        for line in report.lines():
            typer.echo(line)
    _end(report, error, state)


async def _run(session: Session) -> tuple[Report, AfterbayError | None]:
    """Run it; the first Ctrl-C or SIGTERM lets the pages in flight end."""
    running = asyncio.ensure_future(session.run())
    told = asyncio.ensure_future(until_told_to_stop())
    await asyncio.wait((running, told), return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        session.stop()
    told.cancel()
    return await running


def _end(report: Report, error: AfterbayError | None, state: Path | None) -> None:
    if isinstance(error, SettingsError):
        raise error
    if error is not None:
        say(f"afterbay: {error}")
    elif not report.finished:
        on = "the same command goes on where it is" if state is not None else "with --state FILE it could go on"
        say(f"afterbay: stopped before the end; {on}")
    if not report.complete:
        raise typer.Exit(Exit.FAILED)
