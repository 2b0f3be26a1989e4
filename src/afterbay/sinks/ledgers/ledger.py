"""What every ledger does, whatever keeps its rows: effects that add up happen once (the last row of the E-table).

A row is a change (E4), not a key: a change that comes late, after newer ones of its item, still has its effect to make.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.sequence import idempotency_key

__all__ = ["Intent", "Ledger", "LedgerRow", "ledger_row"]

Transaction_co = TypeVar("Transaction_co", covariant=True)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """``key`` is the change's idempotency key (E4), ``created_s`` when it happened: rows are kept for as long as a
    replay may come, counted from there."""

    key: str
    created_s: float


@dataclass(frozen=True, slots=True)
class Intent:
    """An effect outside of any transaction, noted down before it is made.

    ``key`` goes along with the effect, so that the other side can tell a second try. ``again``: an earlier try began,
    and how it ended nobody noted.
    """

    key: str
    again: bool


@runtime_checkable
class Ledger(Protocol[Transaction_co]):
    """Both give None for a change that is done. An exception in the ``with`` block leaves the change undone."""

    def once(self, row: LedgerRow) -> AbstractContextManager[Transaction_co | None]:
        """The transaction in which the effect is to be made. Row and effect are there together, or neither is."""
        ...

    def intent(self, row: LedgerRow) -> AbstractContextManager[Intent | None]:
        """Note the intent, let the effect be made, note that it was."""
        ...


def ledger_row(change: ChangeRecord) -> LedgerRow:
    """Raises ``RecordError``. An image of a backfill has no number: it is one change per item (E13)."""
    return LedgerRow(idempotency_key(change.keys_typed, change.token), change.created_s)
