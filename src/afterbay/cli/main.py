"""The command line: every verb, and where it is. A verb's module is loaded when the verb is asked for: what one needs
(an engine, a server, the SDK) is no time that another should take."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from afterbay.cli.output import told_in_one_line

if TYPE_CHECKING:
    from typer._click.core import Command, Context

__all__ = ["VERBS", "app", "main"]

VERBS = {
    "backfill": "backfill:backfill",
    "deadletters": "deadletters:deadletters",
    "demo": "demo.verb:demo",
    "dev": "dev:dev",
    "match": "match:app_command",
    "pause": "pause:pause",
    "record": "record:record",
    "redrive": "redrive:redrive",
    "render": "render:render",
    "replay": "replay:replay",
    "resume": "resume:resume",
    "run": "run:run",
    "skip": "skip:skip",
    "status": "status:status",
    "tail": "tail:tail",
    "verify": "verify:app",
    "why": "why:why",
}
"""Module and name below ``afterbay.cli``: a function, or a ``Typer`` with verbs of its own."""


class _Verbs(TyperGroup):
    def list_commands(self, ctx: Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name in VERBS and cmd_name not in self.commands:
            self.commands[cmd_name] = _loaded(cmd_name)
        return self.commands.get(cmd_name)


def _loaded(name: str) -> Command:
    module, _, attribute = VERBS[name].partition(":")
    found: object = getattr(import_module(f"afterbay.cli.{module}"), attribute)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name, no_args_is_help=True)
        group = typer.main.get_command(alone)
        assert isinstance(group, TyperGroup), f"{VERBS[name]} has verbs of its own"
        return group.commands[name]
    assert callable(found), f"{VERBS[name]} is no verb"
    alone.command(name)(told_in_one_line(found))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="afterbay",
    cls=_Verbs,
    help="Change data capture off DynamoDB: event source mappings with AWS's semantics, run anywhere.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _verbs() -> None:
    """Without this a ``Typer`` that has no verb of its own yet is no group."""


def main() -> None:
    app()
