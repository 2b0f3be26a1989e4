"""Event source mappings as rows: their definitions, and whether they are to run. Their positions are the engine's."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from afterbay.endpoint.services.mapping_registry import MappingDefinition
from afterbay.endpoint.state.state import State
from afterbay.errors import StateError

__all__ = ["MappingRows"]

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(MappingDefinition)


class MappingRows:
    """A ``mapping_registry.MappingStore``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def restore(self) -> Iterator[MappingDefinition]:
        """The mappings in the order of their creation. Raises ``StateError``."""
        found: list[MappingDefinition] = []
        for uuid, body in self._state.rows("SELECT uuid, body FROM mappings"):
            assert isinstance(body, bytes), "as it was written"
            try:
                found.append(_DECODER.decode(body))
            except msgspec.MsgspecError as error:
                raise StateError(f"the state of mapping {uuid} cannot be read: {error}") from error
        yield from sorted(found, key=lambda one: one.number)

    def changed(self, definition: MappingDefinition) -> None:
        values = (definition.uuid, _ENCODER.encode(definition))
        self._state.note([("INSERT OR REPLACE INTO mappings VALUES (?, ?)", values)])

    def removed(self, uuid: str) -> None:
        self._state.note([("DELETE FROM mappings WHERE uuid = ?", (uuid,))])
