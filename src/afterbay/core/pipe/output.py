"""What a stage sends for one record: the text that its template makes, and the parameters that the record gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

import msgspec

from afterbay.core.change.wire import JsonValue
from afterbay.core.template.errors import TemplateError
from afterbay.core.template.event import Event
from afterbay.core.template.exact import read_json

__all__ = ["Output", "array_of", "check_json", "identifier_in"]

_IDENTIFIERS = ("eventID", "messageId")
_NONE: Mapping[str, JsonValue] = MappingProxyType({})


class Output(msgspec.Struct, frozen=True, eq=False, gc=False):
    """``text`` is what is sent, ``event`` what entered the stage, ``parameters`` the target's, looked up in it (X60).

    ``event`` None: nobody looks into it. ``is_json``: the text is known to be JSON.

    ``place``: which record of the batch it stands for; None where that is for ``identifier_in`` to say, behind an
    enrichment (X57).
    """

    text: str
    event: Event | None
    place: int | None
    is_json: bool
    parameters: Mapping[str, JsonValue] = _NONE


def check_json(text: str) -> None:
    """For a stage that takes JSON only (X46). Raises ``TemplateError``."""
    try:
        read_json(text)
    except ValueError as broken:
        raise TemplateError("JSON is wanted here, and this record makes none", code="InvalidJson") from broken


def array_of(outputs: Sequence[Output]) -> bytes:
    """One JSON array, for one record too (X51, X64, X72)."""
    return ("[" + ",".join([one.text for one in outputs]) + "]").encode()


def identifier_in(value: object) -> str | None:
    """The name of the record that a decoded event still carries: ``eventID``, of a queue ``messageId`` (X57, X80)."""
    if not isinstance(value, dict):
        return None
    members = cast("dict[str, object]", value)
    for name in _IDENTIFIERS:
        found = members.get(name)
        if isinstance(found, str) and found:
            return found
    return None
