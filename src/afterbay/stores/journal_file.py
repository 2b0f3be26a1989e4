"""The journal of a state file, read beside the engine that writes it.

A connection of its own, for reading alone: under WAL it neither waits for the engine nor makes it wait. It takes no
lock of ours, so ``afterbay why`` works on the file of a running engine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path

from afterbay.ports import JournalRow
from afterbay.stores import journal_rows
from afterbay.stores.reading import open_to_read
from afterbay.stores.refusal import refusal

__all__ = ["JournalFile"]


class JournalFile:
    """A ``ports.JournalReader``. Raises ``StateError`` for a file that is not there, none of ours, older or newer."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path).resolve()
        self._connection = open_to_read(self._path, lacking="journal")

    def __enter__(self) -> JournalFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def seed(self) -> bytes:
        with self._told():
            found = self._connection.execute("SELECT value FROM meta WHERE name = 'seed'").fetchone()
            return bytes(found[0])

    def journal_at(self, positions: Collection[int], shard: str | None) -> list[tuple[int, JournalRow]]:
        with self._told():
            return journal_rows.at(self._connection, positions, shard)

    def journal_holding(self, content: bytes) -> list[tuple[int, JournalRow]]:
        with self._told():
            return journal_rows.holding(self._connection, content)

    def journal_of_requests(self, request_ids: Collection[str]) -> list[tuple[int, JournalRow]]:
        with self._told():
            return journal_rows.of_requests(self._connection, request_ids)

    def journal_of_shard(self, mapping: str | None, shard: str | None) -> list[tuple[int, JournalRow]]:
        with self._told():
            return journal_rows.of_shard(self._connection, mapping, shard)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _told(self) -> Generator[None, None, None]:
        try:
            yield
        except sqlite3.Error as error:
            raise refusal(self._path, error) from error
