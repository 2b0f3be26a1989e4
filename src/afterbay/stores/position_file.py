"""The positions in a state file, read beside the engine that writes it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.errors import StateError
from afterbay.stores.reading import open_to_read
from afterbay.stores.refusal import refusal
from afterbay.stores.rows import decode_shard

__all__ = ["PositionFile"]


class PositionFile:
    """Raises ``StateError`` for a file that is not there, none of ours, older or newer."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path).resolve()
        self._connection = open_to_read(self._path, lacking="positions of this form")

    def __enter__(self) -> PositionFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def load(self, mapping: str) -> tuple[SavedShard, ...]:
        """Where every shard of a mapping stands, by shard."""
        rows = self._rows("SELECT shard, body FROM shards WHERE mapping = ? ORDER BY shard", mapping)
        try:
            return tuple(decode_shard(shard, body) for shard, body in rows)
        except msgspec.MsgspecError as error:
            raise StateError(f"state file {self._path} holds a row that cannot be read: {error}") from error

    def letters(self, mapping: str) -> int:
        """Dead letters of a mapping that are stored and not sent."""
        return len(self._rows("SELECT number FROM letters WHERE mapping = ?", mapping))

    def _rows(self, query: str, mapping: str) -> list[tuple[str, bytes]]:
        try:
            return self._connection.execute(query, (mapping,)).fetchall()
        except sqlite3.Error as error:
            raise refusal(self._path, error) from error
