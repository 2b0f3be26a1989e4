"""The journal's table in a state file: rows in, oldest rows out, and rows found.

Decides the SQL. Transactions, and whose connection it is, are the callers'.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from afterbay.ports import JournalRow

__all__ = ["JournalTable", "at", "holding", "of_requests", "of_shard", "spans"]

ROWS_MAX = 250_000
BYTES_MAX = 64 * 1024 * 1024
"""Of the rows' bodies. At 25 bytes a record: two and a half million records, three quarters of an hour of 1,000 a
second. A row takes about 100 bytes more."""

DROPPED_AT_ONCE = 256
"""Old rows that are looked at for each new batch until there is room."""

POSITION_BYTES = 24
"""A table's sequence number has at most 40 digits (S46), Kinesis' have 56: 187 bits. Of one length, bytes compare as
the numbers do. What would not fit is kept as the highest: no service writes such a number."""

_HIGHEST = 2 ** (8 * POSITION_BYTES) - 1

_SELECT = "SELECT number, mapping, shard, first, last, request_id, body FROM journal WHERE "


@dataclass(slots=True)
class JournalTable:
    """Keeps the table within its bounds. ``rows`` and ``size_bytes`` are what it holds; None until it was looked at.

    One object writes to a table: what it holds is counted here, not in each transaction.
    """

    rows_max: int = ROWS_MAX
    bytes_max: int = BYTES_MAX
    rows: int | None = None
    size_bytes: int = 0

    def append(self, sql: sqlite3.Connection, rows: Sequence[JournalRow]) -> None:
        """Add rows and drop the oldest, inside the caller's transaction; ``forget`` the counts if that fails."""
        if self.rows is None:
            held = sql.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM journal").fetchone()
            self.rows, self.size_bytes = int(held[0]), int(held[1])
        sql.executemany(
            "INSERT INTO journal (mapping, shard, first, last, request_id, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(row.mapping, row.shard, _bytes(row.first), _bytes(row.last), row.request_id, row.body) for row in rows],
        )
        self.rows += len(rows)
        self.size_bytes += sum(len(row.body) for row in rows)
        while self.rows > self.rows_max or self.size_bytes > self.bytes_max:
            self._drop_oldest(sql)

    def forget(self) -> None:
        """Count anew: the transaction was rolled back."""
        self.rows = None

    def _drop_oldest(self, sql: sqlite3.Connection) -> None:
        assert self.rows is not None, "counted before anything is dropped"
        oldest = sql.execute(
            "SELECT number, length(body) FROM journal ORDER BY number LIMIT ?", (DROPPED_AT_ONCE,)
        ).fetchall()
        last = 0
        for number, length in oldest:
            if self.rows <= self.rows_max and self.size_bytes <= self.bytes_max:
                break
            last = number
            self.rows -= 1
            self.size_bytes -= length
        sql.execute("DELETE FROM journal WHERE number <= ?", (last,))


def at(sql: sqlite3.Connection, positions: Collection[int], shard: str | None) -> list[tuple[int, JournalRow]]:
    """One look through the ranges, whatever the number of positions; then the rows themselves."""
    ascending = sorted(positions)
    if not ascending:
        return []
    near = sql.execute(
        "SELECT number, first, last FROM journal WHERE first <= ?1 AND last >= ?2 AND (?3 IS NULL OR shard = ?3)",
        (_bytes(ascending[-1]), _bytes(ascending[0]), shard),
    )
    numbers = [number for number, first, last in near if spans(_number(first), _number(last), ascending)]
    return _rows(sql, "number IN (SELECT value FROM json_each(?))", json.dumps(numbers))


def spans(first: int | None, last: int | None, ascending: Sequence[int]) -> bool:
    """True if a range holds one of some positions."""
    if first is None or last is None:
        return False
    lowest = bisect_left(ascending, first)
    return lowest < len(ascending) and ascending[lowest] <= last


def holding(sql: sqlite3.Connection, content: bytes) -> list[tuple[int, JournalRow]]:
    return _rows(sql, "instr(body, ?)", content)


def of_requests(sql: sqlite3.Connection, request_ids: Collection[str]) -> list[tuple[int, JournalRow]]:
    names = json.dumps(sorted(request_ids))  # one value, however many there are
    return _rows(sql, "request_id IN (SELECT value FROM json_each(?))", names)


def of_shard(sql: sqlite3.Connection, mapping: str | None, shard: str | None) -> list[tuple[int, JournalRow]]:
    return _rows(
        sql,
        "first IS NULL AND request_id IS NULL AND (?1 IS NULL OR mapping = ?1) AND (?2 IS NULL OR shard IN ('', ?2))",
        mapping,
        shard,
    )


def _rows(sql: sqlite3.Connection, where: str, *values: object) -> list[tuple[int, JournalRow]]:
    found = sql.execute(f"{_SELECT}{where} ORDER BY number", values).fetchall()
    return [
        (number, JournalRow(mapping, shard, _number(first), _number(last), request_id, body))
        for number, mapping, shard, first, last, request_id, body in found
    ]


def _bytes(position: int | None) -> bytes | None:
    return None if position is None else min(position, _HIGHEST).to_bytes(POSITION_BYTES, "big")


def _number(stored: bytes | None) -> int | None:
    return None if stored is None else int.from_bytes(stored, "big")
