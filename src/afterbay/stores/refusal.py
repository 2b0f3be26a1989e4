"""What SQLite and the file system complain of, as an error of ours."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from afterbay.errors import StateError, StatePlaceError

__all__ = ["is_there", "of_place", "refusal", "unopened"]

_WRONG_PLACE = frozenset(
    {
        *(errno.EACCES, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
        *(errno.ENOENT, errno.ENOTDIR, errno.EPERM, errno.EROFS),
    }
)
"""What another name mends; a full disk or a table of open files it does not."""


def refusal(path: Path, error: sqlite3.Error) -> StateError:
    """SQLite's complaint in one line, told apart by its code."""
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    match name:
        case "SQLITE_NOTADB":
            return StatePlaceError(f"{path} is no state file of afterbay", hint="name another --state file")
        case "SQLITE_FULL":
            return StateError(f"state file {path}: the disk is full", hint="make room; nothing was lost")
        case "SQLITE_CORRUPT":
            return StateError(
                f"state file {path} is damaged", hint="restore a copy, or start with another --state file"
            )
        case _:
            return StateError(f"state file {path}: {error} ({name})")


def unopened(path: Path, error: OSError) -> StateError:
    """Why a state file cannot be opened."""
    return of_place(error, f"state file {path} cannot be opened: {error.strerror}", hint="name another --state file")


def of_place(error: OSError, told: str, *, hint: str) -> StateError:
    """``told`` as an error of the place, with the hint, where that is at fault; else of the machine."""
    return StatePlaceError(told, hint=hint) if error.errno in _WRONG_PLACE else StateError(told)


def is_there(path: Path) -> bool:
    """True for a file, False for nothing. Raises ``StateError`` for a folder or a device, or where it may not look."""
    try:
        file, there = path.is_file(), path.exists()
        kind = "a folder" if path.is_dir() else "no file"
    except OSError as error:
        raise unopened(path, error) from error
    if there and not file:
        raise StatePlaceError(f"state file {path} is {kind}", hint="name a file, as in afterbay.state.sqlite3")
    return file
