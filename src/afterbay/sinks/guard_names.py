"""Attributes that a guard adds to items: their names, and what to do with an item that has one of them itself (E11)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from afterbay.errors import RecordError, SettingsError

__all__ = ["GuardNames", "refuse_name", "without_guard"]


@dataclass(frozen=True, slots=True)
class GuardNames:
    """What the guard's attributes are called in the sink's items (E11)."""

    token: str = "_tok"
    deleted: str = "_deleted"
    expires: str = "_expires"

    def __post_init__(self) -> None:
        if len(set(self.all)) != 3 or not all(self.all):
            raise SettingsError(f"the guard needs three different attribute names, not {', '.join(self.all)}")

    @property
    def all(self) -> tuple[str, str, str]:
        return (self.token, self.deleted, self.expires)

    def refuse_in(self, item: Container[str]) -> None:
        """An attribute of the source must not be overwritten by the guard, nor be taken for it (E11)."""
        for name in self.all:
            refuse_name(name, item, "name the sink's own attributes otherwise (GuardNames)")


def refuse_name(name: str, item: Container[str], otherwise: str) -> None:
    """Raises ``RecordError`` where the source has an attribute of that name: it must not be overwritten, nor be taken
    for the guard's. ``otherwise`` is the hint's second half: what to do instead of leaving it out."""
    if name in item:
        raise RecordError(
            f"the item has an attribute {name!r}, a name that the sink keeps for itself (E11)",
            path=f"dynamodb.NewImage.{name}",
            hint=f"leave it out (without={name}), or {otherwise}",
        )


def without_guard(item: Mapping[str, object], names: GuardNames) -> dict[str, object]:
    """What is the source's in a stored item."""
    return {name: value for name, value in item.items() if name not in names.all}
