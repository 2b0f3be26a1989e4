"""Old image against new: which fields moved, from what to what.

Decides what changed, by value (S101): ``7.0`` became ``7`` is no change, nor is a set in another order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from afterbay.core.change.value import Item, Value, equal

__all__ = ["ABSENT", "Absent", "Diff", "FieldChange", "Path"]

Path: TypeAlias = "tuple[str | int, ...]"
"""Where a field is: attribute name, then member names and list positions."""


class Absent(Enum):
    """The other side of a field that was added or removed; ``None`` is a value of its own (NULL)."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


class _Anything(Enum):
    ANYTHING = "anything"


ABSENT: Final = Absent.ABSENT
_ANYTHING: Final = _Anything.ANYTHING


@dataclass(frozen=True, slots=True, repr=False)
class FieldChange:
    """One field that is not what it was. ``old`` is ABSENT where it was added, ``new`` where it was removed."""

    path: Path
    old: Value | Absent
    new: Value | Absent

    def __repr__(self) -> str:
        """Without values: they are the customer's."""
        how = "added" if self.old is ABSENT else "removed" if self.new is ABSENT else "changed"
        return f"FieldChange({'.'.join(map(str, self.path))} {how})"


class Diff:
    """What a change did to an item. Where there was no item, or is none, every field was added, or removed.

    A field is named by its path, one argument a step: ``changed("address", "city")``, ``changed("lines", 0)``. A dot
    in a name is part of the name.
    """

    __slots__ = ("_new", "_old", "fields")

    def __init__(self, old: Item | None, new: Item | None) -> None:
        self._old: Item = {} if old is None else old
        self._new: Item = {} if new is None else new
        self.fields: dict[str, FieldChange] = dict(_fields(self._old, self._new))

    @property
    def added(self) -> tuple[str, ...]:
        """Top-level fields that the old image lacks, by name."""
        return tuple(name for name, one in self.fields.items() if one.old is ABSENT)

    @property
    def removed(self) -> tuple[str, ...]:
        """Top-level fields that the new image lacks, by name."""
        return tuple(name for name, one in self.fields.items() if one.new is ABSENT)

    @property
    def modified(self) -> tuple[str, ...]:
        """Top-level fields that are in both images with different values, by name."""
        return tuple(name for name, one in self.fields.items() if one.old is not ABSENT and one.new is not ABSENT)

    def __bool__(self) -> bool:
        """True if any field is not what it was."""
        return bool(self.fields)

    def __repr__(self) -> str:
        return f"Diff({len(self.added)} added, {len(self.removed)} removed, {len(self.modified)} modified)"

    def paths(self) -> Iterator[FieldChange]:
        """Every difference at its deepest place, inside maps and lists too, in the order of names."""
        for name, one in self.fields.items():
            yield from _deepest((name,), one.old, one.new)

    def transition(self, *path: str | int) -> tuple[Value | Absent, Value | Absent] | None:
        """From what to what a field went, as ``("PENDING", "SHIPPED")``; None if it is what it was."""
        old, new = _at(self._old, path), _at(self._new, path)
        return None if _same(old, new) else (old, new)

    def changed(self, *path: str | int) -> bool:
        """True if the field was added, removed, or has another value."""
        return self.transition(*path) is not None

    def moved(
        self,
        *path: str | int,
        from_: Value | Absent | _Anything = _ANYTHING,
        to: Value | Absent | _Anything = _ANYTHING,
    ) -> bool:
        """True if the field changed, and from and to the given values where they are given."""
        went = self.transition(*path)
        return went is not None and _fits(went[0], from_) and _fits(went[1], to)


def _fields(old: Item, new: Item) -> Iterator[tuple[str, FieldChange]]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        if not _same(before, after):
            yield name, FieldChange((name,), before, after)


def _deepest(path: Path, old: Value | Absent, new: Value | Absent) -> Iterator[FieldChange]:
    """Depth is bounded: values come out of ``decode_value``, which allows 32 levels (S100)."""
    if _same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name, one in _fields(old, new):
            yield from _deepest((*path, name), one.old, one.new)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else ABSENT
            after = new[index] if index < len(new) else ABSENT
            yield from _deepest((*path, index), before, after)
    else:
        yield FieldChange(path, old, new)


def _at(item: Item, path: Path) -> Value | Absent:
    if not path:
        raise TypeError("name the field: changed('status'), changed('address', 'city')")
    here: Value = item
    for step in path:
        match here, step:
            case dict(), str() if step in here:
                here = here[step]
            case list(), int() if 0 <= step < len(here):
                here = here[step]
            case _:
                return ABSENT
    return here


def _same(old: Value | Absent, new: Value | Absent) -> bool:
    if isinstance(old, Absent) or isinstance(new, Absent):
        return old is new
    return equal(old, new)


def _fits(value: Value | Absent, wanted: Value | Absent | _Anything) -> bool:
    return isinstance(wanted, _Anything) or _same(value, wanted)
