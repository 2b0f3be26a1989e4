"""``InputTemplate``: one input template of a pipe or a bus, ready to render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.implicit import Source, check_source
from afterbay.core.template.names import BUS_CONTEXT, PIPE_CONTEXT, PIPE_NAMES, Context, Kind, Names, bus_names
from afterbay.core.template.path import Path
from afterbay.core.template.render import Renderer
from afterbay.core.template.syntax import Position, Syntax, are_quoted_strings, read_template
from afterbay.errors import SettingsError

__all__ = ["InputTemplate", "Stage"]

Stage = Literal["enrichment", "target"]


class InputTemplate:
    """An input template of EventBridge Pipes (``kind="pipe"``) or of an event bus's rule (``kind="bus"``), compiled.

    ``text`` is the template; none, or an empty one, of a pipe lets the record through as it is (X30). ``variables`` is
    a bus's ``InputPathsMap``: names and their paths. ``owner`` is what refusals call the template.

    Raises ``TemplateError`` for an unknown placeholder (X40, B40), a path outside the grammar (X39) and what else a bus
    refuses. AWS looks at a pipe's paths only when it renders (X35): with ``checked=False`` such a template is taken,
    and every rendering raises.
    """

    def __init__(
        self,
        text: str | None,
        *,
        kind: Kind = "pipe",
        variables: Mapping[str, str] | None = None,
        checked: bool = True,
        owner: str = "InputTemplate",
    ) -> None:
        if kind not in get_args(Kind):
            raise SettingsError(f"{kind!r} is no kind of template", hint="kind is pipe or bus")
        if variables and kind == "pipe":
            raise SettingsError("a pipe's template has no variables", hint="write the path itself, as in <$.eventName>")
        text = _text_of(text)
        self.text = text
        self.kind: Kind = kind
        names = PIPE_NAMES if kind == "pipe" else bus_names(variables or {})
        syntax = read_template(text, names.pattern)
        self.is_json = syntax.is_json
        """Whether it is a JSON template, which makes JSON or fails (X31, X35); an empty one is none."""
        self._renderer: Renderer | None = None
        self._fault: TemplateError | None = None
        try:
            self._renderer = Renderer(syntax, names, owner=owner)
        except TemplateError as wrong:
            if checked or wrong.code != "InvalidPath":
                raise
            _check_names(syntax, names, owner)
            self._fault = wrong
        if kind == "bus":
            _check_bus(text, syntax, owner)

    @property
    def paths(self) -> tuple[Path, ...] | None:
        """All that it looks at in an event; None: the whole event, or nothing that can be told beforehand."""
        return None if self._renderer is None or not self.text else self._renderer.paths

    def __repr__(self) -> str:
        return f"InputTemplate({self.text!r}, kind={self.kind!r})"

    def render(
        self, record: object, *, source: Source = "none", stage: Stage = "target", context: Context | None = None
    ) -> str:
        """The payload of one record (X45): any JSON value, or JSON as bytes, whose numbers keep every digit.

        A ``str`` is text that is no JSON, as an enrichment may answer. ``source`` says which fields are parsed on the
        way (X37): dynamodb, kinesis, sqs, kafka, mq, none (what an enrichment answered, or an event of a bus).
        ``stage`` is whose template it is, for the error's ``where``. ``context`` holds what reserved names stand for:
        ``pipe_arn``, ``pipe_name``, ``source_arn``, ``enrichment_arn``, ``target_arn``, or for a bus ``rule_arn``,
        ``rule_name``; and ``now``, a ``datetime`` or ISO 8601 text. What is not there has no value (X36).

        Raises ``TemplateError``: InvalidJson (X35), InvalidValue.
        """
        check_source(source)
        if stage not in get_args(Stage):
            raise SettingsError(f"{stage!r} is no stage", hint="stage is enrichment or target")
        given: Context = context or {}
        known = PIPE_CONTEXT if self.kind == "pipe" else BUS_CONTEXT
        if unknown := [name for name in given if name not in known]:
            raise SettingsError(f"context takes no {unknown[0]}", hint=f"it takes {', '.join(known)}")
        try:
            event = Event.read(record, source) if isinstance(record, bytes) else Event(record, source)
            return self.render_event(event, given)
        except TemplateError as wrong:
            raise wrong.read_in(f"{stage} template") from wrong

    def render_event(self, event: Event, context: Context) -> str:
        """The same for an event that is decoded already, without checks of the arguments. Raises ``TemplateError``."""
        if self._renderer is None:
            assert self._fault is not None, "a template compiles or has a fault"
            raise self._fault
        if not self.text:
            return event.text
        return self._renderer.render(event, context)


def _text_of(text: object) -> str:
    """None is the empty template (X30)."""
    if text is None or isinstance(text, str):
        return text or ""
    raise TemplateError(f"a template is text, not {type(text).__name__}", code="ValidationException")


def _check_names(syntax: Syntax, names: Names, owner: str) -> None:
    """An unknown name is refused at once even behind a path that is not looked at yet."""
    for placeholder in syntax.placeholders:
        try:
            names.find(placeholder.name, owner)
        except TemplateError as wrong:
            if wrong.code != "InvalidPath":
                raise


def _check_bus(text: str, syntax: Syntax, owner: str) -> None:
    """What PutTargets refuses of a template, but for its length (B40, B42). The words are ours."""
    if not text:
        raise TemplateError(f"{owner} is empty.", code="ValidationException")
    for placeholder in syntax.placeholders:
        if placeholder.is_key:
            raise TemplateError(
                f"{owner} has placeholder {placeholder.name} in the key of an object.", code="ValidationException"
            )
    lone = [part.position for part in syntax.placeholders] == [Position.TEXT] and len(syntax.parts) == 1
    if not syntax.is_json and not lone and not are_quoted_strings(text):
        raise TemplateError(
            f"{owner} is neither JSON nor text in quotes.",
            code="ValidationException",
            hint='put each line in double quotes, as in "order <id> shipped"',
        )
