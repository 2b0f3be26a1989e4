"""A backfill from what was asked for to its report: table, readers of its stream, state, source, destination, load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from afterbay.aws.client import AwsSettings
from afterbay.aws.http import JsonCaller
from afterbay.aws.regions import AwsRegions
from afterbay.backfill.budget import Budget, Weights
from afterbay.backfill.counts import Counts
from afterbay.backfill.destination import Destination
from afterbay.backfill.export import parse_place
from afterbay.backfill.export_files import Export, ExportFiles, find_export
from afterbay.backfill.handover import Handover, export_doubts, told
from afterbay.backfill.identity import Identity, function_print, sink_print
from afterbay.backfill.images import Images
from afterbay.backfill.into_function import BATCH, FunctionDestination
from afterbay.backfill.into_sink import SinkDestination
from afterbay.backfill.itself import refuse_itself
from afterbay.backfill.load import Load
from afterbay.backfill.plan import SEGMENTS, Part, left, segments
from afterbay.backfill.progress import Progress
from afterbay.backfill.readers import wait_for_readers
from afterbay.backfill.report import Report
from afterbay.backfill.scan import ANSWER_S, SIGNING_NAME, TARGET, TableScan
from afterbay.backfill.source import ItemSource, LoopTime
from afterbay.backfill.state import LoadState
from afterbay.backfill.table import Table, describe_table
from afterbay.core.change.arn import parse_arn, parse_function_name
from afterbay.engine.clock import Clock
from afterbay.errors import AfterbayError, SettingsError
from afterbay.functions.lambda_api import FUNCTION_TIMEOUT_S, LambdaApiFunction
from afterbay.sinks.address import open_sink, parse_address
from afterbay.sinks.elsewhere import refuse_elsewhere
from afterbay.sinks.where import read_where

__all__ = ["Session", "Wanted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for; None is what was not. One of ``into`` (a sink's address) and ``function``."""

    table: str
    into: str | None = None
    function: str | None = None
    segments: int | None = None
    rcu: float | None = None
    state: Path | None = None
    where: str | None = None
    ttl: str | None = None
    batch: int | None = None
    from_export: str | None = None

    def __post_init__(self) -> None:
        if (self.into is None) == (self.function is None):
            raise SettingsError(
                "a backfill goes into a sink or into a function",
                hint="as in afterbay backfill orders --into 'sqlite:///copy.db?table=orders', or --function NAME",
            )
        for name, given, needs in (
            ("--ttl", self.ttl is not None and self.function is not None, "--into: the function has its own"),
            ("--batch", self.batch is not None and self.function is None, "--function"),
            ("--rcu", self.rcu is not None and self.from_export is not None, "a table: an export costs no capacity"),
            ("--segments", self.segments is not None and self.from_export is not None, "a table: an export has files"),
        ):
            if given:
                raise SettingsError(f"{name} is for {needs}", hint=f"leave {name} out")


class Session:
    """One run. ``say`` is told what a person should know, a line each; ``seen`` how far the load is.

    ``run`` once. ``stop`` ends it early: pages in flight are finished and saved.
    """

    def __init__(
        self,
        wanted: Wanted,
        aws: AwsSettings,
        *,
        say: Callable[[str], None],
        seen: Callable[[Progress], None] | None = None,
    ) -> None:
        # before anything is asked of anybody
        self._sink = None if wanted.into is None else parse_address(wanted.into, ttl=wanted.ttl, where=wanted.where)
        if self._sink is not None:
            refuse_itself(self._sink, wanted.table, aws, "--into")
            refuse_elsewhere(self._sink, aws, "--into")
        self._where = None if wanted.where is None else read_where(wanted.where, "--where")
        if wanted.function is not None:
            parse_function_name(wanted.function)
        self._place = None if wanted.from_export is None else parse_place(wanted.from_export)
        self._budget = Budget(wanted.rcu)
        if wanted.segments is not None:
            segments(wanted.segments)
        self._wanted = wanted
        self._settings = aws
        self._say = say
        self._seen = seen
        self._time = LoopTime()
        self._clock = Clock()
        self._load: Load | None = None
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        if self._load is not None:
            self._load.stop()

    async def run(self) -> tuple[Report, AfterbayError | None]:
        """The report, and what ended the load early, if something did; what was done until then is in the report.

        Raises ``AfterbayError`` for whatever keeps it from beginning.
        """
        began_s = self._time.now_s()
        async with AsyncExitStack() as stack:
            regions = AwsRegions(self._settings)
            stack.callback(regions.close)
            aws = regions.of(_region_of(self._wanted.table))
            table = await describe_table(aws, self._wanted.table)
            export = None if self._place is None else await find_export(aws, self._place)
            identity = self._identity(table, export)
            state = self._state(stack)
            known = () if state is None else await asyncio.to_thread(state.parts, identity)
            self._check_segments(known, state)
            parts = known or self._new_parts(export)
            counts, error = Counts(), None
            if left(parts):
                await self._hand_over(regions, table, export)
                load = await self._made(stack, regions, table, export, parts, state)
                if state is not None and not known:
                    await asyncio.to_thread(state.begin, identity, parts)
                error = await self._carry_out(load)
                counts, parts = load.counts, load.parts
            elif known:
                self._say(f"already done, nothing to do: remove {state} to run it again")
            report = Report(
                table=table.name,
                into=identity.into,
                source=table.name if export is None else str(self._place),
                counts=counts,
                parts=parts,
                seconds=self._time.now_s() - began_s,
                resumed=bool(known),
            )
            return report, error

    async def _made(
        self,
        stack: AsyncExitStack,
        regions: AwsRegions,
        table: Table,
        export: Export | None,
        parts: tuple[Part, ...],
        state: LoadState | None,
    ) -> Load:
        source = await self._source(stack, regions, table, export, len(parts))
        destination = self._destination(stack)
        stack.push_async_callback(destination.close)
        if isinstance(destination, SinkDestination):
            await destination.check(table.keys)
        return Load(
            source,
            destination,
            parts,
            Images(table.stream_arn, tuple(table.keys), self._now_s()),
            store=state,
            time=self._time,
            read_s=self._now_s,
            items_expected=table.items if export is None else export.summary.items,
            seen=self._seen,
        )

    async def _carry_out(self, load: Load) -> AfterbayError | None:
        self._load = load
        if self._stopped:
            load.stop()
        try:
            await load.run()
        except AfterbayError as error:
            return error
        return None

    def _now_s(self) -> float:
        return self._clock.now().timestamp()

    def _identity(self, table: Table, export: Export | None) -> Identity:
        into, digest = (
            (f"function {self._wanted.function}", function_print(self._wanted.function or "", self._wanted.where))
            if self._sink is None
            else (str(self._sink), sink_print(self._sink))
        )
        source = "the table" if export is None else export.summary.arn
        return Identity(table.arn, f"{table.created.isoformat()} {table.id}".strip(), source, into, digest)

    def _state(self, stack: AsyncExitStack) -> LoadState | None:
        if self._wanted.state is None:
            return None
        state = LoadState(self._wanted.state)
        stack.callback(state.close)
        return state

    def _new_parts(self, export: Export | None) -> tuple[Part, ...]:
        return segments(self._wanted.segments or SEGMENTS) if export is None else export.parts

    def _check_segments(self, known: tuple[Part, ...], state: LoadState | None) -> None:
        wanted = self._wanted.segments
        if known and wanted is not None and wanted != len(known):
            raise SettingsError(
                f"state file {state} has {len(known)} segments, and --segments says {wanted}",
                hint=f"a place in a segment means nothing in another division: --segments {len(known)}",
            )

    async def _hand_over(self, regions: AwsRegions, table: Table, export: Export | None) -> None:
        """Rules: E12 positions are fixed before the first page, E15 or before the moment of the export."""
        stream = table.stream_arn if table.streams else None
        found = Handover((), ())
        if stream is not None:
            aws = regions.of(table.region)
            found = await wait_for_readers(aws, stream, self._wanted.function, self._time, self._say)
        for line in told(found, stream, self._wanted.function, self._clock.now()):
            self._say(line)
        if export is None:
            return
        if export.summary.table_arn != table.arn or export.summary.exported < table.created:
            raise SettingsError(
                f"the export is of {export.summary.table_arn} at {export.summary.exported.isoformat()}, and the table"
                f" is {table.arn}, made at {table.created.isoformat()}",
                where="--from-export",
                hint="name the export of this very table",
            )
        if export.doubt is not None:
            self._say(export.doubt)
        for line in export_doubts(found, stream, export.summary.exported, self._clock.now()):
            self._say(line)

    async def _source(
        self, stack: AsyncExitStack, regions: AwsRegions, table: Table, export: Export | None, parts: int
    ) -> ItemSource:
        if export is not None:
            return ExportFiles(regions.of(_region_of(self._wanted.table)), export, self._time)
        if self._wanted.rcu is None and table.read_units is not None:
            self._say(
                f"no --rcu: reads as fast as the table allows; {table.read_units:g} units a second are provisioned"
            )
        aws = regions.of(table.region)
        caller = JsonCaller(
            aws.session(),
            endpoint=await aws.endpoint("dynamodb"),
            region=table.region,
            signing_name=SIGNING_NAME,
            target=TARGET,
            on_date=self._clock.follow,
            answer_s=ANSWER_S,
        )
        stack.push_async_callback(caller.close)
        return TableScan(caller, self._wanted.table, parts, self._budget, Weights(table.item_bytes), self._time)

    def _destination(self, stack: AsyncExitStack) -> Destination:
        if self._sink is not None:
            return SinkDestination(open_sink(self._sink))
        name = self._wanted.function or ""
        invoking = AwsRegions(self._settings, read_timeout_s=FUNCTION_TIMEOUT_S, attempts_max=1)
        stack.callback(invoking.close)
        function = LambdaApiFunction(invoking.of(parse_function_name(name).region or ""), name)
        batch = BATCH if self._wanted.batch is None else self._wanted.batch
        return FunctionDestination(function, self._time, batch=batch, where=self._where)


def _region_of(table: str) -> str:
    """The region of a table that is named by its ARN; empty where it is named by its name."""
    return parse_arn(table).region if table.startswith("arn:") else ""
