"""The command line: every verb, registered."""

from __future__ import annotations

import typer

from afterbay.cli.backfill import backfill
from afterbay.cli.deadletters import deadletters
from afterbay.cli.demo.verb import demo
from afterbay.cli.dev import dev
from afterbay.cli.match import app_command as match
from afterbay.cli.output import told_in_one_line
from afterbay.cli.pause import pause
from afterbay.cli.record import record
from afterbay.cli.redrive import redrive
from afterbay.cli.render import render
from afterbay.cli.replay import replay
from afterbay.cli.resume import resume
from afterbay.cli.run import run
from afterbay.cli.skip import skip
from afterbay.cli.status import status
from afterbay.cli.tail import tail
from afterbay.cli.verify import app as verify
from afterbay.cli.why import why

__all__ = ["app", "main"]

app = typer.Typer(
    name="afterbay",
    help="Change data capture off DynamoDB: event source mappings with AWS's semantics, run anywhere.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(told_in_one_line(backfill))
app.add_typer(deadletters, name="deadletters", no_args_is_help=True)
app.command()(told_in_one_line(demo))
app.command()(told_in_one_line(dev))
app.command("match")(told_in_one_line(match))
app.command()(told_in_one_line(pause))
app.command()(told_in_one_line(record))
app.add_typer(redrive, name="redrive", no_args_is_help=True)
app.command()(told_in_one_line(render))
app.command()(told_in_one_line(replay))
app.command()(told_in_one_line(resume))
app.command()(told_in_one_line(run))
app.command()(told_in_one_line(skip))
app.command()(told_in_one_line(status))
app.command()(told_in_one_line(tail))
app.add_typer(verify, name="verify")
app.command()(told_in_one_line(why))


def main() -> None:
    app()
