"""One engine per state file: a lock that the operating system drops with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from afterbay.errors import StateError
from afterbay.stores.refusal import is_there, unopened

__all__ = ["FileLock"]

_PID_BYTES_MAX = 20  # a decimal process id


class FileLock:
    """An exclusive lock on ``path``, which is made if missing and stays when the lock is gone.

    It is a side file: closing any descriptor of the database itself would drop the locks that SQLite holds on it.
    Removing the side file would let two processes lock two files of one name.
    """

    def __init__(self, path: Path, *, protects: Path) -> None:
        """Raises ``StateError`` at once when another process (or another store of this one) has it."""
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unopened(protects, error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, _PID_BYTES_MAX).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            by = f" by process {holder}" if holder else ""
            raise StateError(
                f"state file {protects} is in use{by}",
                hint="one engine per file: stop the other, or name another --state",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    @classmethod
    def beside(cls, path: Path) -> FileLock:
        """The lock of the state file at ``path``. Raises ``StateError`` too for what is no file."""
        is_there(path)
        return cls(path.with_name(path.name + ".lock"), protects=path)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
