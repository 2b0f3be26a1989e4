"""What a memory sink holds, as a test compares it."""

from __future__ import annotations

from afterbay.core.change.value import Item
from afterbay.errors import SettingsError
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.where import WhereSink

__all__ = ["items"]


def items(sink: MemorySink | WhereSink) -> list[Item]:
    """The live items in Python values, in the order of their keys; tombstones are left out.

    Raises ``SettingsError`` for another sink.
    """
    store = sink.inner if isinstance(sink, WhereSink) else sink
    if not isinstance(store, MemorySink):
        raise SettingsError(
            f"items() shows a memory sink, not {type(sink).__name__}",
            hint='as in afterbay.sink("memory:test"); read_live() reads any sink',
        )
    return [row.item for _, row in sorted(store.rows().items()) if row.item is not None]
