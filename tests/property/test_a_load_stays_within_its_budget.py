"""Whatever pages cost and whenever that is known: in any stretch of time no more is let go than the rate allows."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from afterbay.backfill.budget import Budget

LOOK_S = 0.05


@dataclass
class Page:
    """``used`` is known ``takes_s`` after the start; until then ``known`` is what was reserved."""

    reserved: float
    used: float
    takes_s: float
    idle_s: float
    start: float = 0.0
    known: float = 0.0


PAGES = st.lists(
    st.builds(Page, st.floats(1, 256), st.floats(0, 300), st.floats(0, 3), st.floats(0, 2)), min_size=1, max_size=40
)


def let_go(rate: float, pages: list[Page]) -> None:
    """Let all pages go as soon as they may, and hold every stretch that ends at a start against the rate."""
    budget, now = Budget(rate), 0.0
    unsettled: list[tuple[float, int]] = []
    charges = []

    def settle_until(moment: float) -> None:
        while unsettled and unsettled[0][0] <= moment:
            at, number = heapq.heappop(unsettled)
            pages[number].known = pages[number].used
            budget.settle(charges[number], pages[number].used, at)

    for number, page in enumerate(pages):
        now += page.idle_s
        settle_until(now)
        while (wait_s := budget.wait_s(now)) > 0:
            now += min(max(wait_s, 0.001), LOOK_S)
            settle_until(now)
        spent = 0.0
        for earlier in reversed(pages[:number]):
            spent += earlier.known
            assert spent <= rate * (now - earlier.start) + 1e-6, "what was let go is paid"
        page.start, page.known = now, page.reserved
        charges.append(budget.start(page.reserved, now))
        heapq.heappush(unsettled, (now + page.takes_s, number))


@given(rate=st.floats(1, 2_000), pages=PAGES)
def test_a_load_stays_within_its_budget(rate: float, pages: list[Page]) -> None:
    """So w seconds, whichever they are, have rate x w units and the one page that is let go at their end."""
    let_go(rate, pages)
    assert all(earlier.start <= later.start for earlier, later in itertools.pairwise(pages))
