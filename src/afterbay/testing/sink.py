"""What a memory sink holds, as a test compares it."""

from __future__ import annotations

from afterbay.core.change.value import Item
from afterbay.sinks.memory import MemorySink

__all__ = ["items"]


def items(sink: MemorySink) -> list[Item]:
    """The live items in Python values, in the order of their keys; tombstones are left out."""
    return [row.item for _, row in sorted(sink.rows().items()) if row.item is not None]
