"""Dead letters on their way: kept in the store until their destination has them (DESIGN section 5).

A letter that cannot be sent stays and is tried again; a full outbox makes the shard wait, it never drops a letter.
Where bodies are archived, those of a letter are kept before it is sent (E18).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.retry import backoff_s
from afterbay.engine.clock import Clock
from afterbay.engine.meter import Listener
from afterbay.errors import AfterbayError
from afterbay.ports import CheckpointStore, OutboxEntry, Target
from afterbay.targets.archive import Archive, archive_key

__all__ = ["OUTBOX_MAX", "Outbox", "OutboxStatus", "outbox_document"]

log = logging.getLogger(__name__)

OUTBOX_MAX = 10_000
"""How many letters wait at most. One names a whole batch, so this is hours of a broken destination, not records."""

SENDING_MAX = 16
"""Letters that are looked at together: a destination that is down holds back no other for longer than one round."""

LISTED_MAX = 200
"""Letters that are listed: each may carry an event of 6 MB, and all are read for it."""

FULL_PAUSE_S = 1.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """``waiting`` letters are stored and not sent; ``full``: some shard waits for room. ``last_error``: why, if
    known."""

    waiting: int
    full: bool
    last_error: str | None


class Outbox:
    """``target`` finds the destination of a letter by its ARN; it may raise ``SettingsError``. ``archive`` keeps the
    bodies of what was discarded; None: nobody does."""

    def __init__(
        self,
        store: CheckpointStore,
        target: Callable[[str], Target],
        clock: Clock,
        threads: Executor,
        *,
        meter: Listener | None = None,
        archive: Archive | None = None,
        letters_max: int = OUTBOX_MAX,
    ) -> None:
        self._archive = archive
        self._store, self._target, self._clock, self._threads = store, target, clock, threads
        self._meter = meter or Listener()
        self._letters_max = letters_max
        self._news = asyncio.Event()
        self._again_at: dict[int, datetime] = {}
        self._waiting_for_room = 0
        self._last_error: str | None = None
        self._known = 0

    @property
    def keeps_bodies(self) -> bool:
        """True where letters are to carry what the function got, whatever their destination."""
        return self._archive is not None

    async def put(self, letter: Letter) -> None:
        """Return once the letter is durable, however long there is no room for it."""
        self._waiting_for_room += 1
        try:
            while not await self._in_thread(lambda: self._store.store_letter(letter, outbox_max=self._letters_max)):
                if self._waiting_for_room == 1:
                    log.warning("outbox full: a shard waits", extra={"mapping": letter.mapping, "shard": letter.shard})
                await self._clock.sleep(FULL_PAUSE_S)
        finally:
            self._waiting_for_room -= 1
        self._news.set()

    def status(self) -> OutboxStatus:
        return OutboxStatus(self._known, self._known >= self._letters_max, self._last_error)

    async def document(self) -> dict[str, object]:
        """What is stored and not sent, as ``outbox_document`` tells it: those whose turn is next, and how many."""
        entries = await self._in_thread(partial(self._store.outbox, limit=LISTED_MAX))
        return outbox_document(entries, await self._in_thread(self._store.outbox_size))

    async def run(self) -> None:
        """Send what is stored, until cancelled."""
        while True:
            self._news.clear()
            await self.flush()
            await self._rest()

    async def flush(self) -> None:
        """Send every letter that is due; one that fails has its next turn later."""
        while True:
            entries = await self._in_thread(partial(self._store.outbox, limit=SENDING_MAX))
            now = self._clock.now()
            due = [entry for entry in entries if self._again_at.get(entry.number, now) <= now]
            if not due:
                break
            await asyncio.gather(*(self._send(entry) for entry in due))
        self._known = await self._in_thread(self._store.outbox_size)
        if not self._known:
            self._last_error = None

    async def _rest(self) -> None:
        """Until there is a new letter, or the first failed one is due again."""
        async with asyncio.TaskGroup() as waits:
            alarm = waits.create_task(self._alarm())
            await self._news.wait()
            alarm.cancel()

    async def _alarm(self) -> None:
        if self._again_at:
            await self._clock.sleep_until(min(self._again_at.values()))
            self._news.set()

    async def _send(self, entry: OutboxEntry) -> bool:
        letter = entry.letter
        try:
            if self._archive is not None and letter.event:
                await self._archive.put(archive_key(letter), letter.event)
            await self._target(letter.destination).send(letter, now=self._clock.now())
        except AfterbayError as error:
            await self._failed(entry, str(error))
            return False
        await self._in_thread(lambda: self._store.letter_sent(entry.number))
        self._again_at.pop(entry.number, None)
        self._meter.letter_sent(letter, delivered=True, tries=entry.tries, at=self._clock.now())
        return True

    async def _failed(self, entry: OutboxEntry, reason: str) -> None:
        letter = entry.letter
        self._last_error = f"{letter.destination}: {reason}"
        self._meter.letter_sent(letter, delivered=False, tries=entry.tries, at=self._clock.now())
        if entry.tries == 0:
            log.warning(
                "dead letter not delivered; kept and retried",
                extra={
                    "mapping": letter.mapping,
                    "shard": letter.shard,
                    "request_id": letter.request_id,
                    "why": reason,
                },
            )
        await self._in_thread(lambda: self._store.letter_failed(entry.number, reason))
        self._again_at[entry.number] = self._clock.now() + timedelta(seconds=backoff_s(entry.tries + 1))

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def outbox_document(entries: Iterable[OutboxEntry], waiting: int) -> dict[str, object]:
    """What ``deadletters list --outbox --json`` prints: letters that are stored and not sent, ``waiting`` in all.

    Never their bodies.
    """
    return {"waiting": waiting, "letters": [_entry(one) for one in entries]}


def _entry(entry: OutboxEntry) -> dict[str, object]:
    letter = entry.letter
    return {
        "mapping": letter.mapping,
        "owner": letter.function_arn,
        "condition": letter.condition.value,
        "request_id": letter.request_id,
        "destination": letter.destination,
        "stream": letter.stream_arn,
        "shard": letter.shard,
        "first": str(letter.first),
        "last": str(letter.last),
        "batch_size": letter.count,
        "tries": entry.tries,
        "last_error": entry.last_error,
    }
