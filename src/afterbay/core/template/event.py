"""``Event``: one event as templates, paths and parameters see it.

Read once, parsed once, however many ask (X47): what is derived is made when first asked for and kept.
"""

from __future__ import annotations

from functools import cached_property
from typing import cast

from afterbay.core.template.errors import TemplateError
from afterbay.core.template.exact import compact, read_json
from afterbay.core.template.implicit import Source, parse_fields
from afterbay.core.template.path import MISSING

__all__ = ["Event"]

_ENVELOPE = {"detail-type": "detailType"}  # B46


class Event:
    """A decoded JSON value; a ``str`` is text, as an enrichment may answer (X43).

    ``is_quoted``: that text was a JSON string, so where only JSON goes it is one again (X46); templates see no
    difference. ``raw`` must not be changed while the event is in use.
    """

    def __init__(self, raw: object, source: Source = "none", *, is_quoted: bool = False) -> None:
        self.raw = raw
        self.source: Source = source
        self.is_quoted = is_quoted

    @classmethod
    def read(cls, data: bytes, source: Source = "none") -> Event:
        """An event from JSON bytes, its numbers exact. Raises ``TemplateError`` InvalidValue for anything else."""
        try:
            event = cls(read_json(data), source)
        except ValueError as broken:
            raise TemplateError(f"the event is no JSON: {broken}", code="InvalidValue") from broken
        event.text = data.decode()
        return event

    @cached_property
    def _fields(self) -> tuple[object, bool]:
        return parse_fields(self.raw, self.source)

    @property
    def parsed(self) -> object:
        """The event with the source's payloads parsed (X37): what paths look into."""
        return self._fields[0]

    @property
    def json(self) -> object:
        """``parsed``; ``MISSING`` if the event, or a payload in it, is no JSON (X43)."""
        value, all_json = self._fields
        return value if all_json and not isinstance(self.raw, str) else MISSING

    @property
    def envelope(self) -> object:
        """An event of a bus without ``detail``, ``detail-type`` spelled ``detailType`` (B46)."""
        event = self.raw
        if not isinstance(event, dict):
            return MISSING
        members = cast("dict[str, object]", event).items()
        return {_ENVELOPE.get(name, name): value for name, value in members if name != "detail"}

    @cached_property
    def text(self) -> str:
        """The event as it passes where nothing transforms it (X30, B36): its own bytes, or compact JSON (B24)."""
        return self.raw if isinstance(self.raw, str) else compact(self.raw)
