"""Graves: one empty object per deletion, named by item and token, beside the tombstones.

Tombstones are empty, so all of them have one ETag: a writer that read an old one could overwrite a newer one, and no
condition would hold it back. So a deletion digs its grave first, and who writes over a tombstone looks for newer graves
afterwards: of the two, one always sees the other. A grave is never changed, and the newest is what counts. A mend
leaves the token as it is, so versions are compared: the token, and how many mends there were under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from afterbay.core.change.sequence import TOKEN_CHARS
from afterbay.sinks.bucket import Bucket, Listed
from afterbay.sinks.bucket_item import GRAVES, Version

__all__ = ["Grave", "Graves"]

KEPT_MAX = 50
"""Graves of one item above which the older ones are taken away when one looks: a listing is of bounded length."""


@dataclass(frozen=True, slots=True)
class Grave:
    """A deletion. ``name`` is the object's own; ``expires_s`` the epoch second from which it may go (E7)."""

    name: str
    version: Version
    expires_s: int


class Graves:
    """The graves of a bucket's prefix. Every method raises the SDK's faults, or ``ServiceError`` for a listing."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def dig(self, item: str, version: Version, expires_s: int) -> None:
        """Note a deletion. Doing it twice is doing it once."""
        token, mends = version
        name = f"{_folder(item)}{token}@{expires_s}" + (f"@{mends}" if mends else "")
        self._bucket.client().put_object(Bucket=self._bucket.name, Key=self._bucket.key(name), Body=b"")

    def newest(self, item: str) -> Grave | None:
        """The newest deletion of the item, None where none is known."""
        found = sorted(
            (grave for page in self._pages(_folder(item)) for grave in page), key=lambda grave: grave.version
        )
        if len(found) > KEPT_MAX:
            for grave in found[:-1]:
                self._level(grave)
        return found[-1] if found else None

    def level_old(self, until_s: float) -> None:
        """Take away all that have expired by ``until_s``."""
        for page in self._pages(f"{GRAVES}/"):
            for _ in self._bucket.side_by_side(self._level, [one for one in page if one.expires_s <= until_s]):
                pass

    def _level(self, grave: Grave) -> None:
        # One at a time: deleting many in a call wants a checksum that not every maker's server takes.
        self._bucket.client().delete_object(Bucket=self._bucket.name, Key=self._bucket.key(grave.name))

    def _pages(self, folder: str) -> Iterator[list[Grave]]:
        for page in self._bucket.pages(folder):
            yield [grave for grave in map(_grave, page) if grave is not None]


def _grave(listed: Listed) -> Grave | None:
    """The token has a slash of its own, behind the folder of the item. None: another program's object."""
    _, _, rest = listed.name.removeprefix(f"{GRAVES}/").partition("/")
    token, _, numbers = rest.partition("@")
    expires, _, mends = numbers.partition("@")
    if len(token) != TOKEN_CHARS or not all(one.isascii() and one.isdigit() for one in (expires, mends or "0")):
        return None
    return Grave(listed.name, (token, int(mends or "0")), int(expires))


def _folder(item: str) -> str:
    return f"{GRAVES}/{hashlib.sha256(item.encode()).hexdigest()}/"
