"""The function's own notes: one line per record and delivery, in the order of delivery."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from afterbay.errors import RecordError

__all__ = ["Delivery", "read_witness"]


class Delivery(msgspec.Struct, frozen=True):
    """A record in an invocation. ``request`` is the invocation's id."""

    key: str
    sequence: str
    event: str
    verdict: Literal["done", "failed"]
    request: str

    @property
    def number(self) -> int:
        """Compared as a number: as text, a longer one would come too early (E1)."""
        return int(self.sequence)


def read_witness(file: Path) -> tuple[Delivery, ...]:
    """Every note; none where the function was never called. Raises ``RecordError`` for a line of another form."""
    if not file.exists():
        return ()
    decoder = msgspec.json.Decoder(Delivery)
    try:
        return tuple(decoder.decode_lines(file.read_bytes()))
    except msgspec.DecodeError as wrong:
        raise RecordError(f"{file}: {wrong}") from wrong
