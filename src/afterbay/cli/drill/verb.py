"""``afterbay verify drill``: a pipeline, broken on purpose, with what was seen."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, cast

import typer

from afterbay.cli.options import AsJson, given_path, given_text
from afterbay.cli.output import Exit, print_json, say
from afterbay.cli.parameters import template_parameters
from afterbay.cli.running import INTERRUPTED, ended_by_signals, logging_to_stderr
from afterbay.core.change.value import canonical, encode_item, wire_item
from afterbay.errors import RecordError, SettingsError

__all__ = ["drill_template", "read_item"]


def drill_template(
    template: Annotated[
        Path,
        typer.Argument(
            parser=given_path, help="A SAM or CloudFormation template, or what `terraform show -json` prints."
        ),
    ],
    *,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of the template; once for each.")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Go on without resources that are unknown or refused.")
    ] = False,
    function: Annotated[str | None, typer.Option(metavar="NAME", help="Only the mappings of this function.")] = None,
    item: Annotated[
        Path | None,
        typer.Option(
            parser=given_path, metavar="FILE", help="An item that the functions take, as JSON or DynamoDB's JSON."
        ),
    ] = None,
    region: Annotated[
        str, typer.Option(parser=given_text, envvar="AWS_DEFAULT_REGION", help="Where the template's resources are.")
    ] = "us-east-1",
    as_json: AsJson = False,
) -> None:
    """Put the template up on a local address of its own and break it on purpose: a change is traced from the table to
    where it shows up, delivered again and late, and a poison record is put among others. Nothing leaves this machine.
    Exit code 1 if a promise does not hold.

    Example: afterbay verify drill template.yaml --param Stage=dev
    """
    # Loaded here: YAML, the SAM transform and moto are not what --help should wait for.
    from afterbay.cli.drill.drill import DrillOptions, drill
    from afterbay.cli.drill.report import lines
    from afterbay.manifest.load import load

    logging_to_stderr(logging.ERROR)
    for name in [name for name in os.environ if name.startswith(("AWS_", "AFTERBAY_"))]:
        del os.environ[name]  # no profile, credentials or address of a real account
    options = DrillOptions(given={} if item is None else read_item(item), function=function)
    declared = load(template, region=region, parameters=template_parameters(param or []), skip_unknown=skip_unknown)
    try:
        report = asyncio.run(ended_by_signals(drill(declared, template.parent, options, say)))
    except KeyboardInterrupt as interrupt:
        say("interrupted; the address is stopped")
        raise typer.Exit(INTERRUPTED) from interrupt
    if as_json:
        print_json(report.document())
    else:
        for line in lines(report):
            typer.echo(line)
    raise typer.Exit(Exit.FAILED if report.broken else Exit.DONE)


def read_item(file: Path) -> dict[str, object]:
    """An item, typed, from a file with DynamoDB's JSON or plain JSON. Raises ``SettingsError``."""
    try:
        read: object = json.loads(file.read_text("utf-8"), parse_float=Decimal)
    except (OSError, ValueError) as wrong:
        raise SettingsError(f"no JSON can be read: {wrong}", where=str(file)) from wrong
    if not isinstance(read, Mapping):
        raise SettingsError("an item is a JSON object", where=str(file))
    members = cast("Mapping[str, object]", read)
    try:
        canonical(members)
        return wire_item(members)
    except RecordError:
        pass  # not DynamoDB's JSON
    try:
        return encode_item(members)
    except RecordError as wrong:
        raise SettingsError(wrong.message, where=str(file)) from wrong
