"""Items of a table as what is handed on: a record each, marked as read and not as changed (E13)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from afterbay.core.change.image import image_record
from afterbay.core.change.sequence import LOWEST_TOKEN, idempotency_key
from afterbay.core.change.value import TypedItem
from afterbay.errors import RecordError

__all__ = ["Image", "Images", "key_hash"]

_MS_DIGITS = 10
"""Digits behind the millisecond of the start: what one run can count. Two runs give no number twice, so that whoever
looks at ``eventID`` takes no image for another's; with a moment's 13 digits a number has 23 (S46)."""


@dataclass(frozen=True, slots=True)
class Image:
    """One item in typed JSON, ``keys`` its primary key. ``number`` is the SequenceNumber of ``record``, good for an
    answer only."""

    item: TypedItem
    keys: TypedItem
    number: int
    record: dict[str, object]


class Images:
    """Makes images of one table's items. Numbers rise over the whole run."""

    def __init__(self, stream_arn: str, key_names: Sequence[str], started_s: float) -> None:
        self._stream_arn = stream_arn
        self._key_names = tuple(key_names)
        self._numbers = itertools.count(int(started_s * 1000) * 10**_MS_DIGITS)

    def of(self, items: Sequence[TypedItem], read_s: float) -> list[Image]:
        """Raises ``RecordError`` for an item without the table's key: it is another table's."""
        return [self._image(item, int(read_s)) for item in items]

    def _image(self, item: TypedItem, read_s: int) -> Image:
        try:
            keys = {name: item[name] for name in self._key_names}
        except KeyError as missing:
            raise RecordError(
                f"an item has no attribute {missing}, which is part of the table's key",
                hint="is the export another table's?",
            ) from missing
        number = next(self._numbers)
        return Image(item, keys, number, image_record(self._stream_arn, item, keys, number=number, read_s=read_s))


def key_hash(keys: TypedItem) -> str:
    """What an item is called where its key is not to be shown (E4)."""
    return idempotency_key(keys, LOWEST_TOKEN).partition("#")[0]
