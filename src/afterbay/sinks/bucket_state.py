"""A bucket that holds a table's items: one JSON object each, written on condition of what was read (E5).

The guard is the token in an object's metadata, read together with its ETag: ``If-Match`` on that, ``If-None-Match: *``
where nothing was. Different keys are written side by side; the changes of one key in a batch become one write (E10).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.tombstone import TombstoneRetention
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import RecordError, ServiceError
from afterbay.sinks.bucket import FAULTS, Bucket, is_lost_race, is_missing
from afterbay.sinks.bucket_graves import Grave, Graves
from afterbay.sinks.bucket_item import (
    Plan,
    Stored,
    TokenName,
    object_name,
    plan,
    read_stored,
    tombstone_metadata,
)
from afterbay.sinks.entry import Entry, prepare_all
from afterbay.sinks.live import LiveItem
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
        self._graves = Graves(self._bucket)
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
        for written in self._bucket.side_by_side(self._write, keys.values()):
            verdicts.update(written)
        return [verdicts[index] for index in range(len(changes))]

    def read_live(self) -> Iterator[LiveItem]:
        """Every live item, some objects at a time. Raises ``ServiceError``."""
        for page in self._bucket.pages(folders=False):
            names = [listed.name for listed in page if listed.size]
            for found in self._bucket.side_by_side(self._read, names):
                if found is not None:
                    yield found

    def purge(self, now_s: float | None = None) -> int:
        """Take away the tombstones whose retention is over (E7), and say how many there were.

        ``now_s`` is the time to judge by, in epoch seconds; the server's own where it is not given. May run beside
        writers, and once more after it was broken off. Raises ``ServiceError``.
        """
        until = self._bucket.now_s() if now_s is None else now_s
        try:
            self._graves.level_old(until)
        except FAULTS as fault:
            raise self._bucket.error(fault) from fault
        gone = 0
        for page in self._bucket.pages(folders=False):
            names = [listed.name for listed in page if not listed.size]
            gone += sum(self._bucket.side_by_side(partial(self._forget, until), names))
        return gone

    def close(self) -> None:
        self._bucket.close()

    # ---- one key

    def _write(self, entries: Sequence[tuple[int, Entry]]) -> dict[int, Verdict]:
        name = object_name(entries[0][1].keys_typed)
        # A skipped expiry writes the stored body once more: then it is read, not only looked at.
        whole = any(entry.skips for _, entry in entries)
        lost = Verdict(Kind.RETRYABLE, f"{self}: other writers changed the item {RACES_MAX} times in between")
        planned: Plan | None = None
        for _ in range(RACES_MAX):
            planned = None
            try:
                stored = self._look(name, whole=whole)
                if stored is not None and stored.buried:
                    stored = self._exhumed(name, stored)
                    if stored is None:
                        continue
                planned = plan(entries, stored, self._retention, str(self))
                if planned.token is None or self._done(name, planned, stored):
                    return dict(planned.verdicts)
            except FAULTS as fault:
                return _unwritten(entries, planned, self._bucket.failed(fault))
            except ServiceError as unlisted:
                return _unwritten(entries, planned, Verdict(Kind.RETRYABLE, str(unlisted)))
        return _unwritten(entries, planned, lost)

    def _exhumed(self, name: str, stored: Stored) -> Stored | None:
        """What is stored in truth: no less than the newest grave. None: look again, something was put right."""
        grave = self._graves.newest(name)
        if grave is None or grave.token <= stored.token:
            return stored
        if stored.live:
            self._bury(name, stored, grave)
            return None
        return replace(stored, token=grave.token)

    def _done(self, name: str, planned: Plan, stored: Stored | None) -> bool:
        """Write what was planned. False: what was read is no longer there, or no longer the newest."""
        assert planned.token is not None
        if not planned.live:
            self._graves.dig(name, planned.token, planned.expires_s)
            body = b""
        elif planned.item_json is not None:
            body = self._token_name.body(planned.item_json, planned.token)
        else:
            assert stored is not None
            body = self._token_name.renewed(stored, planned.token, str(self))
        if not self._put(name, body, planned.metadata(stored), stored):
            return False
        if stored is None or not stored.buried:
            return True
        grave = self._graves.newest(name)
        return grave is None or grave.token <= planned.token

    def _bury(self, name: str, stored: Stored, grave: Grave) -> None:
        """A live object older than its grave: its writer read an old tombstone, and died before it looked again."""
        self._put(name, b"", tombstone_metadata(grave.token, grave.expires_s), stored)

    # ---- calls

    def _look(self, name: str, *, whole: bool) -> Stored | None:
        client, key = self._bucket.client(), self._bucket.key(name)
        try:
            if not whole:
                head = client.head_object(Bucket=self._bucket.name, Key=key)
                return read_stored(head["Metadata"], head["ETag"], head["ContentLength"], None, str(self))
            answer = client.get_object(Bucket=self._bucket.name, Key=key)
            body = answer["Body"].read()
            return read_stored(answer["Metadata"], answer["ETag"], len(body), body, str(self))
        except FAULTS as fault:
            if is_missing(fault):
                return None
            raise

    def _put(self, name: str, body: bytes, metadata: dict[str, str], stored: Stored | None) -> bool:
        put = partial(
            self._bucket.client().put_object,
            Bucket=self._bucket.name,
            Key=self._bucket.key(name),
            Body=body,
            ContentType="application/json" if body else "application/octet-stream",
            Metadata=metadata,
        )
        try:
            if stored is None:
                put(IfNoneMatch="*")
            else:
                put(IfMatch=stored.etag)
        except FAULTS as fault:
            if is_lost_race(fault):
                return False
            raise
        return True

    def _read(self, name: str) -> LiveItem | None:
        """None: a tombstone by now, or purged."""
        try:
            stored = self._look(name, whole=True)
        except FAULTS as fault:
            raise self._bucket.error(fault) from fault
        if stored is None or not stored.live:
            return None
        if stored.buried:
            grave = self._graves.newest(name)
            if grave is not None and grave.token > stored.token:
                return None
        return self._token_name.live(stored)

    def _forget(self, until: float, name: str) -> bool:
        """Purge one tombstone, unless it is young, or has a younger grave, or is none any more."""
        try:
            stored = self._look(name, whole=False)
            if stored is None or stored.live or stored.expires_s > until or self._graves.newest(name) is not None:
                return False
            self._bucket.client().delete_object(
                Bucket=self._bucket.name, Key=self._bucket.key(name), IfMatch=stored.etag
            )
            grave = self._graves.newest(name)
            if grave is not None:  # a deletion in this very moment: its tombstone looked like the old one
                self._put(name, b"", tombstone_metadata(grave.token, grave.expires_s), None)
        except FAULTS as fault:
            if is_lost_race(fault):
                return False
            raise self._bucket.error(fault) from fault
        return True


def _unwritten(entries: Sequence[tuple[int, Entry]], planned: Plan | None, failed: Verdict) -> dict[int, Verdict]:
    """The verdicts of a key that was not written: what the store knows already stays known."""
    known = planned.known if planned is not None else frozenset[int]()
    return {index: planned.verdicts[index] if planned and index in known else failed for index, _ in entries}
