"""A sink in this process's memory, for tests of handlers and of the product itself. It never purges a tombstone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import Item, TypedItem, canonical
from afterbay.core.guard import APPLIED, SKIPPED, Verdict
from afterbay.sinks.entry import Entry, judge_stored, prepare_all
from afterbay.sinks.live import LiveItem, plain_item
from afterbay.sinks.mending import NOTHING_HELD, OVERTAKEN, Held, Mend, mend_entries
from afterbay.sinks.options import SinkOptions

__all__ = ["MemoryRow", "MemorySink"]


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """What is stored for a key. ``item`` None: a tombstone."""

    token: str
    item: Item | None


@dataclass(slots=True)
class _Store:
    """Rows by canonical key. The lock makes guard and write one step (E5)."""

    rows: dict[str, MemoryRow] = field(default_factory=dict[str, MemoryRow])
    lock: threading.Lock = field(default_factory=threading.Lock)


_named: dict[str, _Store] = {}
"""``memory:NAME`` of a handler and of its test are one store; that is what the name is for. ``forget`` empties one."""


class MemorySink:
    """Rows in a dict. Two sinks made by one name share them."""

    def __init__(self, *, options: SinkOptions | None = None, name: str = "") -> None:
        self._options = options or SinkOptions()
        self._name = name
        self._store = _named.setdefault(name, _Store()) if name else _Store()

    @classmethod
    def named(cls, name: str, *, options: SinkOptions | None = None) -> MemorySink:
        """The sink of ``memory:NAME``."""
        return cls(options=options, name=name)

    @staticmethod
    def forget(name: str) -> None:
        """Drop the rows of ``memory:NAME``, so that the next test starts empty."""
        _named.pop(name, None)

    def __str__(self) -> str:
        return f"memory:{self._name}"

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        entries, refused = prepare_all(changes, self._options)
        verdicts = dict(refused)
        with self._store.lock:
            for index, entry in entries:
                verdicts[index] = self._write(entry)
        return [verdicts[index] for index in range(len(changes))]

    def _write(self, entry: Entry) -> Verdict:
        stored = self._store.rows.get(entry.key)
        verdict = judge_stored(entry.token, stored.token if stored else None, str(self))
        if verdict is not APPLIED:
            return verdict
        kept = (stored.item if stored else None) if entry.skips else entry.item
        self._store.rows[entry.key] = MemoryRow(entry.token, kept)
        return SKIPPED if entry.skips else APPLIED

    def rows(self) -> dict[str, MemoryRow]:
        """Everything stored, tombstones too, by canonical key."""
        with self._store.lock:
            return dict(self._store.rows)

    def read_live(self) -> Iterator[LiveItem]:
        for key, row in self.rows().items():
            if row.item is not None:
                yield LiveItem(key, plain_item(row.item))

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        with self._store.lock:
            found = [self._store.rows.get(canonical(one).decode()) for one in keys]
        return [NOTHING_HELD if row is None else _held(row) for row in found]

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        entries, verdicts = mend_entries(mends, self._options)
        with self._store.lock:
            for index, mend, entry in entries:
                stored = self._store.rows.get(entry.key)
                if (None if stored is None else stored.token) != mend.seen:
                    verdicts[index] = OVERTAKEN
                    continue
                self._store.rows[entry.key] = MemoryRow(entry.token, entry.item)
                verdicts[index] = APPLIED
        return [verdicts[index] for index in range(len(mends))]

    def close(self) -> None:
        """Nothing to close; rows stay under their name."""


def _held(row: MemoryRow) -> Held:
    return Held(row.token, None if row.item is None else plain_item(row.item))
