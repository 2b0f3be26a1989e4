"""AWS's service models, as botocore has them on disk, read once in a process.

Each session of botocore's reads them for itself: a tenth of a second of CPU before its first client is there, and the
tests open thousands of sessions. What sessions read is the same, and they change nothing of it.
"""

from __future__ import annotations

import functools

import botocore.loaders
import botocore.session

__all__ = ["read_once"]

_new_loader = botocore.loaders.create_loader


def read_once() -> None:
    """From now on, in this process."""
    botocore.session.create_loader = _sharing_loader


def _sharing_loader(path: str | None = None) -> botocore.loaders.Loader:
    loader = _new_loader(path)
    loader._cache = _read(path)
    return loader


@functools.cache
def _read(path: str | None) -> dict[object, object]:
    """What the loaders of a path have read so far."""
    return {}
