"""Virtual time: what is due when, in which life of the process.

A crash begins another life; what an earlier one had planned never happens.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from afterbay.simulator.world import T0

__all__ = ["Timeline"]

_T = TypeVar("_T")

_SURVIVES = -1
"""The life of what no crash takes away."""


class Timeline:
    """Actions in the order of their moments, and of their planning within one. ``planned``: how many of the world's own
    are still to come."""

    def __init__(self) -> None:
        self.now_us = 0
        self.now = T0
        self.planned = 0
        self._life = 0
        self._heap: list[tuple[int, int, int, Callable[[], None]]] = []
        self._pushed = 0

    def plan(self, at_us: int, do: Callable[[_T], None], what: _T) -> None:
        """A part of the world: it happens whatever becomes of the process, and the world is not over before."""
        self.planned += 1
        self.surely(at_us, partial(self._do_planned, do, what))

    def _do_planned(self, do: Callable[[_T], None], what: _T) -> None:
        self.planned -= 1
        do(what)

    def surely(self, at_us: int, action: Callable[[], None]) -> None:
        """Whether the process lives or not."""
        self._push(at_us, action, _SURVIVES)

    def at(self, at_us: int, action: Callable[[], None]) -> None:
        """At a moment, unless the process dies before."""
        self._push(at_us, action, self._life)

    def after(self, delay_us: float, action: Callable[[], None]) -> None:
        self._push(self.now_us + int(delay_us), action, self._life)

    def _push(self, at_us: int, action: Callable[[], None], life: int) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (at_us, self._pushed, life, action))

    def end_life(self) -> None:
        self._life += 1

    def advance(self) -> Callable[[], None] | None:
        """Go to the next action and give it; None when nothing is left."""
        while self._heap:
            at_us, _, life, action = heapq.heappop(self._heap)
            if life in (_SURVIVES, self._life):
                if at_us > self.now_us:
                    self.now_us = at_us
                    self.now = T0 + timedelta(microseconds=at_us)
                return action
        return None
