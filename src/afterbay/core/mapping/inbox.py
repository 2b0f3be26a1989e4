"""What a queue's mapping has received and put into no batch yet (``docs/semantics/mapping-queues.md``).

Decides when a batch is due, and which messages it takes. How many may be under way at once, the mapping decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from afterbay.core.change.message import Message
from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import PAYLOAD_BYTES_MAX, Why, fitting, leaves_no_room

__all__ = ["Inbox", "Taken"]

EVENT_NAME = "aws:sqs"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """``record`` has a position of its own: its place among all that were received."""

    message: Message
    record: RawRecord
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """The messages of a new batch, and the same as records. ``received_at``: when the first of them was."""

    messages: tuple[Message, ...]
    records: tuple[RawRecord, ...]
    received_at: datetime
    why: Why


class Inbox:
    """Messages in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._received = 0
        self._bytes = 0
        self._window_ends: datetime | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Message]:
        return (one.message for one in self._waiting.values())

    @property
    def due_at(self) -> datetime | None:
        """When a batch that is not full is due (Q8); None where nothing waits."""
        return self._window_ends if self._waiting else None

    def open_window(self, now: datetime, window_s: float) -> None:
        """What waits, and what comes, gathers from now on."""
        self._window_ends = now + timedelta(seconds=window_s)

    def admit(self, message: Message, now: datetime, window_s: float) -> None:
        """Let it wait for a batch. One that waits already came again: its new receipt is the one that counts."""
        if not self._waiting:
            self.open_window(now, window_s)
        self._received += 1
        key = ItemKey((message.group or "").encode())
        record = RawRecord(message.body, self._received, key, message.sent_s, EVENT_NAME)
        before = self._waiting.get(message.message_id)
        self._bytes += len(message.body) - (0 if before is None else len(before.message.body))
        self._waiting[message.message_id] = _Waiting(message, record, now)

    def due(self, now: datetime, batch_size: int) -> bool:
        """Rules: Q8 a batch is full, or its window is over, or there is none."""
        if not self._waiting:
            return False
        over = self._window_ends is None or now >= self._window_ends
        return over or len(self) >= batch_size or self._no_room

    def take(self, batch_size: int, window_s: float, busy: Set[str]) -> Taken | None:
        """The next batch, in the order in which its messages came; none of a group that is under way (Q12).

        None where all that wait are of ``busy`` groups.
        """
        ready = [one for one in self._waiting.values() if one.message.group not in busy]
        if not ready:
            return None
        taken = ready[: fitting([one.record for one in ready], batch_size, PAYLOAD_BYTES_MAX)]
        why = _why(window_s, full=len(taken) == batch_size, no_room=self._no_room)
        self._remove(taken)
        messages = tuple(one.message for one in taken)
        records = tuple(one.record for one in taken)
        return Taken(messages, records, min(one.received_at for one in taken), why)

    def withdraw(self, groups: Set[str | None]) -> list[Message]:
        """Take out all messages of these groups."""
        return self._remove([one for one in self._waiting.values() if one.message.group in groups])

    def clear(self) -> list[Message]:
        """Take out all."""
        return self._remove(list(self._waiting.values()))

    @property
    def _no_room(self) -> bool:
        return leaves_no_room(len(self), self._bytes, PAYLOAD_BYTES_MAX)

    def _remove(self, ended: list[_Waiting]) -> list[Message]:
        for one in ended:
            del self._waiting[one.message.message_id]
            self._bytes -= len(one.message.body)
        return [one.message for one in ended]


def _why(window_s: float, *, full: bool, no_room: bool) -> Why:
    if full:
        return Why.FULL
    if no_room:
        return Why.BYTES
    return Why.WINDOW_OVER if window_s else Why.NO_WINDOW
