"""What every sink can be told, whatever its kind: what an expiry does, and which attributes it takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from afterbay.core.change.value import TypedItem
from afterbay.errors import SettingsError

__all__ = ["Expiry", "SinkOptions"]


class Expiry(StrEnum):
    """What a TTL removal does to a sink. Skipped, it still leaves its token, or an older put replayed later lands
    (E6)."""

    SKIP = "skip"
    MIRROR = "mirror"


@dataclass(frozen=True, slots=True)
class SinkOptions:
    """``fields`` are the attributes that a sink takes (None: all), ``without`` those it leaves out. Keys always
    stay."""

    ttl: Expiry = Expiry.SKIP
    fields: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.fields is not None and self.without:
            raise SettingsError(
                "a sink takes fields= or without=, not both", hint="fields= alone already leaves the rest out"
            )

    def project(self, image: TypedItem, keys: Collection[str]) -> TypedItem:
        """The part of an image that the sink takes; the attributes in ``keys`` are part of it always."""
        if self.fields is None and not self.without:
            return image
        return {name: value for name, value in image.items() if name in keys or self._takes(name)}

    def _takes(self, name: str) -> bool:
        return name not in self.without if self.fields is None else name in self.fields
