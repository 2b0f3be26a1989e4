"""Looking up single items in a sink, and mending them from their table's images (E14).

Decides what a mend is and when it holds. The atomic step that acts on it is each sink's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from afterbay.core.change.value import TypedItem
from afterbay.core.guard import LOWEST_TOKEN, SKIPPED, Kind, Verdict
from afterbay.errors import SettingsError
from afterbay.sinks.entry import Entry, entry_of
from afterbay.sinks.live import ReadableSink
from afterbay.sinks.options import SinkOptions

__all__ = ["NOTHING_HELD", "NO_TOKEN", "OVERTAKEN", "Held", "Mend", "MendableSink", "mend_entries", "mendable"]

OVERTAKEN = Verdict(Kind.STALE, "a change was applied in between: look at the item again")
"""Nothing was written, since the sink's token is not ``seen`` any more (E14)."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a sink stores for a key. ``token`` None: nothing at all; ``NO_TOKEN``: an item that another program wrote.
    ``item`` as in ``LiveItem``, None: a tombstone, or nothing."""

    token: str | None
    item: dict[str, object] | None


NOTHING_HELD = Held(None, None)

NO_TOKEN = ""
"""The token of what is stored without one: every change is newer (E5), and a mend leaves ``LOWEST_TOKEN`` with it."""


@dataclass(frozen=True, slots=True)
class Mend:
    """An item as its table has it, ``image`` None: not at all. ``seen`` is ``Held.token``, read *before* the image was
    (None: nothing stored), ``read_s`` when the image was read, in epoch seconds."""

    keys: TypedItem
    image: TypedItem | None
    seen: str | None
    read_s: float


@runtime_checkable
class MendableSink(ReadableSink, Protocol):
    """A current-state sink whose items can be looked up and mended one by one."""

    def look_up(self, keys: Sequence[TypedItem]) -> list[Held]:
        """What is stored for each of ``keys`` (typed JSON), in their order. Raises ``ServiceError`` or
        ``SettingsError``."""
        ...

    def mend(self, mends: Sequence[Mend]) -> list[Verdict]:
        """Write each image, or a tombstone, on condition that the stored token is still ``seen``; the token stays the
        same (``LOWEST_TOKEN`` where there was none). No two are of one key.

        ``APPLIED``: written. ``OVERTAKEN``: not written, since something was applied in between. ``SKIPPED``: there is
        nothing to write, nothing being stored and no item to store. Failures as from ``apply``.
        """
        ...


def mendable(sink: object) -> MendableSink:
    """The sink, if single items of it can be looked up and mended. Raises ``SettingsError``."""
    if isinstance(sink, MendableSink):
        return sink
    raise SettingsError(
        f"{sink}: single items of it cannot be mended",
        hint="only a sink of current state can be; of a change log, backfill or replay into a new prefix instead",
    )


def mend_entries(
    mends: Sequence[Mend], options: SinkOptions
) -> tuple[list[tuple[int, Mend, Entry]], dict[int, Verdict]]:
    """The writes by place, and the verdicts of those that have none. ``Entry.token`` is the token to store."""
    entries: list[tuple[int, Mend, Entry]] = []
    verdicts: dict[int, Verdict] = {}
    for index, mend in enumerate(mends):
        if mend.image is None and mend.seen is None:
            verdicts[index] = SKIPPED
            continue
        token = mend.seen or LOWEST_TOKEN
        made = entry_of(mend.keys, mend.image, options, token=token, created_s=mend.read_s)
        if isinstance(made, Entry):
            entries.append((index, mend, made))
        else:
            verdicts[index] = made
    return entries, verdicts
