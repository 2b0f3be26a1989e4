"""E14: a key's item is read behind the sink's token and written on condition that the token is still the same.

Decides in which order, how often, and what is said of each key. The atomic step is the sink's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from afterbay.backfill.compare import DAMAGES, Promise, is_token
from afterbay.backfill.holdings import MendableHoldings
from afterbay.backfill.settle import Pace
from afterbay.core.change.value import TypedItem, canonical
from afterbay.core.guard import Kind
from afterbay.sinks.mending import OVERTAKEN, Held, Mend

__all__ = ["ItemReader", "Mended", "mend_keys"]

ROUNDS_MAX = 8
PAUSE_S = 0.05
PAUSE_S_MAX = 2.0
"""Between rounds, doubled each time: five seconds in all. A key that changes faster than it can be read is not repaired
by force: its changes write the sink anyway."""

BROKEN_TOKEN = "its token is none: delete the item in the sink, then repair again"
"""E14 keeps the token that is there, and with this one no change would be compared."""

ItemReader = Callable[[Sequence[TypedItem]], Awaitable[Sequence[TypedItem | None]]]
"""The items of keys as the table has them now, strongly consistent; None where it has none."""


@dataclass(slots=True)
class Mended:
    """What became of each key (canonical text). ``repaired`` were written, ``agreed`` needed no write any more,
    ``failed`` has the reason for each that was not mended: every key is in one of them."""

    repaired: list[str] = field(default_factory=list[str])
    agreed: list[str] = field(default_factory=list[str])
    failed: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, other: Mended) -> None:
        self.repaired += other.repaired
        self.agreed += other.agreed
        self.failed |= other.failed


async def mend_keys(
    keys: Sequence[TypedItem],
    *,
    read: ItemReader,
    holdings: MendableHoldings,
    promise: Promise,
    now_s: Callable[[], float],
    pace: Pace,
) -> Mended:
    """Mend what differs of ``keys``, typed, no two of them equal. A key that was overtaken is looked at again, so often
    and no more; one that could not be mended is never told as repaired. Raises ``ServiceError`` or ``SettingsError``.

    Rules: E14 the token first, then the item, then the write on condition.
    """
    mended = Mended()
    waiting: dict[str, TypedItem] = {canonical(one).decode(): one for one in keys}
    reasons: dict[str, str] = {}
    for place in range(ROUNDS_MAX):
        if not waiting:
            break
        if place:
            await pace.pause(min(PAUSE_S * 2**place, PAUSE_S_MAX))
        # The order is the rule: an image read behind the token is at least as new as the token says.
        held = await holdings.look_up(list(waiting.values()))
        images = await read(list(waiting.values()))
        read_s = now_s()
        mends: dict[str, Mend] = {}
        for (key, typed), image, stored in zip(waiting.items(), images, held, strict=True):
            _plan(key, typed, image, stored, promise, read_s, mended, mends)
        reasons = {}
        if mends:
            for key, verdict in zip(mends, await holdings.mend(list(mends.values())), strict=True):
                if verdict == OVERTAKEN or verdict.kind is Kind.RETRYABLE:
                    reasons[key] = verdict.reason
                elif verdict.kind is Kind.APPLIED:
                    mended.repaired.append(key)
                elif verdict.kind is Kind.SKIPPED:
                    mended.agreed.append(key)
                else:
                    mended.failed[key] = verdict.reason or verdict.kind.value
        waiting = {key: one for key, one in waiting.items() if key in reasons}
    mended.failed |= {key: f"not in {ROUNDS_MAX} rounds: {reasons[key]}" for key in waiting}
    return mended


def _plan(
    key: str,
    typed: TypedItem,
    image: TypedItem | None,
    held: Held,
    promise: Promise,
    read_s: float,
    mended: Mended,
    mends: dict[str, Mend],
) -> None:
    """A mend, or what is said of a key that gets none."""
    finding = promise.compare(image, held, now_s=read_s)
    if finding is None or finding.kind not in DAMAGES:
        mended.agreed.append(key)
    elif held.token and not is_token(held.token):
        mended.failed[key] = BROKEN_TOKEN
    else:
        wanted = image if promise.shown(image) is not None else None
        mends[key] = Mend(typed, wanted, held.token, read_s)
