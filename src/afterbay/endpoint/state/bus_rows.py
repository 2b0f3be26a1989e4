"""Buses as rows: what there is in each region, what waits for targets, what archives hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from afterbay.core.bus.archive import Archived
from afterbay.endpoint.state.state import State
from afterbay.engine.bus import Entry
from afterbay.errors import StateError

__all__ = ["BusRows"]

_ENCODER = msgspec.msgpack.Encoder()
_ENTRY = msgspec.msgpack.Decoder(Entry)
_ARCHIVED = msgspec.msgpack.Decoder(Archived)


class BusRows:
    """A ``HomeStore``, ``DeliveryStore`` and ``ArchiveStore`` in one: what they note in one turn is stored as one."""

    def __init__(self, state: State) -> None:
        self._state = state

    def homes(self) -> Sequence[tuple[str, bytes]]:
        found: list[tuple[str, bytes]] = []
        for region, body in self._state.rows("SELECT region, body FROM bus_homes"):
            assert isinstance(region, str) and isinstance(body, bytes), "as they were written"
            found.append((region, body))
        return found

    def changed(self, region: str, body: bytes) -> None:
        self._state.note([("INSERT OR REPLACE INTO bus_homes VALUES (?, ?)", (region, body))])

    def waiting(self) -> Iterator[tuple[int, Entry]]:
        """What was accepted and not delivered. Raises ``StateError``."""
        for number, body in self._state.rows("SELECT number, body FROM bus_entries ORDER BY number"):
            assert isinstance(number, int) and isinstance(body, bytes), "as they were written"
            try:
                yield number, _ENTRY.decode(body)
            except msgspec.MsgspecError as error:
                raise StateError(f"the state of event delivery {number} cannot be read: {error}") from error

    def put(self, number: int, entry: Entry) -> None:
        values = (number, _ENCODER.encode(entry))
        self._state.note([("INSERT OR REPLACE INTO bus_entries VALUES (?, ?)", values)])

    def remove(self, number: int) -> None:
        self._state.note([("DELETE FROM bus_entries WHERE number = ?", (number,))])

    def archived(self) -> Iterator[tuple[str, str, Archived]]:
        """Every archive's events, oldest first. Raises ``StateError``."""
        query = "SELECT region, archive, body FROM bus_archived ORDER BY number"
        for region, archive, body in self._state.rows(query):
            assert isinstance(region, str) and isinstance(archive, str) and isinstance(body, bytes), "as written"
            try:
                yield region, archive, _ARCHIVED.decode(body)
            except msgspec.MsgspecError as error:
                raise StateError(f"an event of archive {archive} cannot be read: {error}") from error

    def keep(self, region: str, archive: str, event: Archived) -> None:
        values = (region, archive, _ENCODER.encode(event))
        self._state.note([("INSERT INTO bus_archived (region, archive, body) VALUES (?, ?, ?)", values)])

    def drop(self, region: str, archive: str, count: int) -> None:
        oldest = "SELECT number FROM bus_archived WHERE region = ? AND archive = ? ORDER BY number LIMIT ?"
        self._state.note([(f"DELETE FROM bus_archived WHERE number IN ({oldest})", (region, archive, count))])
