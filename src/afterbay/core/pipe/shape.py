"""The words in which the API's model describes a request, and what a value does wrong by them.

A model is a tree of these shapes (``model.py``); ``violations`` walks a request along it. Members that the model does
not name are passed over, as AWS does, and told by ``unknown``. The sentences are those of Lambda's model check (E5,
E8), by analogy; of this service only the one for what is missing is recorded (X6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from afterbay.core.change.wire import JsonValue
from afterbay.core.mapping.constraints import enum_rule, length_rule, moment, number_rule, pattern_rule
from afterbay.core.pipe.errors import Field
from afterbay.errors import SettingsError

__all__ = [
    "MISSING",
    "Choice",
    "Entries",
    "Flag",
    "Items",
    "Moment",
    "Object",
    "Shape",
    "Text",
    "Whole",
    "unknown",
    "violations",
    "without_nulls",
]

MISSING = "Missing required parameter."
"""X6, recorded."""

_UNBOUNDED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Text:
    """A string of ``low`` to ``high`` characters. ``form`` describes the whole of it, ``not_form`` its beginning if it
    must not begin so."""

    low: int = 0
    high: int = _UNBOUNDED
    form: re.Pattern[str] | None = None
    not_form: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, both ends included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed set of strings."""

    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time stamp: epoch seconds or ISO 8601 text."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    of: Shape
    low: int = 0
    high: int = _UNBOUNDED


@dataclass(frozen=True, slots=True)
class Entries:
    """An object whose member names are the user's, and whose values are strings."""

    key: Text
    value: Text
    low: int = 0
    high: int = _UNBOUNDED


@dataclass(frozen=True, slots=True)
class Object:
    """An object with named members. ``closed`` False: nothing is said of what is in it."""

    members: Mapping[str, Shape] = field(default_factory=dict[str, "Shape"])
    required: tuple[str, ...] = ()
    closed: bool = True


Shape = Text | Whole | Choice | Flag | Moment | Items | Entries | Object


def violations(shape: Shape, value: JsonValue, path: str = "") -> Iterator[Field]:
    """Everything in ``value``, which is not null, that the model does not take; ``path`` leads to it."""
    match shape:
        case Text():
            yield from _of_text(shape, value, path)
        case Whole():
            if not isinstance(value, int) or isinstance(value, bool):
                yield Field(path, _must_be("a whole number", value))
            elif rule := number_rule(value, shape.low, shape.high):
                yield Field(path, rule)
        case Choice():
            if value not in shape.allowed:
                yield Field(path, enum_rule(shape.allowed))
        case Flag():
            if not isinstance(value, bool):
                yield Field(path, _must_be("true or false", value))
        case Moment():
            if not _is_moment(value):
                yield Field(path, _must_be("a time stamp", value))
        case Items():
            yield from _of_items(shape, value, path)
        case Entries():
            yield from _of_entries(shape, value, path)
        case Object():
            yield from _of_object(shape, value, path)
        case _:
            assert_never(shape)


def unknown(shape: Shape, value: JsonValue, path: str = "") -> Iterator[str]:
    """The paths of members that the model does not name, misspelt ones for instance: for files that a person wrote."""
    if isinstance(shape, Object) and isinstance(value, dict) and shape.closed:
        for name, member in value.items():
            if name in shape.members:
                yield from unknown(shape.members[name], member, _join(path, name))
            else:
                yield _join(path, name)
    elif isinstance(shape, Items) and isinstance(value, list):
        for number, one in enumerate(value):
            yield from unknown(shape.of, one, f"{path}[{number}]")


def without_nulls(given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The members that are there: null says as much as absent, at any depth."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in given.items()
        if value is not None
    }


def _of_text(shape: Text, value: JsonValue, path: str) -> Iterator[Field]:
    if not isinstance(value, str):
        yield Field(path, _must_be("a string", value))
    elif rule := _text_rule(shape, value):
        yield Field(path, rule)


def _text_rule(shape: Text, value: str) -> str | None:
    """An empty text that the length allows is not held against the form: it is how a value is cleared (X10, X14)."""
    if rule := length_rule(len(value), shape.low, shape.high):
        return rule
    if value and shape.form is not None and not shape.form.fullmatch(value):
        return pattern_rule(shape.form.pattern)
    if shape.not_form is not None and shape.not_form.match(value):
        return f"Member must not begin as in: {shape.not_form.pattern}"
    return None


def _of_items(shape: Items, value: JsonValue, path: str) -> Iterator[Field]:
    if not isinstance(value, list):
        yield Field(path, _must_be("a list", value))
        return
    if rule := length_rule(len(value), shape.low, shape.high):
        yield Field(path, rule)
    for number, one in enumerate(value):
        if one is None:
            yield Field(f"{path}[{number}]", MISSING)
        else:
            yield from violations(shape.of, one, f"{path}[{number}]")


def _of_entries(shape: Entries, value: JsonValue, path: str) -> Iterator[Field]:
    if not isinstance(value, dict):
        yield Field(path, _must_be("an object", value))
        return
    if rule := length_rule(len(value), shape.low, shape.high):
        yield Field(path, rule)
    for key, one in value.items():
        if rule := _text_rule(shape.key, key):
            yield Field(_join(path, key), f"Map keys must satisfy constraint: [{rule}]")
        if one is None:
            yield Field(_join(path, key), MISSING)
        else:
            yield from violations(shape.value, one, _join(path, key))


def _of_object(shape: Object, value: JsonValue, path: str) -> Iterator[Field]:
    if not isinstance(value, dict):
        yield Field(path, _must_be("an object", value))
        return
    for name in shape.required:
        if value.get(name) is None:
            yield Field(_join(path, name), MISSING)
    for name, member in shape.members.items():
        given = value.get(name)
        if given is not None:
            yield from violations(member, given, _join(path, name))


def _is_moment(value: JsonValue) -> bool:
    try:
        return moment({"at": value}, "at") is not None
    except SettingsError:
        return False


def _must_be(wanted: str, value: JsonValue) -> str:
    return f"Member must be {wanted}, not {value!r:.100}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
