"""What a user's function makes of a change on its way into a sink: another item under the same key, or none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TypeAlias

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.rewrite import rewritten
from afterbay.core.change.value import encode_item, same_value
from afterbay.core.change.view import ChangeKind
from afterbay.core.guard import Kind, Verdict
from afterbay.errors import RecordError
from afterbay.handler.poison import Poison

__all__ = ["Transform", "transformed"]

Transform: TypeAlias = Callable[[ChangeRecord], Mapping[str, object] | None]

log = logging.getLogger("afterbay.handler")


def transformed(change: ChangeRecord, transform: Transform) -> ChangeRecord | Verdict:
    """The change that the sink is to apply: ``transform``'s item as the new image, a removal where it says None.

    A removal needs no item: ``transform`` is not asked. Key attributes are added where the item has none. What fails
    is that record's own failure: poison for ``Poison`` and for an item that no table could hold, else retryable.
    """
    if change.kind is ChangeKind.REMOVE:
        return change
    try:
        item = transform(change)
        return rewritten(change, None if item is None else _keyed(item, change))
    except Poison as poison:
        return Verdict(Kind.POISON, f"transform: {poison}")
    except RecordError as wrong:
        return Verdict(Kind.POISON, f"transform: {wrong}")
    except Exception as failure:  # the user's code: whatever it raises is this record's failure
        log.error("transform failed", extra={"sequence_number": str(change.sequence_number)}, exc_info=failure)
        return Verdict(Kind.RETRYABLE, f"transform: {type(failure).__name__}")


def _keyed(item: Mapping[str, object], change: ChangeRecord) -> dict[str, object]:
    if not isinstance(item, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # the user's code: it may be anything
        raise RecordError(f"a transform makes an item (a dict) or None, not {type(item).__name__}")
    typed = encode_item(item)
    for name, value in change.keys_typed.items():
        if not same_value(typed.setdefault(name, value), value):
            raise RecordError("a transform cannot change the key: guard and item would part", path=name)
    return typed
