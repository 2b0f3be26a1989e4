"""An OpenSearch index that follows the source: tokens read, then each document written if it is still as it was read.

Both conditions, ``create`` and ``if_seq_no``, are the server's own step with the write (E5), so no race is lost: who
comes second reads again. The document goes out as text and keeps every digit, which a script would not let it (E9b).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import document_id
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.change.value import TypedItem
from afterbay.core.change.view import ChangeKind
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import NotFoundError, PayloadTooLargeError, RecordError, ServiceError
from afterbay.sinks.entry import Entry, prepare_all
from afterbay.sinks.guard_names import GuardNames, without_guard
from afterbay.sinks.live import LiveItem
from afterbay.sinks.mending import NOTHING_HELD, Held, Mend, mend_entries
from afterbay.sinks.opensearch_bulk import RowKind
from afterbay.sinks.opensearch_changes import DocumentChanges, Guard, Plan, Stored, portions
from afterbay.sinks.opensearch_cluster import Cluster, ClusterAddress
from afterbay.sinks.opensearch_documents import Documents
from afterbay.sinks.opensearch_index import SinkIndex, find, find_or_make, key_types
from afterbay.sinks.opensearch_settling import Settling
from afterbay.sinks.options import SinkOptions

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

__all__ = ["OpenSearchSink"]

ID_BYTES_MAX = 512
"""What the server takes as a document's id."""

PURGE_EVERY_S = 3600
PURGE_MAX = 1000
"""Tombstones purged by one batch. If there are more, the next batch goes on."""

Planner: TypeAlias = Callable[[DocumentChanges, Stored | None], Plan]

_log = logging.getLogger(__name__)


class OpenSearchSink:
    """Writes through the alias ``name``, which readers look at; index and alias are made by the first change.
    ``client`` replaces the one made of ``address``.

    Safe to use from several threads, and beside other writers. No clock is asked: the batches purge old tombstones as
    the creation times of their changes go on (E7), at the first batch and then about once an hour.
    """

    def __init__(
        self,
        address: ClusterAddress,
        name: str,
        *,
        options: SinkOptions | None = None,
        names: GuardNames | None = None,
        retention: TombstoneRetention | None = None,
        client: OpenSearch | None = None,
    ) -> None:
        self._address = address
        self._name = name
        self._options = options or SinkOptions()
        self._names = names or GuardNames()
        self._guard = Guard(self._names, retention or TombstoneRetention(), str(self))
        self._client = client
        self._opened: Documents | None = None
        self._index: SinkIndex | None = None
        self._purged_s: float | None = None
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"opensearch:{self._name}"

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """Write a batch, in as few requests as it takes.

        Raises ``SettingsError`` for an index that cannot be this sink's, or that holds tokens of another form (E2).
        """
        entries, verdicts = prepare_all(changes, self._options)
        settling = Settling(verdicts, str(self))
        new = {index for index, change in enumerate(changes) if change.kind is ChangeKind.INSERT}
        self._settle(self._by_document(entries, settling, new), settling, self._guard.plan)
        if entries:
            self._purge_by_the_way(max(entry.created_s for _, entry in entries))
        return [settling.verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Every live item, after a refresh, of one moment. A sink that no change has reached yet has no items.

        Raises ``ServiceError``, and ``SettingsError`` for an index that is no sink's.
        """
        documents = self._documents()
        index = find(documents.cluster, self._name, self._names)
        if index is None:
            return
        for source in documents.live(index.name):
            item = without_guard(source, self._names)
            yield LiveItem(index.key_of(item), item)

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """As the index has them now, whether refreshed or not. Raises as ``read_live``, and ``SettingsError`` for a
        field that holds no token."""
        documents = self._documents()
        if not keys or find(documents.cluster, self._name, self._names) is None:
            return [NOTHING_HELD] * len(keys)
        ids = [document_id(one, bytes_max=ID_BYTES_MAX) for one in keys]
        stored = documents.whole(list(dict.fromkeys(ids)))
        return [self._guard.held(stored.get(one)) for one in ids]

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """As ``apply``, each document on its own condition."""
        entries, verdicts = mend_entries(mends, self._options)
        settling = Settling(verdicts, str(self))
        seen = {index: mend.seen for index, mend, _ in entries}

        def plan(one: DocumentChanges, stored: Stored | None) -> Plan:
            return self._guard.mend(one, seen[one.entries[0][0]], stored)

        self._settle(self._by_document([(index, entry) for index, _, entry in entries], settling), settling, plan)
        return [settling.verdicts[index] for index in range(len(mends))]

    def purge(self, now_s: float, *, limit: int = PURGE_MAX) -> int:
        """Remove tombstones whose retention is over at ``now_s``, at most ``limit``; answer how many there were.

        The index knows of what it refreshed. Raises ``ServiceError``.
        """
        documents = self._documents()
        index = find(documents.cluster, self._name, self._names)
        return 0 if index is None else documents.purge(index.name, int(now_s), limit=limit)

    def close(self) -> None:
        """End the connections. A client that was handed in stays its owner's."""
        with self._lock:
            documents, self._opened = self._opened, None
        if documents is not None and self._client is None:
            documents.cluster.close()

    # ---- one batch

    def _by_document(
        self, entries: Sequence[tuple[int, Entry]], settling: Settling, new: Container[int] = ()
    ) -> list[DocumentChanges]:
        """``new`` are the places of inserts."""
        documents: dict[str, DocumentChanges] = {}
        for index, entry in entries:
            try:
                self._names.refuse_in(entry.names)
            except RecordError as taken:
                settling.verdicts[index] = Verdict(Kind.POISON, str(taken))
                continue
            name = document_id(entry.keys_typed, bytes_max=ID_BYTES_MAX)
            if name not in documents:
                documents[name] = DocumentChanges(name, [], taken_for_new=index in new)
            documents[name].entries.append((index, entry))
        return list(documents.values())

    def _settle(self, waiting: list[DocumentChanges], settling: Settling, plan: Planner) -> None:
        while waiting:
            time.sleep(max(one.pause_s for one in waiting))
            waiting = [left for portion in portions(waiting) for left in self._once(portion, settling, plan)]

    def _once(self, portion: list[DocumentChanges], settling: Settling, plan: Planner) -> list[DocumentChanges]:
        """Read, decide and write, once; answer what is to be tried again."""
        try:
            documents = self._ready(portion)
            stored = documents.stored(portion)
            plans = [plan(one, stored.get(one.id)) for one in portion]
            rows = documents.write([one.write for one in plans if one.write is not None])
        except PayloadTooLargeError as fault:
            if len(portion) == 1:
                return settling.refuse(portion[0], portion[0].entries[-1][0], str(fault))
            half = len(portion) // 2
            return self._once(portion[:half], settling, plan) + self._once(portion[half:], settling, plan)
        except ServiceError as fault:
            if isinstance(fault, NotFoundError):
                self._index = None
            return settling.fail(portion, fault)
        if any(row.kind is RowKind.INDEX_GONE for row in rows.values()):
            self._index = None
        pairs = zip(portion, plans, strict=True)
        return [again for one, planned in pairs for again in settling.settle(one, planned, rows)]

    def _documents(self) -> Documents:
        with self._lock:
            if self._opened is None:
                cluster = Cluster(self._address, str(self), client=self._client)
                self._opened = Documents(cluster, self._name, self._names)
            return self._opened

    def _ready(self, portion: Sequence[DocumentChanges]) -> Documents:
        """Index and alias are there, and are of the table that the changes come from."""
        documents, last = self._documents(), None
        for one in portion:
            keys = key_types(one.entries[0][1].keys_typed)
            if keys != last and (self._index is None or self._index.keys != keys):
                self._index = find_or_make(documents.cluster, self._name, keys, self._names)
            last = keys
        return documents

    def _purge_by_the_way(self, newest_s: float) -> None:
        """After the writes: a stale change of this batch must still meet the tombstone that refuses it. What fails here
        is tried again by a later batch; the batch's own verdicts stand."""
        if self._index is None or self._address.auth == "aoss":
            return
        if self._purged_s is not None and newest_s < self._purged_s + PURGE_EVERY_S:
            return
        try:
            purged = self.purge(newest_s)
        except ServiceError as fault:
            _log.warning("tombstones not purged", extra={"sink": str(self), "reason": str(fault)})
            return
        if purged < PURGE_MAX:
            self._purged_s = newest_s
