"""One item of a table against what a sink stores for its key: the same, or different in which way.

Pure: images in, findings out. Reading both sides, and looking a second time, is ``settle.py``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from afterbay.core.change.sequence import LOWEST_TOKEN, SequenceToken
from afterbay.core.change.value import TypedItem, Value, decode_item, equal
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.live import plain_item
from afterbay.sinks.mending import Held
from afterbay.sinks.options import Expiry, SinkOptions

if TYPE_CHECKING:
    from afterbay.core.pattern import Pattern

__all__ = ["DAMAGES", "Finding", "Kind", "Promise", "is_token"]

EXPIRY_OLDEST_S = 5 * 365 * 24 * 3600
"""An expiry further back is taken for a mistake, by the service too: such an item is never removed (S66)."""


class Kind(StrEnum):
    """How a key differs. The first four are damage; the others are told and do not count."""

    MISSING = "missing"
    """The table has an item that the sink should show and does not."""
    EXTRA = "extra"
    """The sink shows an item that the table has not, or that ``where`` leaves out."""
    STALE = "stale"
    """Both have it and differ, and the stream has a change that is newer than the sink's token."""
    DIFFERENT = "different"
    """Both have it and differ, and no change on the way explains it."""
    KEPT = "kept"
    """The table's item expired, and the sink keeps it, as ``ttl=skip`` says."""
    EXPIRING = "expiring"
    """The item is past its time to live, still in the table and gone from a sink that mirrors expiries."""


DAMAGES = (Kind.MISSING, Kind.EXTRA, Kind.STALE, Kind.DIFFERENT)


@dataclass(frozen=True, slots=True)
class Finding:
    """``attributes`` are the names of those that differ, in order. ``reason`` says what the kind does not."""

    kind: Kind
    attributes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a sink promises to show of its table: ``options`` and ``where`` of its address, over a table with these keys
    and this TTL attribute (None: TTL is off)."""

    keys: frozenset[str]
    options: SinkOptions = field(default_factory=SinkOptions)
    where: Pattern | None = None
    ttl_attribute: str | None = None

    def shown(self, image: TypedItem | None) -> dict[str, object] | None:
        """What a reader of the sink finds for a table's item; None: nothing."""
        if image is None or (self.where is not None and not self.where.matches(image)):
            return None
        return plain_item(decode_item(self.options.project(image, self.keys)))

    def compare(self, image: TypedItem | None, held: Held, *, now_s: float) -> Finding | None:
        """How the sink's side differs from the table's; None: not at all. ``now_s`` is the service's time."""
        shown = self.shown(image)
        if held.item is None or shown is None:
            return self._one_sided(image, shown, held, now_s)
        attributes = _unlike(shown, held.item)
        if attributes:
            return Finding(Kind.DIFFERENT, attributes)
        if held.token is not None and not is_token(held.token):
            # The items are equal, but the guard has nothing that it can compare a change with (E2, E5).
            return Finding(Kind.DIFFERENT, (), "its token is none" if held.token else "stored without a token")
        return None

    def _one_sided(
        self, image: TypedItem | None, shown: dict[str, object] | None, held: Held, now_s: float
    ) -> Finding | None:
        if shown is not None:
            if self.options.ttl is Expiry.MIRROR and self._expired(plain_item(decode_item(image or {})), now_s):
                return Finding(Kind.EXPIRING)
            return Finding(Kind.MISSING, (), "never written" if held.token is None else "deleted in the sink")
        if held.item is None:
            return None
        if image is not None:
            return Finding(Kind.EXTRA, (), "the table's item does not match where=")
        if self.options.ttl is Expiry.SKIP and self._expired(held.item, now_s):
            return Finding(Kind.KEPT)
        return Finding(Kind.EXTRA, (), "the table has no such item")

    def _expired(self, item: Mapping[str, object], now_s: float) -> bool:
        expires_s = item.get(self.ttl_attribute) if self.ttl_attribute is not None else None
        if isinstance(expires_s, bool) or not isinstance(expires_s, int | Decimal):
            return False
        return now_s - EXPIRY_OLDEST_S < expires_s < now_s


def is_token(text: str) -> bool:
    """Whether a stored token is one that the guard can compare (E2)."""
    if text == LOWEST_TOKEN:
        return True
    try:
        SequenceToken.parse(text)
    except (RecordError, SettingsError):
        return False
    return True


def _unlike(one: Mapping[str, object], other: Mapping[str, object]) -> tuple[str, ...]:
    """The attributes that only one of them has, or that differ (S101)."""
    names = sorted(one.keys() | other.keys())
    return tuple(
        name
        for name in names
        if name not in one or name not in other or not equal(cast("Value", one[name]), cast("Value", other[name]))
    )
