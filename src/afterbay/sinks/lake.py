"""A sink in a lake table: one guarded commit per batch, made again on what the table holds when another was first.

Decides how a batch is tried and what its verdicts are. A store (``delta.py``, ``iceberg.py``) reads and commits, and
makes a format's faults ours: ``ConflictError`` for a commit that another writer overtook.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.change.value import TypedItem, canonical
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import ConflictError, ServiceError
from afterbay.sinks.entry import Entry, prepare_all
from afterbay.sinks.lake_columns import Columns, check_keys
from afterbay.sinks.lake_rows import LakeRow, mended, settle
from afterbay.sinks.live import LiveItem, plain_text
from afterbay.sinks.mending import NOTHING_HELD, Held, Mend, mend_entries
from afterbay.sinks.options import SinkOptions
from afterbay.sinks.reduced import Stored

__all__ = ["COMMITS_MAX", "LakeSink", "LakeStore"]

COMMITS_MAX = 8
"""Commits tried for one batch. Each conflict means that another writer's batch went in, so the table moves all the
same; who loses this often is retried by its mapping."""

_PAUSE_S = 0.02
"""Half of the longest wait before the second commit; it doubles each time, so that two writers do not go on
meeting."""

T = TypeVar("T")


class Plan(Protocol):
    """A batch against what is stored: the rows to write, and a verdict per place."""

    def __call__(
        self, *, stored: Mapping[str, Stored], columns: Columns
    ) -> tuple[list[LakeRow], dict[int, Verdict]]: ...


class LakeStore(Protocol):
    """A table of one format. Every method raises ``ServiceError`` for what may pass, ``ConflictError`` where another
    commit was first, ``SettingsError`` for a table that can never be the sink's."""

    def open(self, keys: Sequence[str]) -> Columns:
        """Look at the newest version, which ``stored`` and ``commit`` then mean; make the table where there is none."""
        ...

    def stored(self, keys: Collection[str]) -> dict[str, Stored]:
        """What the version that was opened holds of these canonical keys."""
        ...

    def commit(self, rows: Sequence[LakeRow], columns: Columns) -> None:
        """Write one row per key, new columns included, in one commit right after the version that was opened."""
        ...

    def held(self, keys: Collection[str]) -> dict[str, tuple[str, str | None]]:
        """Token and JSON text (None: a tombstone) of these canonical keys in the newest version; where there is no
        table, none is made."""
        ...

    def live(self) -> Iterator[tuple[str, str]]:
        """Canonical key and JSON text of every live item of the newest version."""
        ...

    def purge(self, before_s: int) -> int:
        """Delete the tombstones whose time is over; say how many."""
        ...

    def compact(self) -> None:
        """Write many small files as few, and remove what no reader needs any more."""
        ...

    def close(self) -> None: ...


class LakeSink:
    """Writes to the table of ``store``, whose text names it.

    Safe to use from several threads, and several sinks and processes may write to one table: a commit counts only if
    nothing was committed since the tokens were read.
    """

    def __init__(
        self, store: LakeStore, *, options: SinkOptions | None = None, retention: TombstoneRetention | None = None
    ) -> None:
        self._store = store
        self._options = options or SinkOptions()
        self._retention = retention or TombstoneRetention()
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return str(self._store)

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """Write a batch in one commit: it is in the table as a whole when this returns, or its verdicts are failures.

        Raises ``SettingsError`` for a table that cannot be this sink.
        """
        entries, verdicts = prepare_all(changes, self._options)
        plan = partial(settle, entries, retention=self._retention, sink=str(self))
        verdicts |= self._write(entries, plan)
        return [verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Every live item, from the exact JSON beside the columns. Raises ``ServiceError`` and ``SettingsError``."""
        for key, item in self._store.live():
            yield LiveItem(key, plain_text(item))

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """In the newest version. Raises ``ServiceError`` and ``SettingsError``."""
        names = [canonical(one).decode() for one in keys]
        with self._lock:
            found = self._store.held(set(names)) if names else {}
        return [_held(found.get(name)) for name in names]

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """One commit, as ``apply``."""
        entries, verdicts = mend_entries(mends, self._options)
        plan = partial(mended, entries, retention=self._retention)
        verdicts |= self._write([(index, entry) for index, _, entry in entries], plan)
        return [verdicts[index] for index in range(len(mends))]

    def purge(self, now_s: float) -> int:
        """Delete tombstones older than the retention, as of the epoch second ``now_s``; say how many (E7).

        Raises ``ServiceError``, ``ConflictError`` included when other writers were first each time.
        """
        with self._lock:
            return self._trying(lambda: self._store.purge(int(now_s)))

    def compact(self) -> None:
        """Write small files as few large ones. Raises as ``purge`` does; calling it again does no harm."""
        with self._lock:
            self._trying(self._store.compact)

    def close(self) -> None:
        with self._lock:
            self._store.close()

    # ---- one batch

    def _write(self, entries: Sequence[tuple[int, Entry]], plan: Plan) -> dict[int, Verdict]:
        if not entries:
            return {}
        try:
            with self._lock:
                return self._trying(lambda: self._attempt(entries, plan))
        except ServiceError as fault:
            # Nothing of the batch was committed, or whether it was is not known: the guard makes the retry safe (E9).
            verdict = Verdict(Kind.RETRYABLE, str(fault))
            return {index: verdict for index, _ in entries}

    def _attempt(self, entries: Sequence[tuple[int, Entry]], plan: Plan) -> dict[int, Verdict]:
        keys = sorted(entries[0][1].keys)
        check_keys(keys, str(self))
        columns = self._store.open(keys)
        stored = self._store.stored({entry.key for _, entry in entries})
        rows, verdicts = plan(stored=stored, columns=columns)
        if rows:
            self._store.commit(rows, columns)
        return verdicts

    def _trying(self, act: Callable[[], T]) -> T:
        """``act``, again as long as other writers are first. Raises ``ConflictError`` when they always were."""
        attempt = 1
        while True:
            try:
                return act()
            except ConflictError as lost:
                if attempt == COMMITS_MAX:
                    raise ConflictError(f"{lost.message}, {COMMITS_MAX} times", code=lost.code) from lost
            time.sleep(random.uniform(0, _PAUSE_S * 2**attempt))
            attempt += 1


def _held(found: tuple[str, str | None] | None) -> Held:
    if found is None:
        return NOTHING_HELD
    token, item = found
    return Held(token, None if item is None else plain_text(item))
