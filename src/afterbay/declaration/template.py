"""A template, whole: from text to typed resources and to notes of all that is not honoured.

Decides what becomes of each resource: created, created in a later part, without effect here, not fired, unknown until
it is deployed, left out by a condition, skipped on request, or refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from afterbay.declaration.place import Place
from afterbay.declaration.resources import Resource

__all__ = ["ACCOUNT", "Note", "NoteKind", "Template", "Wanted"]

ACCOUNT = "000000000000"


class NoteKind(Enum):
    """Why something of a template does not act; the value is how a list of such is headed."""

    NOT_FIRED = "not fired"
    UNKNOWN = "unknown until deployed"
    LEFT_OUT = "left out"
    SKIPPED = "skipped"
    KEPT = "as it was in the state"
    WITHOUT_EFFECT = "without effect here"


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that a person should know at the start. ``group`` gathers many of one sort into one line."""

    kind: NoteKind
    place: Place
    subject: str
    text: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a template is read with. ``assets`` are the folders of the CDK's assets by hash."""

    region: str
    stack: str
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    exports: Mapping[str, str] = field(default_factory=dict[str, str])
    assets: Mapping[str, str] = field(default_factory=dict[str, str])
    skip_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What was read: resources in the order of the file, and notes."""

    file: str
    wanted: Wanted
    resources: Sequence[Resource]
    notes: Sequence[Note]
