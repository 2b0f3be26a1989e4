"""Images straight into a sink, with the lowest token (E13)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from afterbay.backfill.images import Image
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import SKIPPED, Kind, Verdict
from afterbay.errors import NotFoundError, RecordError, ServiceError
from afterbay.ports import Sink
from afterbay.sinks.mending import MendableSink
from afterbay.sinks.where import WhereSink, matches

__all__ = ["PIECE_ITEMS", "SinkDestination"]

PIECE_ITEMS = 1_000
"""Written at once: sinks that commit per batch want few large ones, and a page of 1 MB has about so many items."""


_SOME = {"S": "afterbay", "N": "0", "B": "AA=="}
"""A value of each type that a key attribute can have."""


class SinkDestination:
    """A ``Destination``. One thread writes, as behind ``into``: sinks that can do more at once do so themselves.

    An image that a ``where`` does not want is not written at all: a change that leaves the filter must leave its token,
    but the lowest one protects from nothing.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink.inner if isinstance(sink, WhereSink) else sink
        self._where = sink.where if isinstance(sink, WhereSink) else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="afterbay-backfill")

    async def check(self, keys: Mapping[str, str]) -> None:
        """Ask the sink for some key of a table whose key attributes have these types: what can never be the sink is
        told before anything is read. Raises ``SettingsError`` and ``NotFoundError``. Another failure says nothing: an
        outage is waited for when there is something to write, and who may write need not be allowed to read."""
        if not isinstance(self._sink, MendableSink):
            return
        some = {name: {kind: _SOME[kind]} for name, kind in keys.items()}
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._sink.look_up, [some])
        except NotFoundError:
            raise
        except ServiceError:
            return

    async def write(self, images: Sequence[Image]) -> list[Verdict]:
        told: list[Verdict] = []
        for start in range(0, len(images), PIECE_ITEMS):
            piece = images[start : start + PIECE_ITEMS]
            told += await asyncio.get_running_loop().run_in_executor(self._thread, self._apply, piece)
        return told

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._sink.close()

    def _apply(self, images: Sequence[Image]) -> list[Verdict]:
        routed = [self._routed(one) for one in images]
        changes = [one for one in routed if isinstance(one, ChangeRecord)]
        told = iter(self._sink.apply(changes) if changes else ())
        return [one if isinstance(one, Verdict) else next(told) for one in routed]

    def _routed(self, image: Image) -> ChangeRecord | Verdict:
        try:
            change = ChangeRecord(image.record)
            return change if self._where is None or matches(change, self._where) else SKIPPED
        except RecordError as broken:
            return Verdict(Kind.POISON, str(broken))
