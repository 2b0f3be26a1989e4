"""A bucket that holds a table's items: one JSON object each, written on condition of what was read (E5).

The guard is the token in an object's metadata, read together with its ETag: ``If-Match`` on that, ``If-None-Match: *``
where nothing was. Different keys are written side by side; the changes of one key in a batch become one write (E10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.change.value import TypedItem
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import RecordError, ServiceError
from afterbay.sinks.bucket import FAULTS, Bucket
from afterbay.sinks.bucket_item import Plan, Stored, TokenName, object_name, plan, plan_mend
from afterbay.sinks.bucket_objects import Objects
from afterbay.sinks.entry import Entry, prepare_all
from afterbay.sinks.live import LiveItem
from afterbay.sinks.mending import NOTHING_HELD, Held, Mend, mend_entries
from afterbay.sinks.options import SinkOptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["BucketStateSink"]

RACES_MAX = 10
"""Writes tried for one key while other writers keep changing it in between."""


class BucketStateSink:
    """Writes to ``prefix`` in ``bucket``, which must exist; the prefix is the sink's alone.

    Safe to use from several threads and processes. Tombstones stay until ``purge`` is called.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        options: SinkOptions | None = None,
        token_name: TokenName | None = None,
        retention: TombstoneRetention | None = None,
        client: S3Client | None = None,
    ) -> None:
        self._bucket = Bucket(bucket, prefix, region=region, endpoint_url=endpoint_url, client=client)
        self._objects = Objects(self._bucket)
        self._options = options or SinkOptions()
        self._token_name = token_name or TokenName()
        self._retention = retention or TombstoneRetention()

    def __str__(self) -> str:
        return str(self._bucket)

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """Write each key once, with its own condition. Raises ``SettingsError`` for a prefix that holds another
        program's objects or tokens of another form (E2), and for a server that knows no conditions."""
        entries, verdicts = prepare_all(changes, self._options)
        keys: dict[str, list[tuple[int, Entry]]] = {}
        for index, entry in entries:
            try:
                self._token_name.refuse_in(entry)
            except RecordError as refused:
                verdicts[index] = Verdict(Kind.POISON, str(refused))
            else:
                keys.setdefault(entry.key, []).append((index, entry))
        for written in self._bucket.side_by_side(self._apply, keys.values()):
            verdicts.update(written)
        return [verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Every live item, some objects at a time. Raises ``ServiceError``."""
        for page in self._bucket.pages(folders=False):
            names = [listed.name for listed in page if listed.size]
            for found in self._bucket.side_by_side(self._read, names):
                if found is not None:
                    yield found

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """Some objects at a time. Raises ``ServiceError``, and ``SettingsError`` for another program's object."""
        return list(self._bucket.side_by_side(self._held, map(object_name, keys)))

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """Each with its own condition. Raises as ``apply``."""
        entries, verdicts = mend_entries(mends, self._options)
        for written in self._bucket.side_by_side(self._mend, entries):
            verdicts.update(written)
        return [verdicts[index] for index in range(len(mends))]

    def purge(self, now_s: float | None = None) -> int:
        """Take away the tombstones whose retention is over (E7), and say how many there were.

        ``now_s`` is the time to judge by, in epoch seconds; the server's own where it is not given. May run beside
        writers, and once more after it was broken off. Raises ``ServiceError``.
        """
        until = self._bucket.now_s() if now_s is None else now_s
        try:
            self._objects.graves.level_old(until)
        except FAULTS as fault:
            raise self._bucket.error(fault) from fault
        gone = 0
        for page in self._bucket.pages(folders=False):
            names = [listed.name for listed in page if not listed.size]
            gone += sum(self._bucket.side_by_side(partial(self._objects.forget, until), names))
        return gone

    def close(self) -> None:
        self._bucket.close()

    # ---- one key

    def _apply(self, entries: Sequence[tuple[int, Entry]]) -> dict[int, Verdict]:
        return self._write(entries, lambda stored: plan(entries, stored, self._retention, str(self)))

    def _mend(self, place: tuple[int, Mend, Entry]) -> dict[int, Verdict]:
        index, mend, entry = place
        try:
            self._token_name.refuse_in(entry)
        except RecordError as refused:
            return {index: Verdict(Kind.POISON, str(refused))}
        return self._write(
            [(index, entry)], lambda stored: plan_mend(index, entry, mend.seen, stored, self._retention, str(self))
        )

    def _write(
        self, entries: Sequence[tuple[int, Entry]], planner: Callable[[Stored | None], Plan]
    ) -> dict[int, Verdict]:
        name = object_name(entries[0][1].keys_typed)
        # A skipped expiry writes the stored body once more: then it is read, not only looked at.
        whole = any(entry.skips for _, entry in entries)
        lost = Verdict(Kind.RETRYABLE, f"{self}: other writers changed the item {RACES_MAX} times in between")
        planned: Plan | None = None
        for _ in range(RACES_MAX):
            planned = None
            try:
                stored = self._objects.look(name, whole=whole)
                if stored is not None and stored.buried:
                    stored = self._objects.exhumed(name, stored)
                    if stored is None:
                        continue
                planned = planner(stored)
                if planned.token is None or self._done(name, planned, stored):
                    return dict(planned.verdicts)
            except FAULTS as fault:
                return _unwritten(entries, planned, self._bucket.failed(fault))
            except ServiceError as unlisted:
                return _unwritten(entries, planned, Verdict(Kind.RETRYABLE, str(unlisted)))
        return _unwritten(entries, planned, lost)

    def _done(self, name: str, planned: Plan, stored: Stored | None) -> bool:
        """Write what was planned. False: what was read is no longer there, or no longer the newest."""
        assert planned.token is not None
        if not planned.live:
            self._objects.graves.dig(name, planned.version, planned.expires_s)
            body = b""
        elif planned.item_json is not None:
            body = self._token_name.body(planned.item_json, planned.version)
        else:
            assert stored is not None
            body = self._token_name.renewed(stored, planned.token, str(self))
        if not self._objects.put(name, body, planned.metadata(stored), stored):
            return False
        if stored is None or not stored.buried:
            return True
        grave = self._objects.graves.newest(name)
        return grave is None or grave.version <= planned.version

    # ---- reading

    def _read(self, name: str) -> LiveItem | None:
        """None: a tombstone by now, or purged."""
        stored, grave = self._objects.found(name)
        return None if stored is None or not stored.live or grave is not None else self._token_name.live(stored)

    def _held(self, name: str) -> Held:
        stored, grave = self._objects.found(name)
        if stored is None:
            return NOTHING_HELD
        if grave is not None:
            return Held(grave.version[0], None)
        return Held(stored.token, self._token_name.live(stored).item if stored.live else None)


def _unwritten(entries: Sequence[tuple[int, Entry]], planned: Plan | None, failed: Verdict) -> dict[int, Verdict]:
    """The verdicts of a key that was not written: what the store knows already stays known."""
    known = planned.known if planned is not None else frozenset[int]()
    return {index: planned.verdicts[index] if planned and index in known else failed for index, _ in entries}
