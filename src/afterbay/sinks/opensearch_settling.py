"""What the answers to a batch's requests make of its changes: a final verdict, or another try after a pause.

Decides; asks and writes nothing. Tries, races and pauses are bounded here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from afterbay.core.guard import Kind, Verdict
from afterbay.errors import (
    DeniedError,
    NotFoundError,
    ServiceError,
    SettingsError,
    ThrottledError,
    UnavailableError,
)
from afterbay.sinks.opensearch_bulk import Row, RowKind
from afterbay.sinks.opensearch_changes import DocumentChanges, Plan
from afterbay.sinks.opensearch_cluster import TIMED_OUT

__all__ = ["Settling"]

TRIES_MAX = 5
"""Tries of one document while the cluster is busy or away: about two seconds with the pauses between them."""

RACES_MAX = 20
"""Writes tried for one document while other writers keep changing it: of those that meet, one gets through each
time."""

_PAUSE_S = 0.1
_RACE_PAUSE_S = 0.02

_PASSING = (DeniedError, NotFoundError, ThrottledError, UnavailableError)
"""What waiting or an operator mends."""


class Settling:
    """The verdicts of one batch as they become final. Each method answers the documents that are to be tried again."""

    def __init__(self, verdicts: Mapping[int, Verdict], shown: str) -> None:
        self.verdicts = dict(verdicts)
        self._shown = shown

    def settle(self, one: DocumentChanges, plan: Plan, rows: Mapping[int, Row]) -> list[DocumentChanges]:
        """After a request that was answered."""
        row = None if plan.write is None else rows[plan.write.place]
        if plan.write is None or row is None or row.kind is RowKind.DONE:
            self.verdicts.update(plan.verdicts)
            return []
        reason = f"{self._shown}: {row.reason}"
        if row.kind is RowKind.REFUSED:
            if one.taken_for_new:  # the mapping is asked before the condition: a stale change is no poison (E5)
                one.taken_for_new, one.pause_s = False, 0.0
                return [one]
            return self.refuse(one, plan.write.place, reason)
        if row.kind is not RowKind.RACED:
            return self._again(one, reason)
        if one.taken_for_new:
            one.taken_for_new, one.pause_s = False, 0.0
            return [one]
        one.races += 1
        one.pause_s = random.uniform(0, _RACE_PAUSE_S * one.races)
        if one.races < RACES_MAX:
            return [one]
        return self._give_up(one, f"{self._shown}: other writers keep changing the document")

    def fail(self, portion: Sequence[DocumentChanges], fault: ServiceError) -> list[DocumentChanges]:
        """After a request that failed as a whole. What came of it is not known, and need not be: the next try reads
        (E9). Raises ``SettingsError`` for what the cluster will refuse each time."""
        if not isinstance(fault, _PASSING):
            raise SettingsError(str(fault), hint="the cluster refuses what this sink asks of it") from fault
        if isinstance(fault, DeniedError) or fault.code == TIMED_OUT:
            return [again for one in portion for again in self._give_up(one, str(fault))]
        return [again for one in portion for again in self._again(one, str(fault))]

    def refuse(self, one: DocumentChanges, place: int, reason: str) -> list[DocumentChanges]:
        """The index will never take the change at ``place``; those before and after it are tried without it."""
        self.verdicts[place] = Verdict(Kind.POISON, reason)
        one.entries = [(index, entry) for index, entry in one.entries if index != place]
        one.pause_s = 0.0
        return [one] if one.entries else []

    def _again(self, one: DocumentChanges, reason: str) -> list[DocumentChanges]:
        one.taken_for_new = False
        one.tries += 1
        one.pause_s = _PAUSE_S * 2 ** (one.tries - 1) * random.uniform(0.75, 1.25)
        return [one] if one.tries < TRIES_MAX else self._give_up(one, reason)

    def _give_up(self, one: DocumentChanges, reason: str) -> list[DocumentChanges]:
        self.verdicts.update({index: Verdict(Kind.RETRYABLE, reason) for index, _ in one.entries})
        return []
