"""Rows of a change log, and the objects that hold them: JSON lines or Parquet, named by what is in them.

Decides shapes and names. An object's name says which changes it holds and nothing else, so a batch that comes again
replaces its own object. What is stored when is ``bucket_log.py``'s.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import TypedItem, json_item
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.entry import Entry
from afterbay.sinks.live import plain_text
from afterbay.sinks.options import SinkOptions

__all__ = ["EXPIRE", "Format", "LogRow", "decode", "log_format", "log_row", "object_name", "partition"]

EXPIRE = "EXPIRE"
"""The kind of an expiry that the sink was told to skip: the item went by TTL, and readers take it as still there."""

_GZIP_LEVEL = 1
"""The fastest: the log is written while a function waits, and the compactor writes it once more."""

_SUFFIXES = {"gzip": ".jsonl.gz", "none": ".jsonl", "zstd": ".jsonl.zst"}


@dataclass(frozen=True, slots=True)
class LogRow:
    """One change. ``key`` is the canonical key text; ``kind`` INSERT, MODIFY, REMOVE or EXPIRE; ``created`` the time of
    the write in UTC, with milliseconds; ``old_json`` and ``new_json`` the images as JSON sinks show them, None where
    there is none."""

    key: str
    token: str
    kind: str
    created: str
    old_json: str | None
    new_json: str | None

    @property
    def identity(self) -> tuple[str, str]:
        """What makes a change the same change (E4); the table is the partition's."""
        return (self.key, self.token)

    @property
    def old(self) -> dict[str, object] | None:
        return None if self.old_json is None else plain_text(self.old_json)

    @property
    def new(self) -> dict[str, object] | None:
        return None if self.new_json is None else plain_text(self.new_json)


def log_row(change: ChangeRecord, entry: Entry, options: SinkOptions) -> LogRow:
    """The row of a change, projected as ``options`` say. Raises ``RecordError`` for an old image that is broken."""
    keys, old = entry.keys_typed.keys(), change.old_sent

    def typed() -> TypedItem:
        return options.project(change.old_typed or {}, keys)

    return LogRow(
        key=entry.key,
        token=entry.token,
        kind=EXPIRE if entry.skips else change.kind.value,
        created=_created(entry.created_s),
        old_json=None if old is None else json_item(options.project(old, keys), "dynamodb.OldImage", typed).decode(),
        new_json=entry.json,
    )


@lru_cache(maxsize=1024)
def _created(created_s: float) -> str:
    return datetime.fromtimestamp(created_s, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def partition(table: str, row: LogRow) -> str:
    """The folder of a row: the day of the write, so that a change is always in the same one."""
    return f"table={table}/date={row.created[:10]}/"


def object_name(rows: Sequence[LogRow], suffix: str, *, start: str = "changes") -> str:
    """From the first and the last token, and a digest of all keys and tokens: the same changes give the same name.

    Without the digest, a smaller batch between the same two changes would replace a larger one.
    """
    digest = hashlib.sha256()
    for key, token in sorted(row.identity for row in rows):
        digest.update(f"{len(key)}:{key}{token}".encode())
    tokens = [row.token for row in rows]
    first, last = (_in_a_name(token) for token in (min(tokens), max(tokens)))
    return f"{start}-{first}-{last}-{digest.hexdigest()[:16]}{suffix}"


def _in_a_name(token: str) -> str:
    """Hadoop's readers take no colon in a name."""
    return token.replace(":", "").replace("/", "_")


@dataclass(frozen=True, slots=True)
class Format:
    """How a log's objects are written."""

    suffix: str
    encode: Callable[[Sequence[LogRow]], bytes]


def log_format(name: str = "jsonl", compression: str | None = None) -> Format:
    """``jsonl`` is compressed with gzip unless told otherwise, ``parquet`` with zstd. Loads pyarrow for Parquet and for
    zstd."""
    if name == "parquet":
        from afterbay.sinks import bucket_arrow

        chosen = compression or "zstd"
        return Format(".parquet", lambda rows: bucket_arrow.to_parquet(rows, chosen))
    chosen = compression or "gzip"
    if name != "jsonl" or chosen not in _SUFFIXES:
        raise SettingsError(f"there is no log format {name} with {chosen}", hint="jsonl or parquet; gzip, none or zstd")
    return Format(_SUFFIXES[chosen], _compressor(chosen))


def decode(name: str, body: bytes) -> Iterator[LogRow]:
    """The rows of an object, by its name's end. Raises ``RecordError`` for one that is no log's."""
    if name.endswith(".parquet"):
        from afterbay.sinks import bucket_arrow

        return bucket_arrow.from_parquet(body)
    if name.endswith(".jsonl.zst"):
        from afterbay.sinks import bucket_arrow

        return _from_lines(bucket_arrow.from_zstd(body))
    return _from_lines(gzip.decompress(body) if name.endswith(".gz") else body)


def _compressor(compression: str) -> Callable[[Sequence[LogRow]], bytes]:
    if compression == "zstd":
        from afterbay.sinks import bucket_arrow

        return lambda rows: bucket_arrow.to_zstd(_to_lines(rows))
    if compression == "gzip":
        return lambda rows: gzip.compress(_to_lines(rows), _GZIP_LEVEL, mtime=0)
    return _to_lines


_text = msgspec.json.Encoder()


def _to_lines(rows: Iterable[LogRow]) -> bytes:
    """The images are JSON already; they are put in as they are."""
    return b"".join(
        b'{"key":%b,"token":"%b","kind":"%b","created":"%b","old":%b,"new":%b}\n'
        % (
            _text.encode(row.key),
            row.token.encode(),
            row.kind.encode(),
            row.created.encode(),
            b"null" if row.old_json is None else row.old_json.encode(),
            b"null" if row.new_json is None else row.new_json.encode(),
        )
        for row in rows
    )


class _Line(msgspec.Struct):
    key: str
    token: str
    kind: str
    created: str
    old: msgspec.Raw
    new: msgspec.Raw


_lines = msgspec.json.Decoder(_Line)


def _from_lines(text: bytes) -> Iterator[LogRow]:
    for line in text.splitlines():
        try:
            read = _lines.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as broken:
            raise RecordError(
                "the log holds a line that is no change", hint="did another program write to it?"
            ) from broken
        yield LogRow(read.key, read.token, read.kind, read.created, _image(read.old), _image(read.new))


def _image(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text
