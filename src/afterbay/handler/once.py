"""Effects that add up (totals, e-mails), made once for each change however often it comes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from afterbay.core.change.record import ChangeRecord
from afterbay.errors import SettingsError
from afterbay.sinks.ledgers.ledger import Intent, Ledger, ledger_row

if TYPE_CHECKING:
    from afterbay.sinks.ledgers.address import AnyLedger

__all__ = ["ledger", "once"]

Transaction = TypeVar("Transaction")


@overload
def once(
    change: ChangeRecord, ledger: Ledger[Transaction], *, external: Literal[False] = False
) -> AbstractContextManager[Transaction | None]: ...


@overload
def once(
    change: ChangeRecord, ledger: Ledger[Transaction], *, external: Literal[True]
) -> AbstractContextManager[Intent | None]: ...


def once(
    change: ChangeRecord, ledger: Ledger[Transaction], *, external: bool = False
) -> AbstractContextManager[Transaction | Intent | None]:
    """Around an effect: ``with once(change, ledger) as transaction: if transaction: ...``.

    ``transaction`` is what the effect is to be made in (a connection's open transaction, or the items of a DynamoDB
    transaction), None where this change has had its effect. The row that says so is written in the same transaction: a
    crash leaves both or neither. An exception in the block undoes both.

    ``external``: the effect is outside (an e-mail, a payment), where no transaction reaches. An ``Intent`` is noted
    down first, then the effect is made under ``intent.key``, then that is noted. After a crash in between the change
    comes again with ``intent.again``: the same key lets the other side refuse a second one.

    Raises ``RecordError`` for a change without a readable key or number, ``SettingsError`` for what is no change or no
    ledger.
    """
    if not isinstance(change, ChangeRecord):  # pyright: ignore[reportUnnecessaryIsInstance] # a person's code
        raise SettingsError(
            f"once() takes a change, not {type(change).__name__}",
            hint="as afterbay.each and afterbay.changes(event) give them",
        )
    if not isinstance(ledger, Ledger):  # pyright: ignore[reportUnnecessaryIsInstance] # a person's code
        raise SettingsError(
            f"once() takes a ledger, not {type(ledger).__name__}",
            hint='as in afterbay.ledger("sqlite:///totals.db?table=counted")',
        )
    row = ledger_row(change)
    return ledger.intent(row) if external else ledger.once(row)


def ledger(address: str) -> AnyLedger:
    """The ledger that one address names: ``sqlite:///FILE?table=T``, ``postgresql://USER@HOST/DB?table=T`` or
    ``dynamodb://TABLE?region=R``. One ledger for each kind of effect. Raises ``SettingsError``."""
    from afterbay.sinks.ledgers.address import open_ledger

    return open_ledger(address)
