"""What a target of a rule gets: ``Input``, ``InputPath`` or ``InputTransformer`` over an event (B36 to B49).

Decides what PutTargets refuses of these three, and the payload of an event. A payload that cannot be made is a failed
delivery with the code INVALID_JSON (B39, B44), which is the delivery's to record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.exact import compact, read_json
from afterbay.core.template.input_template import InputTemplate
from afterbay.core.template.names import Context
from afterbay.core.template.path import MISSING, Path

__all__ = ["TargetInput", "input_violations", "parse_target_input"]

_INPUT_MAX = 8192  # B37
_PATH_MAX = 256  # B40
_TEMPLATE_MAX = 8192  # B40
_VARIABLES_MAX = 100  # B40
_NAME = re.compile(r"[A-Za-z0-9\_\-]+")
_NAME_MAX = 256  # B40
_RESERVED_PREFIX = "AWS"  # B40


@dataclass(frozen=True, slots=True)
class TargetInput:
    """The input settings of one target; at most one is set, with none the whole event is sent (B36)."""

    constant: str | None = None
    path: Path | None = None
    template: InputTemplate | None = None

    @property
    def looks_inside(self) -> bool:
        """Whether something is taken out of the event; else it goes as it is, or something fixed in its place."""
        return self.path is not None or self.template is not None

    def payload(self, event: Event, context: Context) -> str:
        """What the target gets. ``context`` is as in ``InputTemplate.render``: ``rule_arn``, ``rule_name``, ``now``.

        Raises ``TemplateError``: InvalidJson (B44), MissingPath for an InputPath that finds nothing (B39), InvalidValue
        for a part that is nested too deep to be written.
        """
        if self.template is not None:
            return self.template.render_event(event, context)
        if self.constant is not None:
            return self.constant
        if self.path is None:
            return event.text
        found = self.path.find(event.raw)
        if found is MISSING:
            raise TemplateError(f"the event has nothing at {self.path.text}", code="MissingPath", where="InputPath")
        try:
            return compact(found)
        except ValueError as deep:
            raise TemplateError(f"the part cannot be written: {deep}", code="InvalidValue", where="InputPath") from deep


def parse_target_input(target: Mapping[str, JsonValue], *, place: int = 1) -> TargetInput:
    """The input settings of one entry of PutTargets' ``Targets``; ``place`` is its number among them, from 1.

    Raises ``TemplateError`` ValidationException, with AWS's texts where they are known: two settings at once (B36), an
    undefined placeholder (B40). That unquoted text is refused (B42) is known, the text is ours.
    """
    violations = list(input_violations(target, place))
    if violations:
        many = "s" if len(violations) > 1 else ""
        raise _refused(f"{len(violations)} validation error{many} detected: {'; '.join(violations)}")  # B33
    name = target.get("Id")
    constant, path, transformer = (target.get(key) for key in ("Input", "InputPath", "InputTransformer"))
    if sum(one is not None for one in (constant, path, transformer)) > 1:
        raise _refused(f"Only one of Input, InputPath, or InputTransformer must be provided for target {name}.")
    if isinstance(constant, str):
        return TargetInput(constant=_json(constant, f"Input for target {name} is not a valid JSON text."))
    try:
        if isinstance(path, str):
            return TargetInput(path=Path(path))
        if isinstance(transformer, dict):
            return TargetInput(template=_template(transformer, f"InputTemplate for target {name}"))
    except TemplateError as wrong:
        place_of = f"InputPath for target {name}: " if path is not None else ""
        raise TemplateError(f"{place_of}{wrong.message}", code="ValidationException", hint=wrong.hint) from wrong
    return TargetInput()


def _template(transformer: Mapping[str, JsonValue], owner: str) -> InputTemplate:
    template, paths = transformer["InputTemplate"], transformer.get("InputPathsMap") or {}
    assert isinstance(template, str) and isinstance(paths, dict), "checked with the model"
    for name in paths:
        if name.startswith(_RESERVED_PREFIX):
            raise _refused(f"InputPathsMap has the name {name}: names do not start with {_RESERVED_PREFIX}.")
    variables = {name: path for name, path in paths.items() if isinstance(path, str)}
    return InputTemplate(template, kind="bus", variables=variables, owner=owner)


def _json(text: str, refusal: str) -> str:
    try:
        read_json(text)
    except ValueError as broken:
        raise _refused(refusal) from broken
    return text


def _refused(message: str) -> TemplateError:
    return TemplateError(message, code="ValidationException")


def input_violations(target: Mapping[str, JsonValue], place: int) -> Iterator[str]:
    """What the service's model does not take of the three settings, one sentence each, for B33 to join with others'."""
    at = f"targets.{place}.member."
    yield from _text(at + "input", target.get("Input"), 0, _INPUT_MAX)
    yield from _text(at + "inputPath", target.get("InputPath"), 0, _PATH_MAX)
    transformer = target.get("InputTransformer")
    if transformer is None:
        return
    at += "inputTransformer"
    if not isinstance(transformer, dict):
        yield _violation(at, transformer, "Member must be a structure")
        return
    template = transformer.get("InputTemplate")
    if template is None:
        yield f"Value null at '{at}.inputTemplate' failed to satisfy constraint: Member must not be null"
    yield from _text(f"{at}.inputTemplate", template, 1, _TEMPLATE_MAX)
    yield from _variables(f"{at}.inputPathsMap", transformer.get("InputPathsMap"))


def _variables(at: str, paths: JsonValue) -> Iterator[str]:
    if paths is None:
        return
    if not isinstance(paths, dict):
        yield _violation(at, paths, "Member must be a map")
        return
    if len(paths) > _VARIABLES_MAX:
        yield _violation(at, paths, f"Member must have length less than or equal to {_VARIABLES_MAX}")
    if any(len(name) > _NAME_MAX or not _NAME.fullmatch(name) for name in paths):
        rules = (
            f"Member must have length less than or equal to {_NAME_MAX}",
            "Member must have length greater than or equal to 1",
            f"Member must satisfy regular expression pattern: {_NAME.pattern}",
        )
        yield _violation(at, paths, f"Map keys must satisfy constraint: [{', '.join(rules)}]")
    if any(not isinstance(path, str) or len(path) > _PATH_MAX for path in paths.values()):
        rule = f"Member must have length less than or equal to {_PATH_MAX}"
        yield _violation(at, paths, f"Map value must satisfy constraint: [{rule}]")


def _text(at: str, value: JsonValue, least: int, most: int) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, str):
        yield _violation(at, value, "Member must be a string")
    elif len(value) > most:
        yield _violation(at, value, f"Member must have length less than or equal to {most}")
    elif len(value) < least:
        yield _violation(at, value, f"Member must have length greater than or equal to {least}")


def _violation(at: str, value: JsonValue, rule: str) -> str:
    if isinstance(value, dict):
        shown = "{" + ", ".join(f"{name}={one}" for name, one in value.items()) + "}"
    else:
        shown = str(value)
    return f"Value '{shown}' at '{at}' failed to satisfy constraint: {rule}"
