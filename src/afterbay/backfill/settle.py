"""Second looks: keys that differ are looked at again until they agree or have had their time (E15).

Decides when a difference counts. Where the two sides are read is the caller's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from afterbay.backfill.compare import Finding
from afterbay.backfill.notebook import Notebook, Sighting, Suspect

__all__ = ["Differing", "Look", "Pace", "Settled", "Sides", "look_again", "settle"]

PAUSE_S = 0.25
PAUSE_S_MAX = 2.0

MANY = 500
"""More keys than this are looked at once more, when the time is over: each look costs a read on both sides."""


@dataclass(frozen=True, slots=True)
class Differing:
    """How the sides of a key differ, what tells whether they move, and the sink's token."""

    finding: Finding
    sighting: Sighting
    token: str | None

    def suspect(self, key: str, since_s: float, *, decided: bool = False) -> Suspect:
        """As the notebook has it after a first look."""
        return Suspect(key, since_s, self.sighting, self.finding, self.token, decided=decided)


@dataclass(frozen=True, slots=True)
class Look:
    """A key on both sides, the sink read first. ``differing`` None: they agree."""

    key: str
    differing: Differing | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Time as it passes; tests bring their own."""

    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Settled:
    """Keys that agreed at a later look, and keys that kept moving on both sides: neither is a difference."""

    agreed: int = 0
    in_flight: int = 0


class Sides(Protocol):
    """Both sides of keys (canonical text)."""

    async def look_at(self, keys: Sequence[str]) -> list[Look]:
        """In the order of the keys: the sink first, then the table."""
        ...

    async def refresh(self) -> None:
        """What is looked at from here on is no older than this call."""
        ...


async def settle(notebook: Notebook, sides: Sides, *, wait_s: float, pace: Pace, looks_many: int = MANY) -> Settled:
    """Look at every suspect again until it agrees, or ``wait_s`` are over since its first look; leave in the notebook
    those that count.

    A difference counts if one side has not moved in that time. Then the change that explains it has had ``wait_s`` to
    arrive: either the table has had its item for so long, or nothing was applied to the sink's for so long. Keys that
    moved on both sides are on their way. More than ``looks_many`` keys are looked at only once.
    """
    agreed = in_flight = 0
    pause_s = PAUSE_S
    if notebook.count() > looks_many:
        await pace.pause(max(0.0, notebook.last_since_s() + wait_s - pace.monotonic()))
    while True:
        next_due_s: float | None = None
        now_s = pace.monotonic()
        await sides.refresh()
        for page in notebook.suspects():
            open_ = [one for one in page if not one.decided]
            told = look_again(open_, await sides.look_at([one.key for one in open_]))
            ended = [one.key for one in open_ if one.key not in told]
            agreed += len(ended)
            for one in told.values():
                due_s = one.since_s + wait_s
                if now_s < due_s:
                    next_due_s = due_s if next_due_s is None else min(next_due_s, due_s)
                    notebook.suspect([one])
                elif one.table_moved and one.sink_moved:
                    in_flight += 1
                    ended.append(one.key)
                else:
                    notebook.suspect([replace(one, decided=True)])
            notebook.clear(ended)
        if next_due_s is None:
            return Settled(agreed, in_flight)
        await pace.pause(max(0.0, min(pause_s, next_due_s - pace.monotonic())))
        pause_s = min(2 * pause_s, PAUSE_S_MAX)


def look_again(suspects: Sequence[Suspect], looks: Sequence[Look]) -> dict[str, Suspect]:
    """The suspects that still differ, by key, with what a new look tells of them."""
    told: dict[str, Suspect] = {}
    for one, look in zip(suspects, looks, strict=True):
        assert one.key == look.key, "looks are in the order of the keys"
        now = look.differing
        if now is not None:
            told[one.key] = replace(
                one,
                finding=now.finding,
                token=now.token,
                table_moved=one.table_moved or now.sighting.table != one.first.table,
                sink_moved=one.sink_moved or now.sighting.sink != one.first.sink,
            )
    return told
