"""A recording on disk, made or gone on with: lines put behind each other, by one recorder at a time.

Decides where an earlier recorder stood, and what becomes of a line that it left cut off.
"""

from __future__ import annotations

import fcntl
import gzip
import os
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from afterbay.core.shard.frontier import Stood
from afterbay.core.shard.position import After, Position, ShardEnd, ShardId
from afterbay.errors import SettingsError, StateError
from afterbay.sources.recording_lines import (
    Entry,
    Head,
    RecordedEnd,
    RecordedRecord,
    RecordedShard,
    RecordedUnreadable,
    encode_entry,
    encode_head,
)
from afterbay.sources.recording_reader import RecordingReader, is_packed

__all__ = ["RecordingWriter"]


class RecordingWriter:
    """Lines put behind each other: ``with`` it. What is flushed is read again after a kill, but for a line cut off.

    ``stood``: where the recording stands, by shard. ``head``: its first line. ``records``: how many are in it. Raises
    ``StateError`` where another recorder has the file, or the disk does not take it.
    """

    def __init__(self, path: Path, head: Head, lock: _Lock, stood: Stood, records: int) -> None:
        self.path = path
        self.head = head
        self.stood = stood
        self.records = records
        self._named: set[ShardId] = set(stood)
        self._lock = lock
        self._file = _appended(path)

    @classmethod
    def create(cls, path: Path, head: Head) -> RecordingWriter:
        """A new file; one that is there must be empty. Raises ``SettingsError``."""
        try:
            path.open("ab").close()
        except OSError as error:
            raise SettingsError(f"cannot be written: {error.strerror}", where=str(path)) from error
        lock = _Lock(path)
        if path.stat().st_size:
            lock.release()
            raise SettingsError("is there already", where=str(path), hint="--append goes on behind its last record")
        writer = cls(path, head, lock, {}, 0)
        try:
            writer._put(encode_head(head))
            writer.flush()
        except StateError:
            with suppress(StateError):
                writer.close()
            raise
        return writer

    @classmethod
    def append(cls, path: Path, stream_arn: str) -> RecordingWriter:
        """Go on with a recording of ``stream_arn``; a line that was cut off is taken away first. Raises
        ``SettingsError``."""
        lock = _Lock(path)
        try:
            return cls._appending(path, stream_arn, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _appending(cls, path: Path, stream_arn: str, lock: _Lock) -> RecordingWriter:
        stood: dict[ShardId, After | ShardEnd | None] = {}
        records = 0
        with RecordingReader(path) as reader:
            head = reader.head
            if head.stream_arn != stream_arn:
                raise SettingsError(
                    f"is a recording of {head.stream_arn}, not of {stream_arn}",
                    where=str(path),
                    hint="name another file",
                )
            for entry in reader:
                match entry:
                    case RecordedShard(description=one):
                        stood.setdefault(one.shard, None)
                    case RecordedRecord(shard=shard, record=record):
                        stood[shard] = After(Position(record.position))
                        records += 1
                    case RecordedUnreadable(shard=shard, sequence_number=str(number)):
                        stood[shard] = After(Position(int(number)))
                    case RecordedEnd(shard=shard):
                        stood[shard] = ShardEnd()
                    case _:
                        pass
        if reader.cut is not None:
            _cut_back(path, reader.whole_bytes)
            lock.follow(path)
        return cls(path, head, lock, stood, records)

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def write(self, entry: Entry) -> None:
        """A shard that is named already is not named again."""
        if isinstance(entry, RecordedShard):
            if entry.description.shard in self._named:
                return
            self._named.add(entry.description.shard)
        self.records += isinstance(entry, RecordedRecord)
        self._put(encode_entry(entry))

    def flush(self) -> None:
        """Hand what was written to the operating system: it survives a kill of this process."""
        try:
            self._file.flush()
        except OSError as error:
            raise self._refused(error) from error

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._refused(error) from error
        finally:
            self._lock.release()

    def _put(self, line: bytes) -> None:
        try:
            self._file.write(line)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> StateError:
        return StateError(
            f"{self.path} cannot be written: {error.strerror}",
            hint="once it can, record --append goes on behind its last whole line",
        )


class _Lock:
    """One recorder for a file: a lock that the operating system drops with its process."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _locked(path)

    def follow(self, path: Path) -> None:
        """Lock the file that has taken the place of the first one."""
        old, self._descriptor = self._descriptor, -1
        os.close(old)  # of a file that was cut in place, this is the lock itself
        self._descriptor = _locked(path)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _locked(path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=str(path)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StateError(
            f"{path} is being recorded into by another process", hint="stop that one, or name another file"
        ) from error
    return descriptor


def _appended(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "ab")) if is_packed(path) else path.open("ab")


def _cut_back(path: Path, whole_bytes: int) -> None:
    """Take away what is behind the last whole line. A packed file is packed anew: what is behind its cut is no gzip."""
    if not is_packed(path):
        os.truncate(path, whole_bytes)
        return
    beside = path.with_name(path.name + ".new")
    with gzip.open(path, "rb") as old, gzip.open(beside, "wb") as new:
        left = whole_bytes
        while left:
            piece = old.read1(left)
            assert piece, "what was read once is there"
            new.write(piece)
            left -= len(piece)
    beside.replace(path)
