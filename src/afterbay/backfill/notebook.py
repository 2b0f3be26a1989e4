"""What verify must remember: which keys of the table it has seen, and which keys looked different.

In a temporary file, so that memory does not grow with the table. Deciding what differs is ``settle.py``'s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from afterbay.backfill.compare import Finding, Kind

__all__ = ["Notebook", "Sighting", "Suspect"]

PAGE = 200
_DIGEST_BYTES = 16
"""Two of 2**32 keys share one with a chance of about 1 in 2**65."""

_SORTED = msgspec.json.Encoder(order="sorted", decimal_format="number")


@dataclass(frozen=True, slots=True)
class Sighting:
    """The two sides of a key at one look, as digests that tell whether a side moved since."""

    table: bytes
    sink: bytes

    @classmethod
    def of(cls, shown: object, token: str | None, item: object) -> Sighting:
        """``shown`` is what the sink should show, ``token`` and ``item`` what it stores."""
        return cls(_digest(_SORTED.encode(shown)), _digest(_SORTED.encode([token, item])))


@dataclass(frozen=True, slots=True)
class Suspect:
    """A key (canonical text) that looked different. ``since_s`` is the first look, by a clock that only counts.
    ``table_moved`` and ``sink_moved``: that side has changed since. ``token`` is the sink's at the last look.
    ``decided``: it had its time, and counts."""

    key: str
    since_s: float
    first: Sighting
    finding: Finding
    token: str | None
    table_moved: bool = False
    sink_moved: bool = False
    decided: bool = False


class Notebook:
    """For one run; ``close`` it. Belongs to one thread."""

    def __init__(self) -> None:
        # The empty name is a private file of SQLite's own, which goes with the connection.
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._file.execute(
            "CREATE TABLE suspects (key TEXT PRIMARY KEY, since_s REAL, at_table BLOB, at_sink BLOB, kind TEXT,"
            " attributes TEXT, reason TEXT, token TEXT, table_moved INTEGER, sink_moved INTEGER, decided INTEGER)"
            " WITHOUT ROWID"
        )
        self._file.execute("CREATE INDEX by_kind ON suspects (kind, key)")

    def see(self, keys: Sequence[str]) -> int:
        """Note keys of the table; how many of them are new."""
        with closing(self._file.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.executemany("INSERT OR IGNORE INTO seen VALUES (?)", [(_digest(key.encode()),) for key in keys])
            new = cursor.rowcount
            cursor.execute("COMMIT")
        return new

    def unseen(self, keys: Sequence[str]) -> list[str]:
        """Those of ``keys`` that the table has not shown."""
        return [
            key
            for key in keys
            if self._file.execute("SELECT 1 FROM seen WHERE key = ?", (_digest(key.encode()),)).fetchone() is None
        ]

    def suspect(self, suspects: Sequence[Suspect]) -> None:
        """Note keys that differ, or what is new of them."""
        with closing(self._file.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.executemany(
                "INSERT OR REPLACE INTO suspects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, suspects)
            )
            cursor.execute("COMMIT")

    def clear(self, keys: Sequence[str]) -> None:
        """These do not differ, or do not count."""
        self._file.executemany("DELETE FROM suspects WHERE key = ?", [(key,) for key in keys])

    def suspects(self, kind: Kind | None = None) -> Iterator[list[Suspect]]:
        """Page by page, in the order of their keys; what is noted in between may or may not be among them."""
        after = ""
        condition, wanted = ("", ()) if kind is None else (" AND kind = ?", (kind.value,))
        while True:
            rows = self._file.execute(
                f"SELECT * FROM suspects WHERE key > ?{condition} ORDER BY key LIMIT {PAGE}", (after, *wanted)
            ).fetchall()
            if not rows:
                return
            yield [_suspect(*row) for row in rows]
            after = rows[-1][0]

    def first(self, kind: Kind, number: int) -> list[Suspect]:
        """The first ``number`` of a kind, a page at most."""
        return next(self.suspects(kind), list[Suspect]())[:number]

    def count(self, kind: Kind | None = None) -> int:
        """How many keys are noted as differing, of one kind or in all."""
        condition, wanted = ("", ()) if kind is None else (" WHERE kind = ?", (kind.value,))
        (number,) = self._file.execute(f"SELECT count(*) FROM suspects{condition}", wanted).fetchone()
        return int(number)

    def last_since_s(self) -> float:
        """The latest first look of all suspects."""
        (latest,) = self._file.execute("SELECT max(since_s) FROM suspects").fetchone()
        return float(latest or 0.0)

    def close(self) -> None:
        self._file.close()


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _row(one: Suspect) -> tuple[object, ...]:
    finding = one.finding
    return (
        one.key,
        one.since_s,
        one.first.table,
        one.first.sink,
        finding.kind.value,
        msgspec.json.encode(finding.attributes).decode(),
        finding.reason,
        one.token,
        one.table_moved,
        one.sink_moved,
        one.decided,
    )


def _suspect(
    key: str,
    since_s: float,
    at_table: bytes,
    at_sink: bytes,
    kind: str,
    attributes: str,
    reason: str,
    token: str | None,
    table_moved: int,
    sink_moved: int,
    decided: int,
) -> Suspect:
    names = msgspec.json.decode(attributes, type=tuple[str, ...])
    return Suspect(
        key,
        since_s,
        Sighting(at_table, at_sink),
        Finding(Kind(kind), names, reason),
        token,
        bool(table_moved),
        bool(sink_moved),
        bool(decided),
    )
