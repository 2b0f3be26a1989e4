"""A state file opened for reading alone, beside an engine that may be writing it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from afterbay.errors import StateError, StatePlaceError
from afterbay.stores.refusal import is_there, refusal, unopened
from afterbay.stores.schema import MIGRATIONS, form_of

__all__ = ["open_to_read"]


def open_to_read(path: Path, *, lacking: str) -> sqlite3.Connection:
    """A connection of its own: under WAL it neither waits for the engine nor makes it wait, and takes no lock of ours.

    Raises ``StateError`` for a file that is not there, none of ours, newer, or older, which has no ``lacking`` yet.
    """
    if not is_there(path):
        raise StatePlaceError(f"state file {path} is not there", hint="name the file of `afterbay run --state`")
    if not os.access(path, os.R_OK):  # not by opening it: a descriptor that is closed drops the locks of an engine here
        raise unopened(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
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
