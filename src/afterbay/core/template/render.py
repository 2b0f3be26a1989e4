"""Event + template -> payload: the one renderer of pipes and buses (B49).

Decides how a value is written where its placeholder stands, and whether a JSON template came out as JSON. Values are
never scanned for placeholders (X38): they go into a list beside the template's own text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.exact import compact, read_json
from afterbay.core.template.implicit import ENCODED_FIELDS
from afterbay.core.template.names import WHOLE_EVENTS, Context, Fetch, Names
from afterbay.core.template.path import MISSING, Path
from afterbay.core.template.syntax import Position, Syntax

__all__ = ["Renderer"]

_Write = Callable[[object], str]


def _as_value(value: object) -> str:
    """JSON, quotes around strings (X33, B41). Nothing is ``""``, null is null (X36, B43, B48)."""
    return '""' if value is MISSING else compact(value)


def _in_quotes(value: object) -> str:
    """Strings as they are, without escapes (X38, B47); objects and arrays with their quotes, which most often makes
    no JSON (X34, B44)."""
    if isinstance(value, str):
        return value
    return "" if value is MISSING else compact(value)


def _in_text(value: object) -> str:
    """As in quotes, but objects and arrays lose every double quote (X32, B42)."""
    if isinstance(value, str):
        return value
    if value is MISSING:
        return ""
    text = compact(value)
    return text.replace('"', "") if isinstance(value, dict | list | tuple) else text


_WRITE: dict[Position, _Write] = {
    Position.VALUE: _as_value,
    Position.QUOTED: _in_quotes,
    Position.TEXT: _in_text,
}

_HARMFUL = re.compile(r'["\\\x00-\x1f]')
"""What inside a JSON string could end it, escape its end, or not stand there."""


class Renderer:
    """A template, compiled. ``owner`` is what refusals call it. Raises ``TemplateError`` for a placeholder.

    A JSON template that is JSON around its placeholders (``Syntax.skeleton``) stays so whatever JSON values and
    harmless strings it gets; only else is the whole result parsed again.
    """

    def __init__(self, syntax: Syntax, names: Names, *, owner: str) -> None:
        self._pieces: list[str] = []
        self._paths: list[tuple[int, Callable[[object], object], _Write]] = []
        self._reserved: list[tuple[int, Fetch, _Write]] = []
        self._quoted: list[int] = []
        self._sees_payloads = False
        self.paths: tuple[Path, ...] | None = ()
        """All that is looked at; None: more than paths with a name, so the whole event."""
        for place, part in enumerate(syntax.parts):
            if isinstance(part, str):
                self._pieces.append(part)
                continue
            self._pieces.append("")
            found = names.find(part.name, owner)
            if isinstance(found, Path):
                self._paths.append((place, found.find, _WRITE[part.position]))
                self._sees_payloads |= found.first is None or found.first in ENCODED_FIELDS
                self.paths = (*self.paths, found) if self.paths is not None and found.names else None
            else:
                self.paths = None if part.name in WHOLE_EVENTS else self.paths
                self._reserved.append((place, found, _WRITE[part.position]))
            if part.position is Position.QUOTED:
                self._quoted.append(place)
        self._is_json = syntax.is_json
        self._stays_json = syntax.is_json and _is_json(syntax.skeleton)

    def render(self, event: Event, context: Context) -> str:
        """Raises ``TemplateError``: InvalidJson if a JSON template does not come out as JSON (X35), InvalidValue for
        what no text can hold."""
        pieces = self._pieces.copy()
        root = event.parsed if self._sees_payloads else event.raw
        try:
            for place, find, write in self._paths:
                pieces[place] = write(find(root))
            for place, fetch, write in self._reserved:
                pieces[place] = write(fetch(event, context))
        except ValueError as deep:
            raise TemplateError(f"a value cannot be written: {deep}", code="InvalidValue") from deep
        text = "".join(pieces)
        if self._is_json:
            self._check(text, pieces)
        if not text.isascii():
            _check_utf8(text)
        return text

    def _check(self, text: str, pieces: list[str]) -> None:
        if self._stays_json:
            for place in self._quoted:
                if _HARMFUL.search(pieces[place]):
                    break
            else:
                return
        try:
            read_json(text)
        except ValueError as broken:
            raise TemplateError(f"the rendered template is no JSON: {broken}", code="InvalidJson") from broken


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except ValueError:
        return False
    return True


def _check_utf8(text: str) -> None:
    """Half of a surrogate pair, spliced in as it is, would stop whoever sends the text."""
    try:
        text.encode()
    except UnicodeEncodeError as broken:
        raise TemplateError("half of a surrogate pair stands in the text", code="InvalidValue") from broken
