"""A value that a filter's leaf takes, found by trying what its operators name.

Pure. Which path a leaf is about, and what else an item needs, is ``draft.py``'s.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from typing import Protocol

from afterbay.core.change.value import decode_value
from afterbay.core.pattern.operators import AnythingBut, Equals, Exists, Prefix, Suffix, Test, Wildcard
from afterbay.errors import RecordError

__all__ = ["GENERIC", "absent", "value_for"]

GENERIC: dict[str, object] = {
    "S": "drill",
    "N": "1",
    "B": "ZHJpbGw=",
    "BOOL": True,
    "NULL": True,
    "SS": ["drill"],
    "NS": ["1"],
    "BS": ["ZHJpbGw="],
    "M": {},
    "L": [],
}
"""A value of each type, where nothing is asked of it."""


class Leaf(Protocol):
    """A member of a pattern's leaf array (``core.pattern.members``)."""

    @property
    def test(self) -> Test: ...


def absent(leaves: Sequence[Leaf]) -> bool:
    """Whether the path must not be there."""
    return any(isinstance(one.test, Exists) and not one.test.wanted for one in leaves)


def value_for(tag: str, leaves: Sequence[Leaf], unique: str = "") -> object | None:
    """A value of type ``tag`` that some of ``leaves`` take; None: none was found. With ``unique``, digits, one that has
    it in it, or that is it: for the key of an item."""
    for one in _candidates(tag, leaves, unique):
        if isinstance(one, str | bool) and _fits(tag, one) and any(leaf.test.holds(one) for leaf in leaves):
            return one
    generic = GENERIC[tag]
    if not isinstance(generic, str | bool) and any(isinstance(leaf.test, Exists | AnythingBut) for leaf in leaves):
        return generic
    return None


def _fits(tag: str, value: str | bool) -> bool:
    """Whether a table takes the value as this type."""
    try:
        decode_value({tag: value})
    except RecordError:
        return False
    return tag in ("S", "N", "B", "BOOL", "NULL")


def _candidates(tag: str, leaves: Sequence[Leaf], unique: str) -> Iterator[object]:
    middle = unique or ("1" if tag == "N" else "drill")
    for leaf in leaves:
        match leaf.test:
            case Equals(value=value) if not unique:
                yield value
            case Prefix(text=text):
                yield text + middle
            case Suffix(text=text):
                yield middle + text
            case Wildcard(globs=globs):
                yield middle.join(globs.texts)
            case _:
                pass
    yield b64encode(middle.encode()).decode() if tag == "B" else middle
    if not unique:
        yield GENERIC[tag]
        yield from (False, True) if tag == "BOOL" else ("drill-1", "2", "DRILL")
