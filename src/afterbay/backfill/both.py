"""A table and its sink side by side: what each has for a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from afterbay.backfill.compare import Promise
from afterbay.backfill.holdings import Holdings
from afterbay.backfill.items import TableItems
from afterbay.backfill.notebook import Sighting
from afterbay.backfill.settle import Differing, Look
from afterbay.core.change.value import TypedItem
from afterbay.sinks.mending import Held

__all__ = ["BothSides"]


class BothSides:
    """``settle.Sides`` of a table and a sink that promises to show it. ``now_s`` is the service's time, in epoch
    seconds."""

    def __init__(
        self,
        reader: TableItems,
        holdings: Holdings,
        promise: Promise,
        *,
        now_s: Callable[[], float],
        origin: str = "the sink",
    ) -> None:
        self.reader = reader
        self.holdings = holdings
        self.promise = promise
        self.now_s = now_s
        self.origin = origin

    async def look_at(self, keys: Sequence[str]) -> list[Look]:
        typed = [self.typed(key) for key in keys]
        held = await self.holdings.look_up(typed)
        images = await self.reader.get(typed)
        return [self.compared(*one) for one in zip(keys, images, held, strict=True)]

    async def refresh(self) -> None:
        await self.holdings.refresh()

    def compared(self, key: str, image: TypedItem | None, held: Held) -> Look:
        """A look, from what was read."""
        finding = self.promise.compare(image, held, now_s=self.now_s())
        if finding is None:
            return Look(key)
        sighting = Sighting.of(self.promise.shown(image), held.token, held.item)
        return Look(key, Differing(finding, sighting, held.token))

    def typed(self, key: str) -> dict[str, object]:
        """A canonical key text, typed. Raises ``SettingsError`` for the key of another table."""
        try:
            members = msgspec.json.decode(key, type=dict[str, object])
        except msgspec.MsgspecError:
            members = {}  # refused as what it is: no key of the table
        return self.reader.table.key_named(members, self.origin)
