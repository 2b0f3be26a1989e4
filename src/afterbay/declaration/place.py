"""Where in a template something stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from afterbay.errors import SettingsError

__all__ = ["Path", "Place", "Problems", "nearest"]

Path: TypeAlias = tuple[str | int, ...]
"""The way from a document's root: names of members and numbers of elements."""

SHOWN_MAX = 20
"""Refusals told at once: more would push the first one off the screen."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Problems:
    """What is wrong with a template, gathered so that all of it can be told at once."""

    def __init__(self) -> None:
        self._found: dict[str, Place] = {}

    def add(self, place: Place, sentence: str) -> None:
        """One refusal; the same one at the same place counts once."""
        self._found.setdefault(f"{place}: {sentence}", place)

    def take(self, error: SettingsError, place: Place) -> None:
        """The refusal that ``error`` is, at its own place or else at ``place``."""
        self.add_line(str(error) if error.where else f"{place}: {error}", place)

    def add_line(self, line: str, place: Place) -> None:
        """A refusal that names its place itself."""
        self._found.setdefault(line, place)

    def raise_if_any(self) -> None:
        """Raise one ``SettingsError`` with a line for each refusal, in the order of the file."""
        if not self._found:
            return
        lines = [text for text, _ in sorted(self._found.items(), key=lambda one: one[1])]
        more = len(lines) - SHOWN_MAX
        if more > 0:
            lines = [*lines[:SHOWN_MAX], f"and {more} more"]
        raise SettingsError("\n".join(lines))


def nearest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean X?)`` for the name most like ``name``, or nothing."""
    found: Sequence[str] = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {found[0]}?)" if found else ""
