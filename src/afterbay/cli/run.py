"""``afterbay run``: mappings and pipes on real streams, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from afterbay.aws.client import AwsSettings
from afterbay.cli.loop import run_on_loop
from afterbay.cli.options import STATE_FILE, Archive, EndpointUrl, Profile, Region, given_path, given_text
from afterbay.cli.output import Exit, print_json, say
from afterbay.cli.running import logging_to_stderr, until_told_to_stop
from afterbay.engine.preview import Planned
from afterbay.engine.standalone import Standalone
from afterbay.engine.wanted import read_mappings, read_pipes
from afterbay.errors import HandlerError, SettingsError
from afterbay.functions.local import Handler, load_callable

__all__ = ["run"]

SHOWN_MAX = 20
"""Saved positions of one mapping that a person is shown; ``--json`` has them all."""


def run(
    *,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(
            parser=given_path,
            help="A mapping, or a list of them, as `aws lambda create-event-source-mapping --cli-input-json` takes it. "
            "May be given several times.",
        ),
    ] = None,
    pipe: Annotated[
        list[Path] | None,
        typer.Option(
            parser=given_path,
            help="A pipe, or a list of them, as `aws pipes create-pipe --cli-input-json` takes it. May be given "
            "several times.",
        ),
    ] = None,
    state: Annotated[
        Path, typer.Option(parser=given_path, help="Where positions and unsent dead letters are kept.")
    ] = STATE_FILE,
    inline: Annotated[
        str | None,
        typer.Option(parser=given_text, metavar="MODULE:FUNCTION", help="Call this Python function instead of Lambda."),
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            parser=given_text,
            metavar="NAMESPACE",
            help="Write CloudWatch metrics there: IteratorAge, counts (MetricsConfig), and what pipes measure.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, say what would run and from where, start nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="With --dry-run: JSON on standard output.")] = False,
    archive: Archive = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Run event source mappings and pipes on DynamoDB streams, Kinesis streams and SQS queues. SIGTERM and Ctrl-C
    finish what is in flight and save.

    Example: afterbay run --mapping mapping.json --pipe pipe.json --state orders.sqlite3 --inline app:handler
    """
    if not mapping and not pipe:
        raise SettingsError("nothing to run: give --mapping FILE or --pipe FILE", hint="as in --mapping mapping.json")
    if json and not dry_run:
        raise SettingsError("--json is for --dry-run: what runs is told by `afterbay status`")
    logging_to_stderr()
    mappings, pipes = read_mappings(mapping or ()), read_pipes(pipe or ())
    handler = None if inline is None else _load(inline)
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    engine = Standalone(mappings, state, aws, pipes=pipes, handler=handler, metrics=metrics, archive=archive)
    if not dry_run:
        run_on_loop(_serve(engine))
        return
    planned = asyncio.run(engine.look())
    if json:
        print_json({"state": str(state), "planned": [asdict(one) for one in planned]})
    else:
        for one in planned:
            for line in _lines(one):
                typer.echo(line)
    if any(one.faults for one in planned):
        raise typer.Exit(Exit.FAILED)


def _load(inline: str) -> Handler:
    try:
        return load_callable(inline)
    except HandlerError as error:  # named on the command line: the caller's to mend, and nothing was started
        raise SettingsError(error.message, where="--inline", hint=error.hint) from error


async def _serve(engine: Standalone) -> None:
    async with engine:
        await until_told_to_stop(ready=f"running {engine.told}; state in {engine.state}; Ctrl-C drains")
    say("drained")


def _lines(planned: Planned) -> Iterable[str]:
    """One mapping or pipe, for a person."""
    yield f"{planned.kind} {planned.name} ({planned.place}){'' if planned.enabled else ': would not run'}"
    shards = "" if planned.shards is None else f": {planned.shards} shard(s)"
    yield f"  source      {planned.source}{shards}"
    if planned.enrichment is not None:
        yield f"  enrichment  {planned.enrichment}"
    if planned.target is not None:
        yield f"  target      {planned.target}"
    for one in planned.positions[:SHOWN_MAX]:
        yield f"  position    {one.shard}: behind {one.behind}"
    if len(planned.positions) > SHOWN_MAX:
        yield f"  position    and {len(planned.positions) - SHOWN_MAX} more"
    if not planned.positions and planned.starts_at is not None:
        yield f"  position    none is saved: begins at {planned.starts_at}"
    if planned.letters:
        yield f"  letters     {planned.letters} wait to be sent"
    for warning in planned.warnings:
        yield f"  warning     {warning}"
    for fault in planned.faults:
        yield f"  fault       {fault}"
