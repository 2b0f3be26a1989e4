"""Real orders, and the life that the demo gives each of them.

Decides what is written, in which order, and what the stream must then say. Writing is ``writing.py``'s.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files

from afterbay.core.change.view import ChangeKind
from afterbay.errors import SettingsError

__all__ = ["Fate", "Life", "Order", "Write", "interleaved", "lives", "read_orders"]

ABREAST = 25
"""Lives under way at once in one writer: enough that a batch mixes many orders, few enough to end one after another."""

EXPIRED_S = 3600
"""How long ago an expiring order's time to live ended when it is written: it is swept, not waited for (S66)."""


class Fate(StrEnum):
    """What becomes of an order."""

    SHIPPED = "placed, paid, shipped"
    CANCELLED = "placed, then deleted"
    EXPIRED = "written already expired, then swept by the table's time to live"
    MALFORMED = "placed, then a bundle with a map for its amount, put right, shipped"


@dataclass(frozen=True, slots=True)
class Order:
    """A line of the file. Quantity and amount are the digits as they stand there."""

    order_id: str
    customer_id: str
    date: str
    quantity: str
    amount_usd: str

    @property
    def pk(self) -> str:
        return f"order#{self.order_id}"


@dataclass(frozen=True, slots=True)
class Write:
    """One write. ``kind`` is what the stream must say of it; ``attributes``, typed, are what it sets beside the key."""

    pk: str
    kind: ChangeKind
    attributes: Mapping[str, Mapping[str, object]]
    poison: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that happens to one order, in order."""

    order: Order
    fate: Fate
    writes: tuple[Write, ...]

    @property
    def kinds(self) -> tuple[ChangeKind, ...]:
        """What the stream must say of the order: our writes, and the sweep where it expires."""
        swept = (ChangeKind.REMOVE,) if self.fate is Fate.EXPIRED else ()
        return (*(write.kind for write in self.writes), *swept)

    @property
    def poison_place(self) -> int | None:
        """Which of ``kinds`` no handler can process."""
        return next((place for place, write in enumerate(self.writes) if write.poison), None)


def read_orders(count: int) -> list[Order]:
    """The first ``count`` orders of the file that comes with the package."""
    with (files("afterbay") / "data" / "cdnow-orders.csv").open(encoding="utf-8") as file:
        orders = [Order(**line) for line in csv.DictReader(file)]
    if not 1 <= count <= len(orders):
        raise SettingsError(
            f"--orders {count}: the file has {len(orders)} orders", hint=f"use 1 to {len(orders)}, or leave it out"
        )
    return orders[:count]


def lives(orders: Sequence[Order], now_s: int) -> list[Life]:
    """A life for each order, chosen by its place in the file; the one in the middle gets the record that is poison."""
    middle = len(orders) // 2
    return [_life(order, _fate(place, middle), now_s) for place, order in enumerate(orders)]


def interleaved(those: Sequence[Life], abreast: int = ABREAST) -> Iterator[Write]:
    """The writes of many lives: in order for each order, mixed among orders."""
    waiting = deque(life.writes for life in those)
    under_way: deque[Iterator[Write]] = deque()
    while waiting or under_way:
        while waiting and len(under_way) < abreast:
            under_way.append(iter(waiting.popleft()))
        life = under_way.popleft()
        write = next(life, None)
        if write is not None:
            yield write
            under_way.append(life)


def _fate(place: int, middle: int) -> Fate:
    if place == middle:
        return Fate.MALFORMED
    match place % 8:
        case 3:
            return Fate.CANCELLED
        case 6:
            return Fate.EXPIRED
        case _:
            return Fate.SHIPPED


def _life(order: Order, fate: Fate, now_s: int) -> Life:
    placed: dict[str, Mapping[str, object]] = {
        "customer": {"S": order.customer_id},
        "placed_on": {"S": order.date},
        "quantity": {"N": order.quantity},
        "amount_usd": {"N": order.amount_usd},
        "status": {"S": "PLACED"},
    }
    insert = Write(order.pk, ChangeKind.INSERT, placed)
    paid = Write(order.pk, ChangeKind.MODIFY, {"status": {"S": "PAID"}})
    shipped = Write(order.pk, ChangeKind.MODIFY, {"status": {"S": "SHIPPED"}})
    match fate:
        case Fate.SHIPPED:
            return Life(order, fate, (insert, paid, shipped))
        case Fate.CANCELLED:
            return Life(order, fate, (insert, Write(order.pk, ChangeKind.REMOVE, {})))
        case Fate.EXPIRED:
            # Nothing is written after it: a late update would make the swept item anew.
            expiry = {"expires_at": {"N": str(now_s - EXPIRED_S)}}
            return Life(order, fate, (Write(order.pk, ChangeKind.INSERT, placed | expiry),))
        case Fate.MALFORMED:
            bundle = {"amount_usd": {"M": {"vinyl": {"N": order.amount_usd}, "sleeve": {"S": "n/a"}}}}
            mended = {"amount_usd": {"N": order.amount_usd}, "status": {"S": "PAID"}}
            broken = Write(order.pk, ChangeKind.MODIFY, bundle, poison=True)
            return Life(order, fate, (insert, broken, Write(order.pk, ChangeKind.MODIFY, mended), shipped))
