"""A recording on disk, read line by line. A name that ends in ``.gz`` is packed.

Decides what a file that was cut off says. The lines themselves are ``recording_lines.py``'s.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from afterbay.core.shard.position import ShardId
from afterbay.errors import RecordError, SettingsError
from afterbay.sources.recording_lines import Entry, Head, RecordedShard, read_entry, read_head

__all__ = ["Cut", "RecordingReader", "is_packed"]

LINE_BYTES_MAX = 16 * 1024 * 1024
"""A table's record has two images of 400 KB at most, spelled in JSON, one of Kinesis 10 MiB of data (S91), as base64: a
longer line is none of ours."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a file stops in the middle of a line; ``offset`` counts bytes, of a packed file once unpacked."""

    line: int
    offset: int

    def __str__(self) -> str:
        return f"line {self.line}, which begins at byte {self.offset}, is cut off"


class RecordingReader:
    """A recording, read line by line: ``with`` it, and iterate it once. ``cut`` is known when all is read; None: whole.

    Raises ``SettingsError`` with file and line for what is no recording. Lines of a shard that no line named before
    are refused: whoever sorts a recording loses the order that it keeps.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut: Cut | None = None
        self.whole_bytes = 0
        self._lines = 0
        try:
            self._file = _opened(path)
        except OSError as error:
            raise SettingsError(f"cannot be read: {error.strerror}", where=str(path)) from error
        try:
            first = self._line()
            if first is None:
                raise SettingsError("is no recording: its first line is not whole", where=str(path))
            self.head: Head = read_head(first, f"{path}:1")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> RecordingReader:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Entry]:
        known: set[ShardId] = set()
        kind = self.head.kind
        while (line := self._line()) is not None:
            try:
                entry = read_entry(line, kind)
                if isinstance(entry, RecordedShard):
                    known.add(entry.description.shard)
                elif entry.shard not in known:
                    raise RecordError(f"{entry.shard} is a shard that no line before it names")
            except RecordError as wrong:
                raise SettingsError(str(wrong), where=f"{self.path}:{self._lines}") from wrong
            yield entry

    def close(self) -> None:
        self._file.close()

    def _line(self) -> bytes | None:
        """The next line; None at the end, and where the file is cut."""
        self._lines += 1
        try:
            line = self._file.readline(LINE_BYTES_MAX)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            line = b"?"  # of a packed file that was cut off, the last block cannot be read
        if not line:
            return None
        if not line.endswith(b"\n"):
            self.cut = Cut(self._lines, self.whole_bytes)
            return None
        self.whole_bytes += len(line)
        return line


def is_packed(path: Path) -> bool:
    """By its name."""
    return path.suffix == ".gz"


def _opened(path: Path) -> BufferedIOBase:
    if not is_packed(path):
        return path.open("rb")
    return gzip.open(path, "rb")
