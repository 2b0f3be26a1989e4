"""A stream record as bytes, with the few facts that every mapping needs.

The engine never parses a record further than someone asks (DESIGN section 2): ``body`` travels as it is.
"""

from __future__ import annotations

from typing import NewType

import msgspec

__all__ = ["ItemKey", "RawRecord"]

ItemKey = NewType("ItemKey", bytes)
"""What tells one item from another inside a stream: canonical bytes of the full primary key (R62), or a partition
key."""


class RawRecord(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One record in the form that Lambda hands to a function (R132 to R137).

    ``body`` is that JSON, without blanks around it. ``position`` is the sequence number as an integer (the
    ``Position`` of ``core.shard``); ``created_s`` is the creation time in epoch seconds; ``size_bytes`` counts
    ``body``.
    """

    body: bytes
    position: int
    key: ItemKey
    created_s: float
    event_name: str

    def __repr__(self) -> str:
        """Without body and key: they are the customer's data."""
        return f"RawRecord(position={self.position}, event_name={self.event_name!r}, size_bytes={len(self.body)})"

    @property
    def size_bytes(self) -> int:
        return len(self.body)
