"""Reading and compacting a change log: what batches repeat is there once, by (table, key, token).

Decides what a log says in the end. Rows and names are ``bucket_rows.py``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from afterbay.sinks.bucket import FAULTS, Bucket, Listed, is_lost_race, is_missing
from afterbay.sinks.bucket_rows import Format, LogRow, decode, object_name

__all__ = ["GROUP_BYTES", "Compacted", "compact", "read_log"]

GROUP_BYTES = 128 * 1024 * 1024
"""Stored bytes that are compacted into one object: they are held in memory, unpacked."""

_OBJECT = re.compile(r"table=([A-Za-z0-9_.-]+)/date=(\d{4}-\d{2}-\d{2})/[^/]+\.(?:jsonl|jsonl\.gz|jsonl\.zst|parquet)")


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did: objects read and taken away, objects written, rows in those, rows found twice."""

    read: int = 0
    written: int = 0
    rows: int = 0
    repeated: int = 0

    def __add__(self, other: Compacted) -> Compacted:
        return Compacted(
            self.read + other.read,
            self.written + other.written,
            self.rows + other.rows,
            self.repeated + other.repeated,
        )


def read_log(bucket: Bucket, *, table: str | None = None, date: str | None = None) -> Iterator[tuple[str, LogRow]]:
    """Table and row of every change once; of one table or day, where given. Raises ``ServiceError``.

    A change is always in one partition, so only a partition's identities are held in memory. Objects that a compactor
    takes away meanwhile are found again in what it wrote.
    """
    folders: dict[str, str] = {}
    for listed in _listed(bucket, f"table={table}/" if table else "table="):
        found = _OBJECT.fullmatch(listed.name)
        if found is not None and date in (None, found[2]):
            folders[listed.name.rpartition("/")[0] + "/"] = found[1]
    for folder, name in sorted(folders.items()):
        seen: set[tuple[str, str]] = set()
        for row in _rows(bucket, folder):
            if row.identity not in seen:
                seen.add(row.identity)
                yield name, row


def compact(bucket: Bucket, written: Format, *, table: str, date: str, group_bytes: int = GROUP_BYTES) -> Compacted:
    """Replace a partition's objects by few, sorted by key and token, without duplicates. Raises ``ServiceError``.

    The inputs go only after the output is there, and only as they were read: whoever dies in between leaves rows twice,
    never none, and the next one finishes it.
    """
    told = Compacted()
    for group in _groups(_objects(bucket, f"table={table}/date={date}/"), group_bytes):
        told += _merge(bucket, written, f"table={table}/date={date}/", group)
    return told


def _merge(bucket: Bucket, written: Format, folder: str, group: list[Listed]) -> Compacted:
    rows: dict[tuple[str, str], LogRow] = {}
    inputs: list[Listed] = []
    count = 0
    for listed in group:
        body = _body(bucket, listed.name)
        if body is None:
            continue  # another compactor's, by now
        inputs.append(Listed(listed.name, listed.size, body[1]))
        for row in decode(listed.name, body[0]):
            rows[row.identity] = row
            count += 1
    if len(inputs) < 2:
        return Compacted()
    kept = [rows[identity] for identity in sorted(rows)]
    name = folder + object_name(kept, written.suffix, start="compacted")
    client = bucket.client()
    try:
        client.put_object(Bucket=bucket.name, Key=bucket.key(name), Body=written.encode(kept))
    except FAULTS as fault:
        raise bucket.error(fault) from fault
    for listed in inputs:
        if listed.name == name:
            continue
        try:
            client.delete_object(Bucket=bucket.name, Key=bucket.key(listed.name), IfMatch=listed.etag)
        except FAULTS as fault:
            if not is_lost_race(fault):  # else it was written anew, and stays
                raise bucket.error(fault) from fault
    return Compacted(len(inputs), 1, len(kept), count - len(kept))


def _rows(bucket: Bucket, folder: str) -> Iterator[LogRow]:
    """Rows of all objects of a partition, some of them twice."""
    done: set[str] = set()
    while True:
        vanished = False
        for listed in _objects(bucket, folder):
            if listed.name in done:
                continue
            body = _body(bucket, listed.name)
            if body is None:
                vanished = True
                continue
            done.add(listed.name)
            yield from decode(listed.name, body[0])
        if not vanished:
            return


def _groups(objects: list[Listed], group_bytes: int) -> Iterator[list[Listed]]:
    group: list[Listed] = []
    size = 0
    for listed in objects:
        if group and size + listed.size > group_bytes:
            yield group
            group, size = [], 0
        group.append(listed)
        size += listed.size
    if group:
        yield group


def _objects(bucket: Bucket, folder: str) -> list[Listed]:
    """A partition's objects, by name: compacted ones come last, so that full ones are not made again."""
    found = (listed for listed in _listed(bucket, folder) if _OBJECT.fullmatch(listed.name))
    return sorted(found, key=lambda listed: listed.name)


def _listed(bucket: Bucket, below: str) -> Iterator[Listed]:
    for page in bucket.pages(below):
        yield from page


def _body(bucket: Bucket, name: str) -> tuple[bytes, str] | None:
    """An object's content and ETag; None: it is not there."""
    try:
        answer = bucket.client().get_object(Bucket=bucket.name, Key=bucket.key(name))
        return answer["Body"].read(), answer["ETag"]
    except FAULTS as fault:
        if is_missing(fault):
            return None
        raise bucket.error(fault) from fault
