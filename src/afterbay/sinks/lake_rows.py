"""A batch against what a lake table holds: the one row that each key ends with, and a verdict per change or mend.

Decides what is written (E5, E6, E10); a format's own module writes it, in one commit, with the guard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.guard import APPLIED, SKIPPED, Kind, Verdict
from afterbay.errors import RecordError
from afterbay.sinks.entry import Entry, judge_stored
from afterbay.sinks.lake_columns import Columns
from afterbay.sinks.mending import OVERTAKEN, Mend
from afterbay.sinks.reduced import Stored

__all__ = ["LakeRow", "column_values", "mended", "settle"]


@dataclass(frozen=True, slots=True)
class LakeRow:
    """One row to write. ``cells`` are the attributes' columns (a tombstone has its key's only), ``expires_s`` the epoch
    second from which a tombstone may be purged.

    ``keeps``: an expiry that is skipped. The stored row stays as it is but for ``_tok`` and ``_expires``; ``item`` says
    nothing, ``cells`` no more than the key. ``mends``: the stored row is replaced under the same token (E14).
    """

    key: str
    token: str
    item: str | None
    deleted: bool
    expires_s: int | None
    cells: Mapping[str, str | None]
    keeps: bool = False
    mends: bool = False


def settle(
    entries: Iterable[tuple[int, Entry]],
    stored: Mapping[str, Stored],
    columns: Columns,
    retention: TombstoneRetention,
    sink: str,
) -> tuple[list[LakeRow], dict[int, Verdict]]:
    """The newest row of each key that changes, and what became of each change.

    Rules: E5 a change is judged by the token before it, that of the batch or of the table; E10 several changes of a key
    are reduced to the newest; E6 a skipped expiry moves the token of whatever is there, or leaves a tombstone.
    """
    rows: dict[str, LakeRow] = {}
    verdicts: dict[int, Verdict] = {}
    for index, entry in entries:
        there = stored.get(entry.key)
        before = rows.get(entry.key)
        token = before.token if before is not None else there.token if there is not None else None
        verdict = judge_stored(entry.token, token, sink)
        if verdict is APPLIED:
            try:
                rows[entry.key] = _next(entry, before, there, columns, retention)
            except RecordError as refused:
                verdict = Verdict(Kind.POISON, str(refused))
            else:
                verdict = SKIPPED if entry.skips else APPLIED
        verdicts[index] = verdict
    return list(rows.values()), verdicts


def mended(
    entries: Iterable[tuple[int, Mend, Entry]],
    stored: Mapping[str, Stored],
    columns: Columns,
    retention: TombstoneRetention,
) -> tuple[list[LakeRow], dict[int, Verdict]]:
    """The rows of the mends whose token is still stored, and what became of each mend (E14). No two are of one key."""
    rows: list[LakeRow] = []
    verdicts: dict[int, Verdict] = {}
    for index, mend, entry in entries:
        there = stored.get(entry.key)
        if (None if there is None else there.token) != mend.seen:
            verdicts[index] = OVERTAKEN
            continue
        try:
            rows.append(replace(_next(entry, None, None, columns, retention), mends=True))
        except RecordError as refused:
            verdicts[index] = Verdict(Kind.POISON, str(refused))
        else:
            verdicts[index] = APPLIED
    return rows, verdicts


def column_values(rows: Sequence[LakeRow], attributes: Iterable[str]) -> dict[str, list[object]]:
    """The rows turned: values by column, the sink's own columns first."""
    own: dict[str, list[object]] = {
        "_key": [row.key for row in rows],
        "_item": [row.item for row in rows],
        "_tok": [row.token for row in rows],
        "_deleted": [row.deleted for row in rows],
        "_expires": [row.expires_s for row in rows],
    }
    for name in attributes:
        own[name] = [row.cells.get(name) for row in rows]
    return own


def _next(
    entry: Entry, before: LakeRow | None, there: Stored | None, columns: Columns, retention: TombstoneRetention
) -> LakeRow:
    expires_s = retention.purge_at_s(entry.created_s)
    if entry.skips and before is not None:
        return replace(before, token=entry.token, expires_s=expires_s if before.deleted else None)
    if entry.skips and there is not None:
        kept_s = expires_s if there.deleted else None
        return LakeRow(entry.key, entry.token, None, there.deleted, kept_s, columns.cells(entry.keys), keeps=True)
    item = entry.item
    gone = item is None
    # The key's own columns are never null, whatever an image says of the key: else no row of the batch would get in.
    cells = columns.cells(entry.keys if item is None else item | entry.keys)
    return LakeRow(entry.key, entry.token, entry.json, gone, expires_s if gone else None, cells)
