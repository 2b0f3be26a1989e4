"""Read capacity: how many units a second the load may take from the table, and how large a page may be (E15).

Decides when the next page may be asked for. Moments are seconds of any clock that does not go back, and passed in.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass

from afterbay.errors import SettingsError

__all__ = ["PAGE_UNITS_MAX", "UNIT_BYTES", "Budget", "Charge", "Weights"]

UNIT_BYTES = 4_096
"""What a unit reads with strong consistency; a page is charged by its sum, rounded up once."""

PAGE_UNITS_MAX = 256.0
"""A Scan answers with 1 MB at most."""

PAGES_PER_S = 4
"""A page takes a quarter of a second's budget at most, so that no second has much more than it may."""

HALVE_EVERY_S = 1.0
"""Readers side by side are throttled by one and the same shortage, which counts once."""

RECOVER_S = 10.0
RECOVER_BY = 1.25
"""After so many seconds without a throttle the rate grows by so much, up to what was asked for."""

MEASURED_S = 5.0
RATE_MIN = 1.0
RATE_FIRST = 64.0
"""Taken as what was read lately where that is less: a throttle may meet the very first pages, which say nothing."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A page that was let go: what was reserved for it, and when."""

    number: int
    units: float


class Budget:
    """A token bucket that saves nothing up. ``rate`` in units a second; None: no limit, until the table throttles.

    What a page costs is not known before it was read: ``start`` reserves a guess and ``settle`` corrects it. What was
    too little is paid before the next page; what was too much comes back only while no page was let go since, or it
    would be spent twice in one second. So in any w seconds the pages that are let go cost rate x w and one page at
    most, by what is known of them then, and on the whole not more than ``rate``.
    """

    def __init__(self, rate: float | None = None) -> None:
        if rate is not None and not rate >= RATE_MIN:
            raise SettingsError(
                f"{rate:g} read capacity units a second are too few", where="--rcu", hint="1 or more, as in --rcu 100"
            )
        self._asked = rate
        self._rate = rate
        self._free_s = float("-inf")
        self._grew_s = float("-inf")
        self._throttled_s = float("-inf")
        self._numbers = itertools.count()
        self._newest = -1
        self._used: deque[tuple[float, float]] = deque()

    @property
    def rate(self) -> float | None:
        """Units a second at present; None: no limit."""
        return self._rate

    @property
    def page_units(self) -> float | None:
        """What a page should cost at most; None: there is no limit."""
        return None if self._rate is None else min(PAGE_UNITS_MAX, max(1.0, self._rate / PAGES_PER_S))

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next page may be let go; 0: now. It may become less when a page is settled."""
        self._recover(now_s)
        return max(0.0, self._free_s - now_s)

    def start(self, units: float, now_s: float) -> Charge:
        """Let a page go, for which ``units`` are reserved. Only when nothing is to be waited for."""
        assert self.wait_s(now_s) == 0.0, "a page is let go when its time has come"
        self._newest = next(self._numbers)
        self._free_s = now_s if self._rate is None else now_s + units / self._rate
        return Charge(self._newest, units)

    def settle(self, charge: Charge, used: float, now_s: float) -> None:
        """Say what a page really cost; 0 for one that was not answered."""
        wrong = used - charge.units
        if self._rate is not None and (wrong > 0 or charge.number == self._newest):
            self._free_s += wrong / self._rate
        self._used.append((now_s, used))
        while self._used[0][0] <= now_s - MEASURED_S:
            self._used.popleft()

    def throttled(self, now_s: float) -> None:
        """The table asked to slow down: half as much from now on. Without a limit, half of what was read lately."""
        if now_s - self._throttled_s < HALVE_EVERY_S:
            return
        lately = sum(units for at_s, units in self._used if at_s > now_s - MEASURED_S) / MEASURED_S
        self._rate = max(RATE_MIN, (max(RATE_FIRST, lately) if self._rate is None else self._rate) / 2)
        self._throttled_s = self._grew_s = now_s

    def _recover(self, now_s: float) -> None:
        if self._rate is None or now_s - self._grew_s < RECOVER_S or self._throttled_s == float("-inf"):
            return
        grown = self._rate * RECOVER_BY
        self._rate = grown if self._asked is None else min(self._asked, grown)
        self._grew_s = now_s


class Weights:
    """What an item of the table costs, learnt from the pages that were read.

    ``item_bytes`` is the table's own estimate to begin with; None: it has none, and an item counts a whole unit.
    """

    def __init__(self, item_bytes: float | None = None) -> None:
        self._units = 1.0 if item_bytes is None else max(1.0, item_bytes) / UNIT_BYTES

    def limit(self, units: float) -> int:
        """How many items make a page of ``units``; one at least."""
        return max(1, int(units / self._units))

    def cost(self, items: int) -> float:
        """What a page of so many items will cost, by what is known."""
        return min(PAGE_UNITS_MAX, max(1.0, items * self._units))

    def learn(self, items: int, used: float) -> None:
        """Half the news, half what was known: neither a page of large items nor one of small ones decides alone."""
        if items:
            self._units = max(1 / UNIT_BYTES, (self._units + used / items) / 2)
