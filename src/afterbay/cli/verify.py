"""``afterbay verify``: a table held against a sink, and repaired from it where it differs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Generator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from afterbay.aws.client import AwsSettings
from afterbay.aws.regions import AwsRegions
from afterbay.backfill.both import BothSides
from afterbay.backfill.compare import Promise
from afterbay.backfill.holdings import SinkHoldings, holdings_of
from afterbay.backfill.items import SteadyCapacity, TableItems, describe_shape
from afterbay.backfill.itself import refuse_itself
from afterbay.backfill.newest import Newest, newest_tokens
from afterbay.backfill.notebook import Notebook
from afterbay.backfill.settle import Pace
from afterbay.backfill.verified import Repair, Verified, lines
from afterbay.backfill.verify import NewestTokens, Verification, VerifyOptions
from afterbay.cli.drill.verb import drill_template
from afterbay.cli.options import AsJson, EndpointUrl, Profile, Region
from afterbay.cli.output import Exit, print_json, told_in_one_line
from afterbay.cli.reading import pattern_text
from afterbay.core.change.arn import parse_stream_arn
from afterbay.engine.clock import Clock
from afterbay.errors import SettingsError
from afterbay.sinks.address import SinkAddress, open_sink, parse_address
from afterbay.sinks.elsewhere import refuse_elsewhere
from afterbay.sinks.mending import mendable
from afterbay.sinks.where import WhereSink
from afterbay.sources.regions import StreamRegions

if TYPE_CHECKING:
    from typer._click.core import Context  # typer brings its own click

__all__ = ["app"]

DEFAULT = "table"
WAIT_S = 10.0


class _TableFirst(TyperGroup):
    """``verify TABLE ...`` is ``verify table TABLE ...``: whatever is no name of a verb is a table's."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_TableFirst,
    no_args_is_help=True,
    help="Is the sink right? `verify TABLE --against SINK` holds it against its table, `verify drill TEMPLATE` breaks a"
    " pipeline on purpose.\n\n"
    'Example: afterbay verify orders --against "sqlite:///orders.db?table=orders"',
)


@app.command(DEFAULT)
@told_in_one_line
def table_against_sink(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="The table's name.")],
    *,
    against: Annotated[str, typer.Option(metavar="SINK", help="The sink's address (docs/sinks.md).")],
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Look at N random items of each side only.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write what differs from the table into the sink (E14); wants --yes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, write to the sink.")] = False,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="P", help="The pattern on items that the sink takes, JSON or a file, if its address has none."
        ),
    ] = None,
    ttl: Annotated[
        Literal["skip", "mirror"] | None,
        typer.Option(help="What an expiry does to the sink, if its address does not say.", show_default="skip"),
    ] = None,
    rcu: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Read capacity units of the table to use, a second.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="S", help="Seconds that a change may take to reach the sink.")
    ] = WAIT_S,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show the items of the keys that are told, too.")
    ] = False,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Hold every item of TABLE against the sink, and every item of the sink against TABLE. Keys that differ are looked
    at again, since changes may be on their way. Exit code 1 if something differs, after --repair if it still does.

    Example: afterbay verify orders --against "sqlite:///orders.db?table=orders" --repair --yes
    """
    if repair and not yes:
        raise SettingsError("--repair writes to the sink", hint="look at the report without it first, then add --yes")
    job = _Job(
        table=table,
        sink=parse_address(against, ttl=ttl, where=None if where is None else pattern_text(where, "--where")),
        options=VerifyOptions(sample=sample, wait_s=wait, show_values=show_values),
        repair=repair,
        rcu=rcu,
        aws=AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile),
    )
    refuse_itself(job.sink, table, job.aws, "--against")
    refuse_elsewhere(job.sink, job.aws, "--against")
    with _progress() as progress:
        report, repaired = asyncio.run(_run(job, progress))
    if as_json:
        print_json(report.document(repaired))
    else:
        for line in lines(report, repaired):
            typer.echo(line)
    differs = report.damaged if repaired is None else repaired.remaining
    raise typer.Exit(Exit.FAILED if differs else Exit.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What the command line asks for."""

    table: str
    sink: SinkAddress
    options: VerifyOptions
    repair: bool
    rcu: int | None
    aws: AwsSettings


async def _run(job: _Job, progress: Callable[[int], None]) -> tuple[Verified, Repair | None]:
    clock, pace = Clock(), Pace()
    async with AsyncExitStack() as stack:
        regions = AwsRegions(job.aws)
        stack.callback(regions.close)
        sink = stack.enter_context(closing(open_sink(job.sink)))
        if job.repair:
            mendable(sink.inner if isinstance(sink, WhereSink) else sink)  # refused before anything is read
        aws = regions.of("")
        table = await describe_shape(aws, job.table, on_date=clock.follow)
        capacity = None if job.rcu is None else SteadyCapacity(job.rcu)
        reader = TableItems(aws, table, capacity=capacity, on_date=clock.follow)
        holdings = stack.enter_context(closing(holdings_of(sink)))
        promise = Promise(frozenset(table.keys), job.sink.options, job.sink.where, table.ttl_attribute)
        both = BothSides(reader, holdings, promise, now_s=lambda: clock.now().timestamp(), origin=str(job.sink))
        streams = StreamRegions(regions, clock, on_date=clock.follow)
        stack.push_async_callback(streams.close)
        single = isinstance(holdings, SinkHoldings)
        options = job.options if single else replace(job.options, looks_many=0)
        # A sink that is read as a whole shows no tokens, so nothing could be told to be stale.
        newest = _newest(streams, table.stream_arn, pace) if single else None
        notebook = stack.enter_context(closing(Notebook()))
        verification = Verification(both, options, newest=newest, pace=pace, progress=progress)
        report = await verification.run(notebook)
        if not job.repair or not report.damaged:
            return report, None
        assert isinstance(holdings, SinkHoldings), "a sink that cannot be mended was refused"
        return report, await verification.repair(notebook, holdings)


def _newest(streams: StreamRegions, stream_arn: str | None, pace: Pace) -> NewestTokens | None:
    if stream_arn is None:
        return None

    async def ask(keys: Collection[str]) -> Newest:
        api = await streams.connect(parse_stream_arn(stream_arn).region)
        return await newest_tokens(api, stream_arn, keys, pace=pace)

    return ask


@contextmanager
def _progress() -> Generator[Callable[[int], None]]:
    """A line that counts, on a terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.completed:,} keys compared"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as shown:
        task = shown.add_task("", total=None)
        yield lambda compared: shown.update(task, completed=compared)


app.command("drill")(told_in_one_line(drill_template))
