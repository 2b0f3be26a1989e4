"""``afterbay run``: mappings on real streams, in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from afterbay.aws.client import AwsSettings
from afterbay.cli.options import EndpointUrl, Profile, Region
from afterbay.cli.output import say
from afterbay.cli.running import logging_to_stderr, until_told_to_stop
from afterbay.engine.standalone import Standalone, read_mappings
from afterbay.errors import HandlerError, SettingsError
from afterbay.functions.local import Handler, load_callable

__all__ = ["run"]

STATE_FILE = Path("afterbay.state.sqlite3")


def run(
    *,
    mapping: Annotated[
        Path,
        typer.Option(
            help="A mapping, or a list of them, as `aws lambda create-event-source-mapping --cli-input-json` takes it.",
        ),
    ],
    state: Annotated[Path, typer.Option(help="Where positions and unsent dead letters are kept.")] = STATE_FILE,
    inline: Annotated[
        str | None, typer.Option(metavar="MODULE:FUNCTION", help="Call this Python function instead of Lambda.")
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMESPACE", help="Write CloudWatch metrics there: IteratorAge, and counts (MetricsConfig)."
        ),
    ] = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Run event source mappings on DynamoDB streams. SIGTERM and Ctrl-C finish what is in flight and save.

    Example: afterbay run --mapping mapping.json --state orders.sqlite3 --inline app:handler
    """
    logging_to_stderr()
    wanted = read_mappings(mapping)
    handler = None if inline is None else _load(inline)
    aws = AwsSettings(endpoint_url=endpoint_url, region=region, profile=profile)
    asyncio.run(_serve(Standalone(wanted, state, aws, handler=handler, metrics=metrics)))


def _load(inline: str) -> Handler:
    try:
        return load_callable(inline)
    except HandlerError as error:  # named on the command line: the caller's to mend, and nothing was started
        raise SettingsError(error.message, where="--inline", hint=error.hint) from error


async def _serve(engine: Standalone) -> None:
    async with engine:
        say(f"running {len(engine.mappings)} mapping(s); state in {engine.state}; Ctrl-C drains")
        await until_told_to_stop()
    say("drained")
