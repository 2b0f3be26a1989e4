"""A guarded sink in a dict: the token of the last change of every item, deletes included (E5, E6).

Decides nothing: ``core.guard`` does. It remembers enough to say whether it ever went back.
"""

from __future__ import annotations

from collections.abc import Iterable

from afterbay.core.guard import APPLIED, judge
from afterbay.simulator.record import Written

__all__ = ["GuardedSink"]


class GuardedSink:
    """``rows``: by item, the token and the image of the last change (None: a tombstone, which is never purged)."""

    def __init__(self) -> None:
        self.rows: dict[bytes, tuple[str, bytes | None]] = {}
        self.applied = 0
        self.refused = 0

    def apply(self, records: Iterable[Written]) -> None:
        for record in records:
            stored = self.rows.get(record.raw.key)
            if judge(record.token, stored[0] if stored else None) is APPLIED:
                self.rows[record.raw.key] = (record.token, record.image)
                self.applied += 1
            else:
                self.refused += 1
