"""A queue in memory: for tests, users' own too. Whoever sends wakes the receivers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from afterbay.core.change.message import Message, queue_message
from afterbay.errors import ServiceError
from afterbay.sources.news import News
from afterbay.sources.streams_api import Clock

__all__ = ["MemoryQueue"]

AGAIN_S = 1.0
"""One that becomes visible by time alone is found so much later at most."""


@dataclass(slots=True)
class _Kept:
    message_id: str
    body: str
    group: str | None
    sent_at: datetime
    hidden_until: datetime
    count: int = 0
    receipt: str = ""


class MemoryQueue:
    """A ``ports.QueueSource``. Hides what was received for ``hides_s``; holds a group back while one of its messages is
    hidden. ``failures``: errors that the next calls raise, first one first.
    """

    def __init__(self, clock: Clock, arn: str, *, hides_s: float = 30.0) -> None:
        self.failures: list[ServiceError] = []
        self._clock = clock
        self._arn = arn
        self._hides_s = hides_s
        self._kept: list[_Kept] = []
        self._news = News(clock)
        self._stops = News(clock)
        self._numbers = itertools.count(1)

    def send(self, *bodies: str, group: str | None = None) -> None:
        now = self._clock.now()
        self._kept += [_Kept(f"message-{next(self._numbers)}", body, group, now, now) for body in bodies]
        self._news.tell()

    def bodies(self) -> list[str]:
        """What is in the queue, hidden messages too."""
        return [one.body for one in self._kept]

    async def visibility_s(self) -> float:
        self._fail()
        return self._hides_s

    async def receive(self, *, limit: int, wait_s: float, hides_s: int | None = None) -> tuple[Message, ...]:
        self._fail()
        until, stop = self._clock.now() + timedelta(seconds=wait_s), self._stops.mark
        while True:
            mark = self._news.mark
            found = self._take(limit, self._hides_s if hides_s is None else hides_s)
            left_s = (until - self._clock.now()).total_seconds()
            if found or left_s <= 0 or self._stops.mark != stop:
                return found
            await self._news.wait(mark, min(left_s, AGAIN_S))

    def stop_waiting(self) -> None:
        self._stops.tell()
        self._news.tell()

    async def delete(self, messages: Sequence[Message]) -> tuple[int, str | None]:
        self._fail()
        receipts = {one.receipt for one in messages}
        before = len(self._kept)
        self._kept = [one for one in self._kept if one.receipt not in receipts]
        self._news.tell()  # a group may go on
        deleted = before - len(self._kept)
        return deleted, None if deleted == len(messages) else "a receipt is not known"

    async def give_back(self, messages: Sequence[Message]) -> None:
        self._fail()
        receipts = {one.receipt for one in messages}
        for one in self._kept:
            if one.receipt in receipts:
                one.hidden_until = self._clock.now()
        self._news.tell()

    async def close(self) -> None:
        """There is nothing to let go."""

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    def _take(self, limit: int, hides_s: float) -> tuple[Message, ...]:
        now = self._clock.now()
        held = {one.group for one in self._kept if one.group is not None and one.hidden_until > now}
        ready = [one for one in self._kept if one.hidden_until <= now and one.group not in held][:limit]
        for one in ready:
            one.count += 1
            one.hidden_until = now + timedelta(seconds=hides_s)
            one.receipt = f"{one.message_id}/{one.count}"
        return tuple(self._message(one) for one in ready)

    def _message(self, one: _Kept) -> Message:
        own = {
            "ApproximateReceiveCount": str(one.count),
            "SentTimestamp": str(int(one.sent_at.timestamp() * 1000)),
        }
        if one.group is not None:
            own["MessageGroupId"] = one.group
        return queue_message(
            queue_arn=self._arn,
            message_id=one.message_id,
            receipt=one.receipt,
            body=one.body,
            md5_of_body="",
            attributes=own,
            message_attributes={},
            md5_of_message_attributes=None,
        )
