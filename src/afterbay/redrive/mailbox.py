"""Where dead letters lie, looked at without taking any away: what both kinds of place can do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from afterbay.redrive.letter import DeadLetter, Place

__all__ = ["LETTERS_MAX", "Contents", "Holding", "Mailbox"]

LETTERS_MAX = 10_000
"""What is read of one place at most: as many as an outbox holds, and each names a whole batch."""


@dataclass(frozen=True, slots=True)
class Contents:
    """``letters`` in no order that means anything. ``not_shown``: how many more the place says it holds: another reader
    has them, they are behind others in their group of a FIFO queue, or beyond ``LETTERS_MAX``."""

    letters: tuple[DeadLetter, ...]
    not_shown: int = 0


@dataclass(frozen=True, slots=True)
class Holding:
    """Which of the letters asked for are there and kept from other readers, and which may come back: another reader has
    them. The rest are gone: somebody has done with them."""

    held: frozenset[Place]
    hidden: frozenset[Place] = frozenset()


class Mailbox(Protocol):
    """One queue, or one prefix of a bucket. Raises ``ServiceError``."""

    @property
    def name(self) -> str: ...

    async def read(self) -> Contents:
        """Every letter that can be seen; all stay where they are."""
        ...

    async def hold(self, places: Collection[Place]) -> Holding:
        """Keep these letters from other readers, for a while."""
        ...

    async def letter(self, place: Place) -> DeadLetter | None:
        """One that is held, whole; None: it is gone."""
        ...

    async def remove(self, place: Place) -> str:
        """A letter is done with; says what became of it. It need not be held any more."""
        ...

    async def release(self) -> None:
        """Give back what is held."""
        ...
