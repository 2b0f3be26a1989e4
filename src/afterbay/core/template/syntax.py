"""Template text -> literal text and placeholders, each with its place in the JSON (X31 to X34, X47).

One scan from left to right that follows JSON strings by their unescaped quotes. What a placeholder names is for
``names.py`` to say; what ``<...>`` is one at all, its pattern says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

__all__ = ["Placeholder", "Position", "Syntax", "are_quoted_strings", "read_template"]

_BLANK = " \t\r\n"
_QUOTED_STRINGS = re.compile(rf'[{_BLANK}]*(?:"(?:[^"\\]|\\.)*"[{_BLANK}]*)+', re.DOTALL)


class Position(Enum):
    """Where in the template a placeholder stands, which decides how its value is written."""

    VALUE = "outside of quotes in a JSON template"
    QUOTED = "inside quotes in a JSON template"
    TEXT = "in a text template"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """``name`` is what stands between ``<`` and ``>``. ``is_key``: a colon follows, so it is (in) an object's key."""

    name: str
    position: Position
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class Syntax:
    """``is_json``: the first letter that is not blank is ``{`` or ``[`` (X31). ``parts`` joined are the template."""

    is_json: bool
    parts: tuple[str | Placeholder, ...]

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        return tuple(part for part in self.parts if isinstance(part, Placeholder))

    @property
    def skeleton(self) -> str:
        """The template with something in each place that cannot hide a fault around it.

        If this is JSON, so is the template with any JSON value outside quotes and any harmless text inside: ``[]``
        is no key and joins no neighbour, as a digit or a string would; ``x`` completes no escape.
        """
        return "".join(part if isinstance(part, str) else _FILLERS[part.position] for part in self.parts)


_FILLERS = {Position.VALUE: "[]", Position.QUOTED: "x", Position.TEXT: ""}


def read_template(text: str, name: str) -> Syntax:
    """``name`` is the regular expression of what may stand between ``<`` and ``>``; other brackets are text (X40)."""
    is_json = text.lstrip(_BLANK)[:1] in ("{", "[")
    return Syntax(is_json, tuple(_parts(text, re.compile(rf'\\["\\]|"|<({name})>'), is_json=is_json)))


def _parts(text: str, token: re.Pattern[str], *, is_json: bool) -> Iterator[str | Placeholder]:
    """A backslash counts in front of a quote or another backslash only: no other escape moves a string's end."""
    start = 0
    in_string = False
    for found in token.finditer(text):
        if found[0] == '"':
            in_string = not in_string
        if found[1] is None:
            continue
        if start < found.start():
            yield text[start : found.start()]
        start = found.end()
        if not is_json:
            yield Placeholder(found[1], Position.TEXT)
        elif in_string:
            yield Placeholder(found[1], Position.QUOTED, _ends_a_key(text, start))
        else:
            yield Placeholder(found[1], Position.VALUE, _colon_follows(text, start))
    if start < len(text):
        yield text[start:]


_REST_OF_STRING = re.compile(r'(?:[^"\\]|\\.)*"', re.DOTALL)


def _ends_a_key(text: str, at: int) -> bool:
    rest = _REST_OF_STRING.match(text, at)
    return rest is not None and _colon_follows(text, rest.end())


def _colon_follows(text: str, at: int) -> bool:
    return text[at:].lstrip(_BLANK)[:1] == ":"


def are_quoted_strings(text: str) -> bool:
    """One or more quoted strings with nothing but blanks around: the text that a bus takes (B42)."""
    return _QUOTED_STRINGS.fullmatch(text) is not None
