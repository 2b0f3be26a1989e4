"""What SQLite complains of, as an error of ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from afterbay.errors import StateError

__all__ = ["refusal"]


def refusal(path: Path, error: sqlite3.Error) -> StateError:
    """SQLite's complaint in one line, told apart by its code."""
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    match name:
        case "SQLITE_NOTADB":
            return StateError(f"{path} is no state file of afterbay", hint="name another --state file")
        case "SQLITE_FULL":
            return StateError(f"state file {path}: the disk is full", hint="make room; nothing was lost")
        case "SQLITE_CORRUPT":
            return StateError(
                f"state file {path} is damaged", hint="restore a copy, or start with another --state file"
            )
        case _:
            return StateError(f"state file {path}: {error} ({name})")
