"""The standard streams, made fit for every text, every locale, and for nobody who listens."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys

__all__ = ["close_output", "discard_output", "prepare_streams"]

_ESCAPED = "afterbay.escaped"


def prepare_streams() -> None:
    """Before a word is said: what a stream cannot encode is written as JSON's escapes, so that JSON stays JSON; a
    stream that the caller closed goes nowhere, and its number to no file that is opened later."""
    codecs.register_error(_ESCAPED, _escaped)
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - a closed one is None
        sys.stdin = _nowhere(os.O_RDONLY, "r")
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stdout = _nowhere(os.O_WRONLY, "w")
    if sys.stderr is None:  # pyright: ignore[reportUnnecessaryComparison]
        sys.stderr = _nowhere(os.O_WRONLY, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def close_output() -> str | None:
    """What is not written yet is written now. Why it cannot be; None: it was, or its reader has left, which is the
    shell's to tell."""
    try:
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        return None if error.errno == errno.EPIPE else error.strerror
    return None


def discard_output() -> None:
    """What is not written yet, and all that follows, goes nowhere: it was told that it cannot be written, once."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _nowhere(flags: int, mode: str) -> io.TextIOWrapper:
    """The null device under the lowest free number, which is that of the closed stream."""
    return io.TextIOWrapper(io.FileIO(os.open(os.devnull, flags), mode), write_through=True)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """As JSON escapes it: above U+FFFF a pair of surrogates. Raises what it is given where that is not encoding."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    escapes = (f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return "".join(escapes), error.end
