"""A state file opened for reading alone, beside an engine that may be writing it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from afterbay.errors import StateError
from afterbay.stores.refusal import refusal
from afterbay.stores.schema import MIGRATIONS, form_of

__all__ = ["open_to_read"]


def open_to_read(path: Path, *, lacking: str) -> sqlite3.Connection:
    """A connection of its own: under WAL it neither waits for the engine nor makes it wait, and takes no lock of ours.

    Raises ``StateError`` for a file that is not there, none of ours, newer, or older, which has no ``lacking`` yet.
    """
    if not path.is_file():
        there = "is a folder" if path.is_dir() else "is not there"
        raise StateError(f"state file {path} {there}", hint="name the file of `afterbay run --state`")
    try:
        # mode=ro: a file that is not there is not made
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            form = form_of(connection, path)
            if form != len(MIGRATIONS):
                raise StateError(
                    f"state file {path} has form {form} of {len(MIGRATIONS)}: it has no {lacking} yet",
                    hint="start an engine with it once, which brings it forward",
                )
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise refusal(path, error) from error
    return connection
