"""What an address holds beside a drill's own items: what a replay must not move.

Pure: two looks in, what moved out. Taking the look is ``ground.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

__all__ = ["World", "few", "moved"]

MOVES_SHOWN = 5

Items = Mapping[str, Mapping[str, object]]
"""Canonical key -> the item's attributes, each as canonical text."""


@dataclass(frozen=True, slots=True)
class World:
    """``tables``: name -> items. ``objects``: bucket and key -> their ETag and size. ``queues``: name -> messages."""

    tables: Mapping[str, Items] = field(default_factory=dict[str, Items])
    objects: Mapping[str, str] = field(default_factory=dict[str, str])
    queues: Mapping[str, int] = field(default_factory=dict[str, int])

    def without(self, table: str) -> World:
        """All but one table."""
        return replace(self, tables={name: items for name, items in self.tables.items() if name != table})

    def __str__(self) -> str:
        items = sum(len(one) for one in self.tables.values())
        messages = sum(self.queues.values())
        return f"{items} items in {len(self.tables)} tables, {len(self.objects)} objects, {messages} messages"


def moved(before: World, after: World) -> list[str]:
    """What is another thing now, a line for each."""
    return list(_moves(before, after))


def few(found: Sequence[str]) -> list[str]:
    """The first few of them, and how many more there are."""
    more = len(found) - MOVES_SHOWN
    return list(found) if more <= 0 else [*found[:MOVES_SHOWN], f"and {more} more"]


def _moves(before: World, after: World) -> Iterator[str]:
    for table in sorted(before.tables.keys() | after.tables.keys()):
        old, new = before.tables.get(table, {}), after.tables.get(table, {})
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield f"table {table}: {key} is gone"
            elif key not in old:
                yield f"table {table}: {key} is new"
            elif old[key] != new[key]:
                yield f"table {table}: {key}: {', '.join(_unlike(old[key], new[key]))} changed"
    for name in sorted(before.objects.keys() | after.objects.keys()):
        if before.objects.get(name) != after.objects.get(name):
            what = "is gone" if name not in after.objects else "is new" if name not in before.objects else "changed"
            yield f"object {name} {what}"
    for name in sorted(before.queues.keys() | after.queues.keys()):
        had, has = before.queues.get(name, 0), after.queues.get(name, 0)
        if had != has:
            yield f"queue {name}: {had} messages before, {has} after"


def _unlike(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
