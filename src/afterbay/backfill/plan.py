"""How a load is divided: parts that are read side by side, each page by page, and how far each of them is.

Decides what is done and what is not (E15). Reading pages and keeping this on disk is for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from afterbay.errors import SettingsError

__all__ = ["SEGMENTS", "SEGMENTS_MAX", "Part", "left", "passed", "segments"]

SEGMENTS = 4
"""Unless told otherwise: enough that one is read while another is written."""

SEGMENTS_MAX = 1_000
"""AWS takes a million; each has a row in the state file, and a thousand is a table of some terabytes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the load, of which one page at a time is in flight.

    ``name`` says what is read: ``2/4`` for the third segment of four, or a data file of an export. ``cursor`` is where
    the next page begins, in the words of what reads it; None: at the beginning. ``items`` of it were read and passed,
    ``failed`` of them reported as failed.
    """

    number: int
    name: str
    cursor: str | None = None
    done: bool = False
    items: int = 0
    failed: int = 0


def segments(total: int) -> tuple[Part, ...]:
    """The segments of a parallel Scan. Raises ``SettingsError`` for a number that is out of range."""
    if not 1 <= total <= SEGMENTS_MAX:
        raise SettingsError(
            f"{total} segments are not possible", where="--segments", hint=f"1 to {SEGMENTS_MAX}, as in --segments 8"
        )
    return tuple(Part(number, f"{number}/{total}") for number in range(total))


def passed(part: Part, cursor: str | None, *, items: int, failed: int) -> Part:
    """The part once a page of it is written: everything before ``cursor`` is done, None: all of it. ``items`` and
    ``failed`` are those of the page."""
    return replace(part, cursor=cursor, done=cursor is None, items=part.items + items, failed=part.failed + failed)


def left(parts: Sequence[Part]) -> tuple[Part, ...]:
    """What is still to be read, in order."""
    return tuple(one for one in parts if not one.done)
