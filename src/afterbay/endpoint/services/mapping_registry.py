"""Which mappings the local address has: their definitions, by UUID, source and function.

Keeps what the API was told. What a mapping does and in which state it is, the engine knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from afterbay.core.change.arn import FunctionName, parse_function_name
from afterbay.core.mapping.settings import MappingSettings

__all__ = ["MappingDefinition", "MappingRegistry", "MappingStore"]


@dataclass(slots=True)
class MappingDefinition:
    """One mapping as it was last asked for. ``number`` counts up with each Create: the order of a listing.

    ``enabled`` and ``deleting`` are what was asked for last; how far that is, the engine knows.
    """

    number: int
    uuid: str
    region: str
    settings: MappingSettings
    modified: datetime
    tags: dict[str, str] = field(default_factory=dict[str, str])
    enabled: bool = True
    deleting: bool = False

    def feeds(self, source: str | None, function: FunctionName | None) -> bool:
        """True if the source and the function are these; None is any. A qualifier is part of the function (R37)."""
        if source is not None and source != self.settings.event_source_arn:
            return False
        if function is None:
            return True
        mine = parse_function_name(self.settings.function_arn)
        here = function.region in {None, mine.region} and function.account in {None, mine.account}
        return here and (function.name, function.qualifier) == (mine.name, mine.qualifier)


class MappingStore(Protocol):
    """Keeps definitions over a restart (``state.mapping_rows``)."""

    def changed(self, definition: MappingDefinition) -> None: ...

    def removed(self, uuid: str) -> None: ...


class MappingRegistry:
    """The definitions of all mappings, in the order of their creation. Bounded by what users create.

    Who changes a definition calls ``changed``.
    """

    def __init__(self, store: MappingStore | None = None) -> None:
        self._store = store
        self._definitions: dict[str, MappingDefinition] = {}
        self._count = 0

    def restore(self, definition: MappingDefinition) -> None:
        """Take up a stored definition."""
        self._definitions[definition.uuid] = definition
        self._count = max(self._count, definition.number)

    def add(
        self,
        uuid: str,
        region: str,
        settings: MappingSettings,
        modified: datetime,
        tags: dict[str, str],
        *,
        enabled: bool = True,
    ) -> MappingDefinition:
        self._count += 1
        made = MappingDefinition(self._count, uuid, region, settings, modified, tags, enabled)
        self._definitions[uuid] = made
        self.changed(made)
        return made

    def changed(self, definition: MappingDefinition) -> None:
        """The definition is another one now."""
        if self._store is not None:
            self._store.changed(definition)

    def get(self, uuid: str, region: str) -> MappingDefinition | None:
        found = self._definitions.get(uuid)
        return found if found is not None and found.region == region else None

    def remove(self, uuid: str) -> None:
        """Forget a mapping that is gone; one that is not there is no error."""
        if self._definitions.pop(uuid, None) is not None and self._store is not None:
            self._store.removed(uuid)

    def clear(self) -> None:
        for uuid in tuple(self._definitions):
            self.remove(uuid)

    def matching(
        self, region: str, *, source: str | None = None, function: FunctionName | None = None, after: int = 0
    ) -> Iterator[MappingDefinition]:
        """Those of a Region behind the number ``after``, oldest first; what is removed meanwhile still comes."""
        for one in tuple(self._definitions.values()):
            if one.region == region and one.number > after and one.feeds(source, function):
                yield one

    def __iter__(self) -> Iterator[MappingDefinition]:
        return iter(tuple(self._definitions.values()))
