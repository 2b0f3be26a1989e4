"""How verbs read what they are given: a text or a file with it, one event or one a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from afterbay.errors import SettingsError

__all__ = ["is_json", "pattern_text", "read_events", "text_or_file"]


def text_or_file(given: str, *, starts: str = "{[") -> str | bytes:
    """``given`` itself if it is blank or begins with one of ``starts``, else the content of the file of that name.

    The name may have an ``@`` in front.
    """
    if given.lstrip()[:1] in ("", *starts):
        return given
    return Path(given.removeprefix("@")).read_bytes()


def pattern_text(given: str, option: str) -> str:
    """A pattern's JSON text, or that of the file of that name. Raises ``SettingsError``, which names ``option``."""
    try:
        text = text_or_file(given, starts="{")
        return text if isinstance(text, str) else text.decode()
    except (OSError, UnicodeDecodeError) as wrong:
        raise SettingsError(f"{given!r} is no JSON and no file that can be read", where=option) from wrong


def read_events(given: str) -> Iterator[bytes]:
    """One event, or one a line, of the file ``given``, whose name may have an ``@`` in front, or of standard input
    (``-``).

    A text that is one JSON value is one event, however many lines it has. If the first line is a JSON value, the others
    are read as they come; else the whole text must be looked at.
    """
    with ExitStack() as opened:
        source = sys.stdin.buffer if given == "-" else opened.enter_context(Path(given.removeprefix("@")).open("rb"))
        lines: Iterator[bytes] = (line for line in source if line.strip())
        first = next(lines, b"")
        if not is_json(first):
            rest = list(lines)
            if is_json(whole := b"".join([first, *rest])):
                yield whole
                return
            lines = iter(rest)
        if first:
            yield first
        yield from lines


def is_json(data: bytes) -> bool:
    """True if ``data`` is one JSON value."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
