"""The objects of items: read with token and ETag, written on condition of that ETag, put right where a grave is newer.

Decides which of a tombstone, a late item over it and its graves is the truth. What is written is the caller's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from afterbay.sinks.bucket import FAULTS, Bucket, is_lost_race, is_missing
from afterbay.sinks.bucket_graves import Grave, Graves
from afterbay.sinks.bucket_item import Stored, read_stored, tombstone_metadata

__all__ = ["Objects"]


class Objects:
    """Those of a bucket's prefix. Methods raise the SDK's faults where they say nothing else."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.graves = Graves(bucket)

    def look(self, name: str, *, whole: bool) -> Stored | None:
        """The object as it is now, with its body if ``whole``. Raises ``SettingsError`` for another program's."""
        client, key = self._bucket.client(), self._bucket.key(name)
        try:
            if not whole:
                head = client.head_object(Bucket=self._bucket.name, Key=key)
                return read_stored(head["Metadata"], head["ETag"], head["ContentLength"], None, str(self._bucket))
            answer = client.get_object(Bucket=self._bucket.name, Key=key)
            body = answer["Body"].read()
            return read_stored(answer["Metadata"], answer["ETag"], len(body), body, str(self._bucket))
        except FAULTS as fault:
            if is_missing(fault):
                return None
            raise

    def put(self, name: str, body: bytes, metadata: dict[str, str], stored: Stored | None) -> bool:
        """Write over ``stored``, or where nothing is. False: another writer was first."""
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

    def found(self, name: str) -> tuple[Stored | None, Grave | None]:
        """The object, read whole, and a grave that is newer: then the item is gone. Raises ``ServiceError``."""
        try:
            stored = self.look(name, whole=True)
        except FAULTS as fault:
            raise self._bucket.error(fault) from fault
        grave = self.graves.newest(name) if stored is not None and stored.buried else None
        return stored, grave if stored is not None and grave is not None and grave.version > stored.version else None

    def exhumed(self, name: str, stored: Stored) -> Stored | None:
        """What is stored in truth: no less than the newest grave. None: look again, something was put right."""
        grave = self.graves.newest(name)
        if grave is None or grave.version <= stored.version:
            return stored
        if stored.live:
            self._bury(name, stored, grave)
            return None
        token, mends = grave.version
        return replace(stored, token=token, mends=mends)

    def forget(self, until: float, name: str) -> bool:
        """Purge one tombstone, unless it is young, or has a younger grave, or is none any more."""
        try:
            stored = self.look(name, whole=False)
            if stored is None or stored.live or stored.expires_s > until or self.graves.newest(name) is not None:
                return False
            self._bucket.client().delete_object(
                Bucket=self._bucket.name, Key=self._bucket.key(name), IfMatch=stored.etag
            )
            grave = self.graves.newest(name)
            if grave is not None:  # a deletion in this very moment: its tombstone looked like the old one
                self.put(name, b"", tombstone_metadata(grave.version, grave.expires_s), None)
        except FAULTS as fault:
            if is_lost_race(fault):
                return False
            raise self._bucket.error(fault) from fault
        return True

    def _bury(self, name: str, stored: Stored, grave: Grave) -> None:
        """A live object older than its grave: its writer read an old tombstone, and died before it looked again."""
        self.put(name, b"", tombstone_metadata(grave.version, grave.expires_s), stored)
