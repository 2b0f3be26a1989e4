"""Where images go: one verdict for each, whatever is behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from afterbay.backfill.images import Image
from afterbay.core.guard import Verdict

__all__ = ["Destination"]


class Destination(Protocol):
    async def write(self, images: Sequence[Image]) -> list[Verdict]:
        """Hand images on; what became of each, in order. ``SKIPPED``: it is not wanted there.

        Raises ``ServiceError`` or ``SettingsError`` where no image has a chance.
        """
        ...

    async def close(self) -> None: ...
