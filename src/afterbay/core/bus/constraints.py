"""What the service's model says of each member of a request, before the service itself looks at any (B1, B30, B31,
B33).

Decides lengths, ranges, spellings and closed sets of values, in AWS's sentences. What members mean for one another is
for the module whose request it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import (
    Range,
    enum_rule,
    integer,
    items,
    length_rule,
    members,
    pattern_rule,
    text,
    validation_error,
)
from afterbay.errors import EndpointError, SettingsError

__all__ = [
    "ARN_MAX",
    "AWS_NAME",
    "BUS_NAME_OR_ARN",
    "DESCRIPTION",
    "KMS_KEY",
    "Listed",
    "Text",
    "Whole",
    "check",
    "invalid",
    "limit_exceeded",
    "not_found",
    "objects",
    "refuse_members",
    "violations",
]

ARN_MAX = 1600

AWS_NAME = r"[\.\-_A-Za-z0-9]+"
"""How rules, targets, archives, replays, connections and destinations are named."""

BUS_NAME_OR_ARN = (
    r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[/\.\-_A-Za-z0-9]+"  # "/": a partner's bus
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text member. ``pattern`` is AWS's spelling, shown in its sentence; ``matches`` is what decides where AWS's own
    expression would take exponential time. ``secret``: the value is not shown."""

    name: str
    low: int = 0
    high: int | None = None
    pattern: str | None = None
    matches: str | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    secret: bool = False

    def broken(self, params: Mapping[str, JsonValue], at: str) -> Iterator[str]:
        """Sentences about this member of ``params``, in the order of the recordings: spelling, then length (B33)."""
        value, path = text(params, self.name), at + _camel(self.name)
        if value is None:
            if self.required:
                yield _null(path)
            return
        yield from self.broken_value(value, path)

    def broken_value(self, value: str, path: str) -> Iterator[str]:
        shown = None if self.secret else value
        if self.pattern is not None and not re.fullmatch(self.matches or self.pattern, value):
            yield _sentence(shown, path, pattern_rule(self.pattern))
        yield from _length(shown, path, len(value), self.low, self.high)
        if self.choices and value not in self.choices:
            yield _sentence(shown, path, enum_rule(self.choices))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole-number member. ``high`` None: the model has no upper end."""

    name: str
    low: int
    high: int | None = None

    def broken(self, params: Mapping[str, JsonValue], at: str) -> Iterator[str]:
        value = integer(params, self.name)
        if value is not None:
            high = max(value, self.low) if self.high is None else self.high
            sentence = Range(at + _camel(self.name), self.low, high).violation(value)
            if sentence:
                yield sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list member. ``each``: what its texts must satisfy; the members of objects are the caller's to check."""

    name: str
    low: int = 0
    high: int | None = None
    each: Text | None = None
    required: bool = False

    def broken(self, params: Mapping[str, JsonValue], at: str) -> Iterator[str]:
        given, path = items(params, self.name), at + _camel(self.name)
        if given is None:
            if self.required:
                yield _null(path)
            return
        yield from _length(f"[{', '.join(map(str, given))}]", path, len(given), self.low, self.high)
        if self.each is not None:
            for number, one in enumerate(given, start=1):
                yield from self.each.broken_value(_text_item(self.name, one), f"{path}.{number}.member")


Constraint = Text | Whole | Listed

DESCRIPTION = Text(name="Description", high=512)
KMS_KEY = Text(name="KmsKeyIdentifier", high=2048, pattern=r"^[a-zA-Z0-9_\-/:]*$")


def violations(params: Mapping[str, JsonValue], model: Sequence[Constraint], *, at: str = "") -> Iterator[str]:
    """Every sentence about ``params``, in the model's order. ``at`` is the path of ``params`` itself, with its dot."""
    for constraint in model:
        yield from constraint.broken(params, at)


def check(params: Mapping[str, JsonValue], model: Sequence[Constraint]) -> None:
    """Raise one ValidationException that joins all that is wrong (B33)."""
    found = list(violations(params, model))
    if found:
        raise validation_error(found)


def objects(params: Mapping[str, JsonValue], name: str) -> list[dict[str, JsonValue]]:
    """The objects of a list member; none where it is absent. Raises ``SettingsError`` for anything else in it."""
    given = items(params, name) or []
    return [members({name: one}, name) or {} for one in given]


def refuse_members(params: Mapping[str, JsonValue], names: Sequence[str], what: str) -> None:
    """Refuse what nothing here acts on: a setting is never stored only to be shown again."""
    for name in names:
        if params.get(name) is not None:
            raise invalid(f"{name} is not implemented: {what}")


def invalid(message: str, *, hint: str | None = None) -> SettingsError:
    return SettingsError(message, code="ValidationException", hint=hint)


def not_found(message: str) -> EndpointError:
    return EndpointError("ResourceNotFoundException", message)


def limit_exceeded() -> EndpointError:
    """The one text of every quota (B31, B76)."""
    return EndpointError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def _text_item(name: str, value: JsonValue) -> str:
    return text({name: value}, name) or ""


def _length(shown: str | None, path: str, length: int, low: int, high: int | None) -> Iterator[str]:
    rule = length_rule(length, low, max(length, low) if high is None else high)
    if rule:
        yield _sentence(shown, path, rule)


def _sentence(shown: str | None, path: str, rule: str) -> str:
    value = "Value" if shown is None else f"Value '{shown}'"
    return f"{value} at '{path}' failed to satisfy constraint: {rule}"


def _null(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]
