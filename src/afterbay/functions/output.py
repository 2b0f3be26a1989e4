"""A process's standard output and error as one stream of lines, read without waiting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

__all__ = ["OutputPipe"]

READ_BYTES = 64 * 1024
"""The kernel's pipe holds as much: one read takes all that was written before an answer."""

LINE_BYTES_MAX = 262_144 - 26
"""CloudWatch's bound for an event; a longer line is cut into several, as AWS does."""

DRAIN_BYTES_MAX = 1024 * 1024
"""Read per turn: a process that never stops writing must not hold the loop."""


class OutputPipe:
    """The read end of a pipe whose ``write_fd`` a process gets as output and error.

    ``line`` is told each line as it was written, with its line end; carriage returns inside become line ends (AWS's
    runtime writes a stack trace as one line that way). ``drain`` reads at once what is there, so that what a function
    printed before its answer is seen before its answer is.
    """

    def __init__(self, line: Callable[[str], None]) -> None:
        self._line = line
        self._rest = bytearray()
        self._read_fd, self.write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        asyncio.get_running_loop().add_reader(self._read_fd, self.drain)
        self._closed = False

    def handed_over(self) -> None:
        """The process has its end: close ours, so that the end of the output can be seen."""
        os.close(self.write_fd)

    def drain(self) -> None:
        read_bytes = 0
        while not self._closed and read_bytes < DRAIN_BYTES_MAX:
            try:
                part = os.read(self._read_fd, READ_BYTES)
            except BlockingIOError:
                return
            if not part:
                self.close()
                return
            read_bytes += len(part)
            self._absorb(part)

    def flush(self) -> None:
        """Hand out what is there, a line without an end too: an invocation is over."""
        self.drain()
        if self._rest:
            self._emit(bytes(self._rest) + b"\n")
            self._rest.clear()

    def close(self) -> None:
        """Stop reading; what was read is handed out."""
        if self._closed:
            return
        self._closed = True
        asyncio.get_running_loop().remove_reader(self._read_fd)
        os.close(self._read_fd)
        self.flush()

    def _absorb(self, part: bytes) -> None:
        *lines, rest = part.split(b"\n")
        for line in lines:
            self._rest += line
            self._emit(bytes(self._rest) + b"\n")
            self._rest.clear()
        self._rest += rest
        if len(self._rest) >= LINE_BYTES_MAX:
            self._emit(bytes(self._rest))
            self._rest.clear()

    def _emit(self, line: bytes) -> None:
        for start in range(0, len(line), LINE_BYTES_MAX):
            text = line[start : start + LINE_BYTES_MAX].decode("utf-8", "replace")
            self._line(text.replace("\r\n", "\n").replace("\r", "\n"))
