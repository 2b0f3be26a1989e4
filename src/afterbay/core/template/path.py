"""Paths into an event: ``$.detail.items[0].name`` (X39, B40).

Decides what a path is and what it finds. What becomes of a path that finds nothing is its reader's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Literal, cast

from afterbay.core.template.errors import TemplateError

__all__ = ["MISSING", "Missing", "Path", "is_path"]


class Missing(Enum):
    """The type of ``MISSING``, which no JSON value is."""

    MISSING = "MISSING"


MISSING: Final = Missing.MISSING
"""What a path finds where there is nothing; null is something (X36)."""


class _Every(Enum):
    EVERY = "*"


_Step = str | int | Literal[_Every.EVERY]
_Find = Callable[[object], object]

_GRAMMAR = re.compile(r"\$(?:\.[A-Za-z0-9_/-]+(?:\[(?:[0-9]+|\*)\])*)*")
_STEP = re.compile(r"\.([A-Za-z0-9_/-]+)|\[([0-9]+|\*)\]")
_INDEX_DIGITS_MAX = 9
"""No event has an array of 10^9 elements: longer indexes find nothing, and Python need not count that far."""


class Path:
    """A path, ready to look. Raises ``TemplateError`` InvalidPath for what is outside the grammar (X39)."""

    __slots__ = ("_steps", "find", "text")

    def __init__(self, text: str) -> None:
        if not is_path(text):
            raise TemplateError(
                f"{text} is no path",
                code="InvalidPath",
                hint="a path is $ and any number of .name, .name[0] or .name[*], with names of A-Z a-z 0-9 _ - /",
            )
        self.text = text
        self._steps = tuple(map(_step, _STEP.finditer(text)))
        self.find: _Find = _by_names(self._steps) if _are_names(self._steps) else _by_steps(self._steps)
        """``find(value)``: the value at the path, or ``MISSING``.

        Names look into objects, indexes into arrays, nothing else (X36). With ``[*]`` it is the list of all matches,
        flat, empty if the array has none; ``MISSING`` if there is no array at the first ``[*]`` (ours: X39 leaves it
        open).
        """

    def __repr__(self) -> str:
        return f"Path({self.text!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names up to the first index; none for ``$``, the whole event."""
        names: list[str] = []
        for step in self._steps:
            if not isinstance(step, str):
                break
            names.append(step)
        return tuple(names)

    @property
    def first(self) -> str | None:
        """The first name; None for ``$``, the whole event."""
        return cast("str", self._steps[0]) if self._steps else None


def is_path(text: object) -> bool:
    """Whether the whole of ``text`` is a path (X39); what is no text is none."""
    return isinstance(text, str) and _GRAMMAR.fullmatch(text) is not None


def _step(found: re.Match[str]) -> _Step:
    name, index = found.groups()
    if name is not None:
        return cast("str", name)
    if index == "*":
        return _Every.EVERY
    digits = index.lstrip("0") or "0"
    return int(digits) if len(digits) <= _INDEX_DIGITS_MAX else 10**_INDEX_DIGITS_MAX


def _are_names(steps: tuple[_Step, ...]) -> bool:
    return all(isinstance(step, str) for step in steps)


def _by_names(steps: tuple[_Step, ...]) -> _Find:
    """The common case. A name on anything but an object is a ``TypeError``, whatever it is."""

    def find(value: object) -> object:
        here: Any = value
        try:
            for name in steps:
                here = here[name]
        except (KeyError, TypeError):
            return MISSING
        return here

    return find


def _by_steps(steps: tuple[_Step, ...]) -> _Find:
    first_every = steps.index(_Every.EVERY) if _Every.EVERY in steps else len(steps)
    ahead, behind = steps[:first_every], steps[first_every:]

    def find(value: object) -> object:
        found = [value]
        for step in ahead:
            found = _below(found, step)
        if not behind:
            return found[0] if found else MISSING
        if not found or not isinstance(found[0], list):
            return MISSING
        for step in behind:
            found = _below(found, step)
        return found

    return find


def _below(values: list[object], step: _Step) -> list[object]:
    """What lies one step below each of ``values``, in order, level by level so that a long path costs no stack."""
    if isinstance(step, str):
        objects = (cast("dict[str, object]", value) for value in values if isinstance(value, dict))
        return [value[step] for value in objects if step in value]
    arrays = (cast("list[object]", value) for value in values if isinstance(value, list))
    if step is _Every.EVERY:
        return [element for array in arrays for element in array]
    return [array[step] for array in arrays if step < len(array)]
