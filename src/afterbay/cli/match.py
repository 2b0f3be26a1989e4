"""``afterbay match``: try a filter on events, and be told why it does not match."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from afterbay.cli.options import given_text
from afterbay.cli.output import say
from afterbay.cli.reading import is_json, read_events, text_or_file
from afterbay.core.pattern import Explanation, Pattern, PatternError

__all__ = ["app_command"]


def _as_json(matched: bool, told: Explanation | None) -> dict[str, object]:
    if told is None:
        return {"matched": matched}
    leaves = [
        {
            "alternative": leaf.alternative,
            "path": leaf.path,
            "wanted": leaf.wanted,
            "there": leaf.there,
            "holds": leaf.holds,
            "cause": leaf.cause,
        }
        for leaf in told.leaves
    ]
    return {"matched": matched, "leaves": leaves, "note": told.note}


def app_command(
    pattern: Annotated[str, typer.Option(help="The pattern: a file, or JSON text.")],
    event: Annotated[
        str, typer.Option(parser=given_text, help="A file with an event or one a line; - reads standard input.")
    ],
    dialect: Annotated[Literal["rule", "pipe", "mapping"], typer.Option(help="The service it is for.")] = "rule",
    explain: Annotated[bool, typer.Option("--explain", help="Say why, leaf by leaf.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each event.")] = False,
) -> None:
    """Try an event pattern. Exit code 0 if any event matched, 1 if none, 2 if the pattern is wrong.

    Example: afterbay match --pattern '{"eventName": ["INSERT"]}' --event record.json --explain
    """
    try:
        compiled = Pattern(text_or_file(pattern), dialect=dialect)
        for warning in compiled.warnings:
            typer.echo(f"warning: {warning}", err=True)
        matched = number = 0
        for number, one in enumerate(read_events(event), 1):
            verdict = compiled.matches(one)
            matched += verdict
            told = compiled.explain(one) if explain else None
            if not verdict and told is None and not is_json(one):
                say(f"event {number} is no JSON: no pattern matches it")
            if as_json:
                typer.echo(json.dumps({"event": number, **_as_json(verdict, told)}))
            else:
                typer.echo(f"{number}: {told if told is not None else ('matches' if verdict else 'does not match')}")
    except PatternError as wrong:
        typer.echo(f"pattern refused: {wrong}", err=True)
        raise typer.Exit(2) from wrong
    except OSError as wrong:
        if wrong.filename is None:  # no file's fault: a closed pipe is the shell's to tell
            raise
        typer.echo(f"{wrong.filename}: {wrong.strerror}", err=True)
        raise typer.Exit(2) from wrong
    if not number:
        say("no event was read")
    raise typer.Exit(0 if matched else 1)
