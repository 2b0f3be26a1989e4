"""The statements of one batch, in their order: what is stored, the staging, one guarded write, the purge.

Faults are raised as they come: what they mean for a record, and for the session, is ``postgres.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.guard import APPLIED, Kind, Verdict
from afterbay.sinks.entry import Entry
from afterbay.sinks.live import plain_text
from afterbay.sinks.mending import OVERTAKEN, Held
from afterbay.sinks.postgres_session import Session
from afterbay.sinks.postgres_table import PostgresTable, key_id
from afterbay.sinks.reduced import Stored, Write, reduced

__all__ = ["PAGE_ROWS", "Entries", "applied", "held", "live_page", "mended"]

RACES_MAX = 3
"""Rounds of one batch. The first one locks the rows of the keys that another writer changed in between, so a second is
enough, unless such a row was purged."""

PAGE_ROWS = 500

Entries: TypeAlias = Sequence[tuple[int, Entry]]
Groups: TypeAlias = Mapping[bytes, Entries]


def applied(
    session: Session, table: PostgresTable, entries: Entries, retention: TombstoneRetention, sink: str
) -> dict[int, Verdict]:
    """Changes in order, in one transaction (E5, E10)."""
    left: dict[bytes, list[tuple[int, Entry]]] = {}
    for index, entry in entries:
        left.setdefault(key_id(entry.key), []).append((index, entry))
    verdicts: dict[int, Verdict] = {}
    begun = False
    for _ in range(RACES_MAX):
        writes, told = _reduced(session, table, left, retention, sink)
        verdicts |= told
        if not writes:
            left = {}
            break
        session.execute(_sql(f"DELETE FROM {table.stage}" if begun else _begin(table)))
        begun = True
        written = _staged(session, table, writes, table.merge)
        left = {key: left[key] for key in writes if key not in written}
        if not left:
            break
    if begun:
        # After the writes: a stale change of this batch must still meet the tombstone that refuses it.
        newest_s = int(max(entry.created_s for _, entry in entries))
        session.execute(_sql(f"{table.purge(newest_s)}; COMMIT"))
    lost_race = Verdict(Kind.RETRYABLE, f"{sink}: other writers changed the item {RACES_MAX} times in between")
    return verdicts | {index: lost_race for changes in left.values() for index, _ in changes}


def mended(
    session: Session,
    table: PostgresTable,
    entries: Entries,
    seen: Mapping[str, str | None],
    retention: TombstoneRetention,
) -> dict[int, Verdict]:
    """Images in one transaction (E14). ``seen`` is by canonical key; no two entries are of one."""
    writes: dict[bytes, Write] = {}
    for _, entry in entries:
        gone = entry.json is None
        expires_s = retention.purge_at_s(entry.created_s) if gone else None
        writes[key_id(entry.key)] = Write(entry, entry.token, entry.json, gone, expires_s, seen[entry.key])
    session.execute(_sql(_begin(table)))
    written = _staged(session, table, writes, table.mend)
    session.execute("COMMIT")
    return {index: APPLIED if key_id(entry.key) in written else OVERTAKEN for index, entry in entries}


def held(ids: list[bytes], session: Session, table: PostgresTable) -> list[tuple[bytes, Held]]:
    """What is stored, tombstones too, by ``key_id``."""
    rows = session.execute(_sql(table.held), (ids,), binary=True)
    return [
        (_bytes(key), Held(str(token), None if item is None else plain_text(str(item)))) for key, token, item in rows
    ]


def live_page(after: bytes, session: Session, table: PostgresTable) -> list[tuple[bytes, str, str]]:
    """``key_id``, canonical key and item of the next live rows behind ``after``, at most ``PAGE_ROWS``."""
    rows = session.execute(_sql(table.live_page), (after, PAGE_ROWS), binary=True)
    return [(_bytes(key), str(canonical), str(item)) for key, canonical, item in rows]


def _reduced(
    session: Session, table: PostgresTable, groups: Groups, retention: TombstoneRetention, sink: str
) -> tuple[dict[bytes, Write], dict[int, Verdict]]:
    """What is to be written by what is stored now, and what all of it means for each record.

    Read without locks: what is not newer now never will be, and what is newer is written on condition."""
    stored = {
        _bytes(key): Stored(str(token), bool(deleted))
        for key, token, deleted in session.execute(_sql(table.stored), (list(groups),), binary=True)
    }
    writes: dict[bytes, Write] = {}
    verdicts: dict[int, Verdict] = {}
    for key, entries in groups.items():
        one = reduced(entries, stored.get(key), retention, sink)
        verdicts |= one.verdicts
        if one.write is not None:
            writes[key] = one.write
    return writes, verdicts


def _staged(session: Session, table: PostgresTable, writes: Mapping[bytes, Write], statement: str) -> set[bytes]:
    """The keys that ``statement`` wrote; the others were changed in between, and are locked from here on."""
    with session.cursor(binary=True) as cursor:
        with cursor.copy(_sql(table.copy)) as copy:
            for key, write in writes.items():
                copy.write_row(table.row(key, write))
        return {_bytes(key) for (key,) in cursor.execute(_sql(statement))}


def _begin(table: PostgresTable) -> str:
    """In READ COMMITTED a second look sees what the first one lost against."""
    return f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL client_min_messages = warning; {table.create_stage}"


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes), type(value)
    return value


def _sql(statement: str) -> bytes:
    """A statement made of our own text and quoted identifiers."""
    return statement.encode()
