"""The four stream view types: what each shows of a change, and what it hides (S60, R134)."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

__all__ = ["ChangeKind", "ViewType"]

T = TypeVar("T")


class ChangeKind(StrEnum):
    """What happened to the item (S59, S62)."""

    INSERT = "INSERT"
    MODIFY = "MODIFY"
    REMOVE = "REMOVE"

    @property
    def has_old(self) -> bool:
        """True where there was an item before."""
        return self is not ChangeKind.INSERT

    @property
    def has_new(self) -> bool:
        """True where there is an item afterwards."""
        return self is not ChangeKind.REMOVE


class ViewType(StrEnum):
    """``StreamViewType`` of a stream; fixed for its life."""

    KEYS_ONLY = "KEYS_ONLY"
    NEW_IMAGE = "NEW_IMAGE"
    OLD_IMAGE = "OLD_IMAGE"
    NEW_AND_OLD_IMAGES = "NEW_AND_OLD_IMAGES"

    def shows_new(self, kind: ChangeKind) -> bool:
        return kind.has_new and self in (ViewType.NEW_IMAGE, ViewType.NEW_AND_OLD_IMAGES)

    def shows_old(self, kind: ChangeKind) -> bool:
        return kind.has_old and self in (ViewType.OLD_IMAGE, ViewType.NEW_AND_OLD_IMAGES)

    def images(self, kind: ChangeKind, *, old: T | None, new: T | None) -> dict[str, T]:
        """The image members of a record, by name: an image that the view hides, or that is not there, has no member.

        ``old`` and ``new`` are the item before and after; an item with only a key is an image all the same (S61).
        """
        shown: dict[str, T] = {}
        if new is not None and self.shows_new(kind):
            shown["NewImage"] = new
        if old is not None and self.shows_old(kind):
            shown["OldImage"] = old
        return shown
