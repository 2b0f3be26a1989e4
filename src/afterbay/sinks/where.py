"""``where=`` of a sink: a pattern on the item, and what happens to a change whose item does not match it.

Decides whether a sink wants an item. Leaving the filter is a removal with the change's own token (E6), so whatever is
replayed, the sink ends with just the matching items of the table. Patterns are loaded when one is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

import msgspec

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.rewrite import rewritten
from afterbay.core.change.scalar import DECODERS
from afterbay.core.change.value import TypedItem, decode_item
from afterbay.core.change.view import ChangeKind
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import RecordError, SettingsError
from afterbay.sinks.mending import Held, Mend, mendable

if TYPE_CHECKING:
    from afterbay.core.pattern import Pattern
    from afterbay.ports import Sink
    from afterbay.sinks.live import LiveItem, ReadableSink

    Where: TypeAlias = str | Mapping[str, object] | Pattern

    class GuardedStore(Sink, ReadableSink, Protocol):
        """A sink that can be written and read back."""


__all__ = ["WhereSink", "matches", "read_where"]

_TYPE_TAGS = frozenset((*DECODERS, "L", "M"))
_RECORD_MEMBERS = ("NewImage", "OldImage", "Keys")


class WhereSink:
    """``inner`` with the items that match ``where``, and no others."""

    def __init__(self, inner: GuardedStore, where: Pattern) -> None:
        self.inner = inner
        self.where = where

    def __str__(self) -> str:
        return str(self.inner)

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]:
        """As ``inner`` does; an item that does not match is written as a tombstone, whose verdict is ``applied``."""
        routed = [_routed(change, self.where) for change in changes]
        told = iter(self.inner.apply([one for one in routed if isinstance(one, ChangeRecord)]))
        return [one if isinstance(one, Verdict) else next(told) for one in routed]

    def read_live(self) -> Iterator[LiveItem]:
        return self.inner.read_live()

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        return mendable(self.inner).look_up(keys)

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """As ``inner`` does; an item that does not match is not to be there."""
        wanted = [self.wants(one.image) for one in mends]
        return mendable(self.inner).mend(
            [one if wants else replace(one, image=None) for one, wants in zip(mends, wanted, strict=True)]
        )

    def wants(self, image: TypedItem | None) -> bool:
        """Whether an item, in typed JSON, is one of this sink's."""
        return image is not None and self.where.matches(image)

    def close(self) -> None:
        self.inner.close()


def matches(change: ChangeRecord, where: Pattern) -> bool:
    """Does the sink take this change as it is? False: the item is not, or no longer, one of the sink's.

    A removal is taken as it is, an expiry too; so is a change whose new image the stream hides, for the sink to say so.
    Raises ``RecordError`` for an image that is broken, which must not be taken for an item that left.
    """
    if change.kind is ChangeKind.REMOVE:
        return True
    image = change.new_typed
    if image is None or where.matches(image):
        return True
    decode_item(image, "dynamodb.NewImage")
    return False


def read_where(where: Where, origin: str) -> Pattern:
    """A filter on an item in DynamoDB's typed JSON, from a pattern, its dict or its JSON text. A mapping's filter that
    is of ``dynamodb.NewImage`` alone means the same.

    ``origin`` is what an error names: the address or the variable. Raises ``SettingsError`` with the pattern's own
    reason, and for a pattern that no item can match: it would empty the sink.
    """
    from afterbay.core.pattern import Pattern, PatternError
    from afterbay.core.pattern.operators import EqualsNumber, Numeric

    try:
        pattern = where if isinstance(where, Pattern) else Pattern(_of_item(where), dialect="mapping")
    except PatternError as wrong:
        raise SettingsError(f"{origin}: {_at(wrong.path)}{wrong.message}", hint=wrong.hint) from wrong
    for alternative in pattern.alternatives:
        for path, leaves in alternative.items():
            _refuse_path(path, origin)
            if all(isinstance(leaf.test, EqualsNumber | Numeric) for leaf in leaves):
                raise SettingsError(
                    f"{origin}: {path}: no item matches a number, since an image spells its numbers as text (R76)",
                    hint='list the texts, as in {"total":{"N":["100"]}}',
                )
    return pattern


def _of_item(where: str | Mapping[str, object]) -> str | Mapping[str, object]:
    """The part of a mapping's filter that is about the item, where it is about nothing else; else what was given."""
    if isinstance(where, str):
        try:
            whole = msgspec.json.decode(where)
        except (msgspec.DecodeError, RecursionError):
            return where  # refused with the pattern's own reason
    else:
        whole = where
    for name in ("dynamodb", "NewImage"):
        if not isinstance(whole, Mapping) or list(cast("Mapping[str, object]", whole)) != [name]:
            return where
        whole = cast("Mapping[str, object]", whole)[name]
    return cast("Mapping[str, object]", whole) if isinstance(whole, Mapping) else where


def _refuse_path(path: str, origin: str) -> None:
    """Refuse a path that leads to no value of an item. A name may hold dots, so any tag behind the first will do."""
    first, *names = path.split(".")
    if first == "dynamodb" and names and names[0] in _RECORD_MEMBERS:
        raise SettingsError(
            f"{origin}: {path}: the pattern is of the item, not of the stream's record",
            hint='begin at the attributes, as in {"status":{"S":["SHIPPED"]}}',
        )
    if not any(name in _TYPE_TAGS for name in names):
        raise SettingsError(
            f"{origin}: {path}: no item matches, since the attribute's type is missing (R74)",
            hint='write it as an image does, as in {"status":{"S":["SHIPPED"]}}',
        )


def _routed(change: ChangeRecord, where: Pattern) -> ChangeRecord | Verdict:
    try:
        return change if matches(change, where) else rewritten(change, None)
    except RecordError as broken:
        return Verdict(Kind.POISON, str(broken))


def _at(path: str) -> str:
    return f"{path}: " if path else ""
