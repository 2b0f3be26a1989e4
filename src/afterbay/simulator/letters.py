"""The way of a dead letter in virtual time: stored, sent, tried again; as ``engine/outbox.py`` does it.

The outbox survives a crash; what was being sent does not know whether it arrived.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from afterbay.core.mapping.deadletter import Letter, document
from afterbay.core.mapping.retry import backoff_s
from afterbay.simulator.coverage import Coverage
from afterbay.simulator.timeline import Timeline
from afterbay.simulator.world import US, DestinationPlan
from afterbay.stores.memory import MemoryStore

__all__ = ["LetterName", "Letters", "named"]

SENDING_MAX = 16
LATENCY_US = (1_000, 40_000)


LetterName = tuple[str, str, int, int]
"""A letter: its shard and request id, and its first and last position. Two that differ in any of them are two."""


def named(letter: Letter) -> LetterName:
    return (letter.shard, letter.request_id, letter.first, letter.last)


class Letters:
    """``arrived``: how many records each letter that came to its destination names."""

    def __init__(
        self, plan: DestinationPlan, store: MemoryStore, time: Timeline, rng: Random, coverage: Coverage
    ) -> None:
        self._plan, self._store, self._time, self._rng, self._coverage = plan, store, time, rng, coverage
        self.arrived: dict[LetterName, int] = {}
        self._again_us: dict[int, int] = {}
        self._sending: set[int] = set()

    def process_started(self) -> None:
        self._again_us.clear()
        self._sending.clear()
        self.flush()

    def put(self, letter: Letter, stored: Callable[[], None]) -> None:
        """Call ``stored`` at the moment in which the letter is durable, however long there is no room for it."""
        if not self._store.store_letter(letter, outbox_max=self._plan.letters_max):
            self._coverage.hit("outbox: full")
            self._time.after(US, partial(self.put, letter, stored))
            return
        stored()
        self._time.after(self._rng.uniform(*LATENCY_US), self.flush)

    def flush(self) -> None:
        """Send what is due; what fails has its next turn later (R117, ours: never dropped)."""
        for entry in self._store.outbox(limit=SENDING_MAX):
            if entry.number in self._sending or self._again_us.get(entry.number, 0) > self._time.now_us:
                continue
            if self._is_down():
                self._failed(entry.number, entry.tries)
            else:
                self._send(entry.number, entry.letter)

    def _send(self, number: int, letter: Letter) -> None:
        """It arrives now; that it did is known a moment later."""
        document(letter, self._time.now)
        key = named(letter)
        if key in self.arrived:
            self._coverage.hit("outbox: sent twice under one request id")
        self.arrived[key] = letter.count
        self._sending.add(number)
        self._time.after(self._rng.uniform(*LATENCY_US), partial(self._sent, number))

    def _sent(self, number: int) -> None:
        self._sending.discard(number)
        self._store.letter_sent(number)
        if self._store.outbox_size():
            self.flush()

    def _failed(self, number: int, tries: int) -> None:
        self._coverage.hit("outbox: not delivered")
        self._store.letter_failed(number, "unavailable")
        pause_us = int(backoff_s(tries + 1) * US)
        self._again_us[number] = self._time.now_us + pause_us
        self._time.after(pause_us, self.flush)

    def _is_down(self) -> bool:
        plan = self._plan
        return plan.lost or plan.down_from_us <= self._time.now_us < plan.down_to_us

    @property
    def all_sent(self) -> bool:
        """True when nothing waits that can ever be sent."""
        return self._plan.lost or not self._store.outbox_size()

    def waiting(self) -> dict[LetterName, int]:
        """What is stored and not known to have arrived."""
        entries = self._store.outbox(limit=self._store.outbox_size())
        return {named(entry.letter): entry.letter.count for entry in entries}
