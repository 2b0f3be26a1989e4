"""A short keyed hash of an item's key: enough to find the item again for who knows its key, and to tell it to nobody
else.

Decides how a key is hashed. Which records get a mark is the engine's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NewType

__all__ = ["MARK_BYTES", "KeyMark", "KeyMarks"]

KeyMark = NewType("KeyMark", bytes)
"""Eight bytes that stand for an item's key. Two keys out of ten million share one with a chance of one in 400,000."""

MARK_BYTES = 8


class KeyMarks:
    """Marks under the secret of one state file: BLAKE2b keyed by a key of its own, derived from ``seed``.

    Without the file a mark cannot be tried out on guessed keys, nor compared with another file's.
    """

    def __init__(self, seed: bytes) -> None:
        secret = hashlib.blake2b(seed, person=b"journal marks").digest()
        self._keyed = hashlib.blake2b(key=secret, digest_size=MARK_BYTES)

    def of(self, key: bytes) -> KeyMark:
        """The mark of one key, given as ``ItemKey`` has it."""
        keyed = self._keyed.copy()
        keyed.update(key)
        return KeyMark(keyed.digest())

    def of_all(self, keys: Iterable[bytes]) -> bytes:
        """The marks of ``keys``, one behind the other. Every record that is read passes here: no call per record."""
        copy = self._keyed.copy
        marks: list[bytes] = []
        for key in keys:
            keyed = copy()
            keyed.update(key)
            marks.append(keyed.digest())
        return b"".join(marks)
