"""Order and duplicates, put right for one item of a source that promises neither: Kinesis Data Streams for DynamoDB.

Decides which of an item's arrivals move its state on, by their time and, among equal times, by their images (S93, S94).
Where the state is kept between two arrivals is for whoever keeps the item.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from afterbay.core.change.view import ChangeKind

__all__ = ["Arrival", "Fate", "ItemOrder", "Settled"]

HELD_MAX = 64
"""Arrivals of one item and one time that wait for the one before them. Beyond it the oldest stops waiting."""


class Fate(Enum):
    """What becomes of an arrival. ``UNORDERED`` applies like ``APPLIED``, but nothing says that it is its turn
    (S94 d)."""

    APPLIED = "applied"
    UNORDERED = "applied, order unknown"
    STALE = "ts below watermark"
    DUPLICATE = "same time, event name and images"
    PAST = "a tied record that follows it was applied before"

    @property
    def applies(self) -> bool:
        return self in (Fate.APPLIED, Fate.UNORDERED)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record as it came. ``time_us`` is its creation time in microseconds, whatever its precision was (S88).

    ``old`` and ``new`` stand for the images: digests, or any values that are equal where the images are; None: no
    image.
    """

    event_id: str
    kind: ChangeKind
    time_us: int
    old: object
    new: object

    def same(self, other: Arrival) -> bool:
        """True for the same change of the item; nothing says that a duplicate keeps its eventID (S95)."""
        return (self.kind, self.old, self.new) == (other.kind, other.old, other.new)


@dataclass(frozen=True, slots=True)
class Settled:
    arrival: Arrival
    fate: Fate


class ItemOrder:
    """Where one item stands: the time and the image of what was applied last.

    ``image`` is None after a REMOVE, which is kept as a tombstone for at least the stream's retention (S93);
    ``time_us`` None: nothing was applied yet.

    ``chain`` holds the records of that time in the order that their images give, ``held`` those of it that wait until
    ``held_until_s`` (by the reader's clock) for one before them.
    """

    def __init__(self, time_us: int | None = None, image: object = None) -> None:
        self.time_us = time_us
        self.image = image
        self.chain: list[Arrival] = []
        self.held: list[Arrival] = []
        self.held_until_s: float | None = None

    @property
    def token(self) -> str:
        """The order token of the state: sixteen digits of microseconds and a tie counter; no Streams token (S93)."""
        return f"{self.time_us or 0:016d}/{len(self.chain):04d}"

    def take(self, arrival: Arrival, now_s: float, *, reorder_window_s: float) -> list[Settled]:
        """Absorb one arrival; say what became of it, and of what waited for it. Nothing: it waits itself.

        Rules: S93 later applies and earlier does not, S94 how equal times are told apart.
        """
        if self.time_us is None or arrival.time_us > self.time_us:
            given_up = [Settled(one, Fate.STALE) for one in self.held]  # they can only be older than this one
            self.chain, self.held, self.held_until_s = [], [], None
            return [*given_up, self._apply(arrival, Fate.APPLIED)]
        if arrival.time_us < self.time_us:
            return [Settled(arrival, Fate.STALE)]
        if any(arrival.same(known) for known in (*self.chain, *self.held)):
            return [Settled(arrival, Fate.DUPLICATE)]
        self.held.append(arrival)
        settled = self._look_again()
        if self.held and self.held_until_s is None:
            self.held_until_s = now_s + reorder_window_s
        return settled if len(self.held) <= HELD_MAX else [*settled, *self._apply_oldest()]

    def woke(self, now_s: float) -> list[Settled]:
        """Apply what has waited for its turn long enough, in the order of arrival (S94 d)."""
        settled: list[Settled] = []
        while self.held_until_s is not None and now_s >= self.held_until_s:
            settled += self._apply_oldest()
        return settled

    def _apply_oldest(self) -> list[Settled]:
        return [self._apply(self.held.pop(0), Fate.UNORDERED), *self._look_again()]

    def _look_again(self) -> list[Settled]:
        """Settle whatever of ``held`` can be: its turn has come (S94 b), or turns out to be over (S94 c)."""
        settled: list[Settled] = []
        while (found := self._settle_one()) is not None:
            settled.append(found)
        if not self.held:
            self.held_until_s = None
        return settled

    def _settle_one(self) -> Settled | None:
        for turn, waiting in enumerate(self.held):
            if waiting.old == self.image:
                return self._apply(self.held.pop(turn), Fate.APPLIED)
            for follower, known in enumerate(self.chain):
                if known.old == waiting.new:
                    self.chain.insert(follower, self.held.pop(turn))
                    return Settled(waiting, Fate.PAST)
        return None

    def _apply(self, arrival: Arrival, fate: Fate) -> Settled:
        self.time_us, self.image = arrival.time_us, arrival.new
        self.chain.append(arrival)
        return Settled(arrival, fate)
