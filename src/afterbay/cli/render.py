"""``afterbay render``: try an input template on events."""

from __future__ import annotations

import json
from typing import Annotated, Literal, cast

import typer

from afterbay.cli.options import given_text
from afterbay.cli.output import Exit, say
from afterbay.cli.reading import read_events, text_or_file
from afterbay.core.template import Context, InputTemplate, TemplateError
from afterbay.engine.clock import Clock
from afterbay.errors import SettingsError

__all__ = ["render"]


def render(
    template: Annotated[str, typer.Option(help="The template: a file, or the text itself.")],
    event: Annotated[
        str, typer.Option(parser=given_text, help="A file with an event or one a line; - reads standard input.")
    ],
    kind: Annotated[Literal["pipe", "bus"], typer.Option(help="Of a pipe, or of a rule's target.")] = "pipe",
    variables: Annotated[str, typer.Option(help="InputPathsMap of a rule's target: a file, or JSON text.")] = "{}",
    source: Annotated[
        Literal["dynamodb", "kinesis", "sqs", "kafka", "mq", "none"],
        typer.Option(help="The pipe's source: says which fields are parsed on the way."),
    ] = "none",
    stage: Annotated[Literal["enrichment", "target"], typer.Option(help="Whose template it is.")] = "target",
    context: Annotated[
        str, typer.Option(help='What reserved names stand for: a file, or JSON text as in {"pipe_name": "orders"}.')
    ] = "{}",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each event.")] = False,
) -> None:
    """Try an input template. Exit code 0 if every event was rendered, 1 if not, 2 if the template is wrong.

    Example: afterbay render --template '{"id": <$.dynamodb.Keys.pk.S>}' --event record.json
    """
    try:
        paths = _texts("--variables", variables)
        given: Context = {"now": Clock().now(), **_texts("--context", context)}
        compiled = InputTemplate(_template_text(template), kind=kind, variables=paths)
        count = failed = 0
        for count, one in enumerate(read_events(event), start=1):
            try:
                text = compiled.render(one.strip(), source=source, stage=stage, context=given)
            except TemplateError as wrong:
                failed += 1
                _tell_failure(count, wrong, as_json=as_json)
            else:
                typer.echo(json.dumps({"event": count, "rendered": text}) if as_json else text)
    except TemplateError as wrong:
        say(f"template refused: {wrong.code}: {wrong}")
        raise typer.Exit(Exit.MISUSED) from wrong
    except OSError as wrong:
        if wrong.filename is None:  # no file's fault: a closed pipe is the shell's to tell
            raise
        say(f"{wrong.filename}: {wrong.strerror}")
        raise typer.Exit(Exit.MISUSED) from wrong
    if not count:
        say("no event was read")
    raise typer.Exit(Exit.FAILED if failed or not count else Exit.DONE)


def _template_text(given: str) -> str:
    """A template may begin with anything; what holds ``<`` is none of our file names."""
    text = given if "<" in given else text_or_file(given, starts='{["')
    return _decoded("--template", text)


def _texts(option: str, given: str) -> dict[str, str]:
    """A JSON object of texts; null is as good as absent."""
    try:
        read: object = json.loads(_decoded(option, text_or_file(given)))
    except ValueError as broken:
        raise SettingsError(f"{option} is no JSON: {broken}") from broken
    if isinstance(read, dict):
        members = {name: value for name, value in cast("dict[str, object]", read).items() if value is not None}
        texts = {name: value for name, value in members.items() if isinstance(value, str)}
        if len(texts) == len(members):
            return texts
    raise SettingsError(f"{option} is a JSON object of names and texts")


def _decoded(option: str, text: str | bytes) -> str:
    try:
        return text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError as broken:
        raise SettingsError(f"{option} is no UTF-8 text") from broken


def _tell_failure(number: int, wrong: TemplateError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"event": number, "error": wrong.code, "message": str(wrong)}))
    else:
        say(f"event {number}: {wrong.code}: {wrong}")
