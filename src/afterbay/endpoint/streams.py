"""The streams of the local address: which table has which, and who waits for the next record.

Lives on the event loop. A commit stores records and wakes readers in one step, so that no reader polls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from afterbay.core.change.arn import parse_stream_arn
from afterbay.core.change.view import ViewType
from afterbay.core.shard.position import Position, ShardId
from afterbay.emulator.record import Change
from afterbay.emulator.stream import RETENTION, Appended, KeyElement, StreamLog, stream_label
from afterbay.endpoint.protocol import TimeKeeper
from afterbay.errors import NotFoundError

__all__ = ["StreamRegistry", "StreamStore"]

_MILLISECOND = timedelta(milliseconds=1)


class StreamStore(Protocol):
    """Keeps what changes over a restart (``state.stream_rows``). ``latest``: the stream is its table's now."""

    def changed(self, log: StreamLog, *, latest: bool) -> None: ...

    def appended(self, log: StreamLog, records: Iterable[Appended]) -> None: ...

    def trimmed(self, log: StreamLog, horizon_s: int) -> None: ...

    def dropped(self, log: StreamLog) -> None: ...

    def reset(self) -> None: ...


class StreamRegistry:
    """Every stream by ARN, and the newest of each table. ``draw_seed`` gives the randomness of a new stream.

    ``next_end_changed`` is set whenever ``next_end`` may have another answer.
    """

    def __init__(self, clock: TimeKeeper, draw_seed: Callable[[], bytes], *, store: StreamStore | None = None) -> None:
        self._clock = clock
        self._draw_seed = draw_seed
        self._store = store
        self.next_end_changed = asyncio.Event()
        self._streams: dict[str, StreamLog] = {}
        self._latest: dict[str, StreamLog] = {}
        self._waiting: dict[tuple[str, ShardId], set[asyncio.Future[None]]] = {}

    def restore(self, streams: Iterable[tuple[StreamLog, bool]]) -> None:
        """Take up what was stored, each with whether it is its table's."""
        for log, latest in streams:
            self._streams[log.arn.arn] = log
            if latest:
                self._latest[log.arn.table_arn] = log
        self.next_end_changed.set()

    def enable(self, table_arn: str, *, view: ViewType, keys: Sequence[KeyElement], roots: int) -> StreamLog:
        """Give a table a new stream. Its label is never that of an older one of the table (S16, S84)."""
        created = self._clock.now()
        while f"{table_arn}/stream/{stream_label(created)}" in self._streams:
            created += _MILLISECOND
        arn = parse_stream_arn(f"{table_arn}/stream/{stream_label(created)}")
        log = StreamLog(arn, view=view, keys=keys, created=created, seed=self._draw_seed(), roots=roots)
        older = self._latest.get(table_arn)
        self._streams[arn.arn] = self._latest[table_arn] = log
        if older is not None:
            self._keep(older)
        self._keep(log)
        self.next_end_changed.set()
        return log

    def disable(self, table_arn: str) -> None:
        """End a table's stream; readers learn that its shards are over (S23)."""
        log = self.enabled(table_arn)
        if log is not None:
            now = self._clock.now()
            self._age(log, now)
            log.disable(now)
            self._keep(log)
            self._wake(log, (shard.shard_id for shard in log.shards()))

    def forget_table(self, table_arn: str) -> None:
        """The table was deleted: its stream is disabled and stays readable (S23); a table of that name starts anew."""
        self.disable(table_arn)
        log = self._latest.pop(table_arn, None)
        if log is not None:
            self._keep(log)

    def latest(self, table_arn: str) -> StreamLog | None:
        """The newest stream of a table, disabled or not (S84); None if it has none that can be described."""
        log = self._latest.get(table_arn)
        return None if log is None or log.gone(self._clock.now()) else log

    def enabled(self, table_arn: str) -> StreamLog | None:
        log = self._latest.get(table_arn)
        return log if log is not None and log.enabled else None

    def get(self, arn: str) -> StreamLog:
        """The stream of that ARN, trimmed to this moment. Raises ``NotFoundError`` with AWS's text."""
        log = self._streams.get(arn)
        now = self._clock.now()
        if log is not None and log.gone(now):
            self._drop(log)
            log = None
        if log is None:
            raise NotFoundError(
                f"Requested resource not found: Stream: {arn} not found", code="ResourceNotFoundException"
            )
        self._age(log, now)
        self._trim(log, now)
        return log

    def exists(self, stream_arn: str) -> bool:
        with suppress(NotFoundError):
            self.get(stream_arn)
            return True
        return False

    def is_disabled(self, stream_arn: str) -> bool:
        return not self.get(stream_arn).enabled

    def listing(self) -> list[StreamLog]:
        """Every stream that can be described, by ARN."""
        now = self._clock.now()
        for log in [log for log in self._streams.values() if log.gone(now)]:
            self._drop(log)
        return [self._streams[arn] for arn in sorted(self._streams)]

    def commit(self, table_arn: str, changes: Iterable[Change], now: datetime) -> None:
        """Store what a successful request wrote to a table, in its order, and wake who waits for it."""
        log = self.enabled(table_arn)
        if log is None:
            return
        self._age(log, now)
        appended = [one for change in changes if (one := log.append(change, now)) is not None]
        if self._store is not None:
            self._store.appended(log, appended)
            self._trim(log, now)
        self._wake(log, {one.shard for one in appended})

    def split(self, arn: str, shard_id: str) -> tuple[ShardId, ...]:
        log = self.get(arn)
        children = log.split(shard_id, self._clock.now())
        self._keep(log)
        self._wake(log, (ShardId(shard_id),))
        self.next_end_changed.set()
        return children

    def roll(self, arn: str, shard_id: str) -> tuple[ShardId, ...]:
        log = self.get(arn)
        children = log.roll(shard_id, self._clock.now())
        self._keep(log)
        self._wake(log, (ShardId(shard_id),))
        self.next_end_changed.set()
        return children

    def schedule(self, arn: str, *, lifetime_s: int | None, children: int) -> StreamLog:
        """From now on the stream's shards live so long, and are continued by so many. Raises ``NotFoundError``."""
        log = self.get(arn)
        log.schedule(lifetime_s=lifetime_s, children=children)
        self._keep(log)
        self.next_end_changed.set()
        return log

    def next_end(self) -> datetime | None:
        """When the next shard of any stream has lived its time."""
        return min((when for log in self._streams.values() if (when := log.next_end()) is not None), default=None)

    def age(self) -> None:
        """End the shards that have lived their time by now, and wake who reads them (S18)."""
        now = self._clock.now()
        for log in list(self._streams.values()):
            self._age(log, now)

    async def wait(self, arn: str, shard_id: str, position: Position, until: datetime) -> None:
        """Return once a read behind ``position`` would tell something new, or at ``until`` by the clock."""
        shard = self.get(arn).shard(shard_id)
        if shard.has_more(position):
            return
        key = (arn, shard.shard_id)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, set()).add(woken)
        alarm = asyncio.ensure_future(self._clock.sleep_until(until))
        try:
            await asyncio.wait((woken, alarm), return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
            waiting = self._waiting.get(key, set())
            waiting.discard(woken)
            if not waiting:
                self._waiting.pop(key, None)

    def reset(self) -> None:
        """Forget every stream; who waits is woken and finds it gone."""
        for log in self._streams.values():
            self._wake(log, (shard.shard_id for shard in log.shards()))
        self._streams.clear()
        self._latest.clear()
        if self._store is not None:
            self._store.reset()

    def _age(self, log: StreamLog, now: datetime) -> None:
        ended = log.age(now)
        if ended:
            self._keep(log)
            self._wake(log, ended)
            self.next_end_changed.set()

    def _keep(self, log: StreamLog) -> None:
        if self._store is not None and log.arn.arn in self._streams:
            self._store.changed(log, latest=self._latest.get(log.arn.table_arn) is log)

    def _trim(self, log: StreamLog, now: datetime) -> None:
        log.trim(now)
        if self._store is not None:
            self._store.trimmed(log, int((now - RETENTION).timestamp()))

    def _wake(self, log: StreamLog, shards: Iterable[ShardId]) -> None:
        for shard in shards:
            for woken in self._waiting.pop((log.arn.arn, shard), ()):
                if not woken.done():
                    woken.set_result(None)

    def _drop(self, log: StreamLog) -> None:
        self._streams.pop(log.arn.arn, None)
        if self._latest.get(log.arn.table_arn) is log:
            del self._latest[log.arn.table_arn]
        if self._store is not None:
            self._store.dropped(log)
