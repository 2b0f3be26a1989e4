"""The changes of one key in one batch, reduced to the one write that stands for them all (E10).

Decides each change's own verdict and what the key has in the end, given what is stored. The caller writes it on
condition that the same is stored still: otherwise somebody else was faster, and the reduction is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.guard import APPLIED, SKIPPED, Verdict
from afterbay.sinks.entry import Entry, judge_stored

__all__ = ["Reduced", "Stored", "Write", "reduced"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a sink has for a key: the token of the last change, and whether that left a tombstone."""

    token: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class Write:
    """What becomes of a key. ``item`` is the JSON text; None with ``deleted`` false leaves the item that is stored.

    ``seen`` is the stored token that this holds for, None: nothing was stored; ``seen_deleted``: it was a tombstone's.
    ``expires_s`` is a tombstone's.
    """

    entry: Entry
    token: str
    item: str | None
    deleted: bool
    expires_s: int | None
    seen: str | None
    seen_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Reduced:
    """The verdicts by place, and the write; None: nothing is to be written."""

    verdicts: dict[int, Verdict]
    write: Write | None


def reduced(
    entries: Sequence[tuple[int, Entry]], stored: Stored | None, retention: TombstoneRetention, sink: str
) -> Reduced:
    """``entries`` are one key's, in order. Raises ``SettingsError`` for a stored token of another form (E2)."""
    verdicts: dict[int, Verdict] = {}
    seen = token = None if stored is None else stored.token
    seen_deleted = deleted = stored is not None and stored.deleted
    absent = stored is None
    item: str | None = None
    last: Entry | None = None
    for index, entry in entries:
        verdict = judge_stored(entry.token, token, sink)
        if verdict is APPLIED:
            token, last = entry.token, entry
            if not entry.skips:
                item, deleted = entry.json, entry.json is None
            elif absent:
                deleted = True  # a tombstone in all but the name: its token must outlive it (E6)
            absent = False
            verdict = SKIPPED if entry.skips else APPLIED
        verdicts[index] = verdict
    if last is None:
        return Reduced(verdicts, None)
    expires_s = retention.purge_at_s(last.created_s) if deleted else None
    return Reduced(verdicts, Write(last, last.token, item, deleted, expires_s, seen, seen_deleted))
