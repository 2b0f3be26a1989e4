"""The order of creation: what a resource needs comes first, mappings come last."""

from __future__ import annotations

from collections.abc import Sequence

from afterbay.declaration.resources import Resource, SourceMapping
from afterbay.errors import SettingsError

__all__ = ["in_order"]


def in_order(resources: Sequence[Resource]) -> list[Resource]:
    """Otherwise the order of the file stays. Raises ``SettingsError`` for a circle, naming its members.

    Mappings are last: a source or a function that one names by a text, not by a reference, is then there, too.
    """
    known = {one.declared.id: one for one in resources}
    done: dict[str, Resource] = {}
    for first in sorted(resources, key=lambda one: isinstance(one, SourceMapping)):
        _visit(first, known, done, [])
    return list(done.values())


def _visit(one: Resource, known: dict[str, Resource], done: dict[str, Resource], way: list[str]) -> None:
    name = one.declared.id
    if name in done:
        return
    if name in way:
        circle = " needs ".join([*way[way.index(name) :], name])
        raise SettingsError(f"these need each other: {circle}", where=str(one.declared.place))
    for needed in sorted(one.declared.needs, key=list(known).index):
        _visit(known[needed], known, done, [*way, name])
    done[name] = one
