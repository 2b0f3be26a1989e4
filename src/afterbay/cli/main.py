"""The command line: every verb, and where it is. A verb's module is loaded when the verb is asked for: what one needs
(an engine, a server, the SDK) is no time that another should take."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from afterbay.cli.extras import not_installed

try:
    import typer
    from typer.core import TyperGroup
except ModuleNotFoundError as missing:
    sys.stderr.write(f"{not_installed(missing, sys.argv[1:]) or missing}\n")
    sys.exit(2)

from afterbay.cli.output import Exit, in_one_line, say, told_in_one_line
from afterbay.cli.terminal import close_output, prepare_streams

if TYPE_CHECKING:
    from collections.abc import Sequence

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


class _Misuse(Protocol):
    """What the parser says of a wrong word, as far as it is told."""

    ctx: Context | None

    def format_message(self) -> str: ...


_MISUSE = typer.BadParameter.__mro__[1]
"""The parser's own error for every wrong word; typer has no public name for it."""


class _Verbs(TyperGroup):
    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: object,
    ) -> object:
        """As it is everywhere, but a wrong word is one line, like every other error."""
        try:
            ended: object = super().main(args, "afterbay", complete_var, False, windows_expand_args, **extra)
        except typer.Abort:
            if not standalone_mode:
                raise
            sys.exit(Exit.FAILED)
        except ModuleNotFoundError as missing:
            line = not_installed(missing, sys.argv[1:] if args is None else args)
            if not standalone_mode or line is None:
                raise
            say(line)
            sys.exit(Exit.MISUSED)
        except Exception as error:
            if not standalone_mode or not isinstance(error, _MISUSE):
                raise
            _tell_misuse(cast("_Misuse", error))
            sys.exit(Exit.MISUSED)
        if not standalone_mode:
            return ended
        sys.exit(ended if isinstance(ended, int) else Exit.DONE)

    def list_commands(self, ctx: Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        if cmd_name in VERBS and cmd_name not in self.commands:
            self.commands[cmd_name] = _loaded(cmd_name)
        return self.commands.get(cmd_name)


def _tell_misuse(error: _Misuse) -> None:
    """Nothing where no word was given: that prints the help by itself."""
    message = in_one_line(error.format_message()).replace("Value error, ", "")
    if message:
        verb = "afterbay" if error.ctx is None else error.ctx.command_path
        say(f"{verb}: {message.removesuffix('.')} (see {verb} --help)")


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


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # some 20 ms, which other calls need not take

        typer.echo(version("afterbay"))
        raise typer.Exit


@app.callback()
def _verbs(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Without this a ``Typer`` that has no verb of its own yet is no group."""


def main() -> None:
    prepare_streams()
    try:
        app()
    finally:
        refused = close_output()
        if refused:
            say(f"afterbay: the output: {refused}")
            sys.exit(Exit.FAILED)
