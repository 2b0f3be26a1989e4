"""Keeps the events of archives and sends them again for replays (B70 to B77).

Does; which archive wants what, and what a replay sends, ``core.bus`` decides.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from afterbay.core.bus.archive import Archived, archived
from afterbay.core.bus.envelope import Arrival
from afterbay.core.bus.replay import ReplayEvent, ReplayState, in_minutes, replay_arrival
from afterbay.core.change.arn import parse_arn
from afterbay.engine.homes import Homes

__all__ = ["ARCHIVED_MAX", "ArchiveKeeper", "ArchiveStore"]

ARCHIVED_MAX = 100_000
"""Events of one archive; beyond it the oldest go, which AWS would keep. A local address is no place for more."""

ARCHIVED_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of one archive, as its SizeBytes counts them (B78): they are held in memory."""

_Key = tuple[str, str]


class ArchiveStore(Protocol):
    """Keeps archived events over a restart, in their order."""

    def keep(self, region: str, archive: str, event: Archived) -> None: ...

    def drop(self, region: str, archive: str, count: int) -> None:
        """Forget the oldest ``count``."""
        ...


class Deliverer(Protocol):
    """Where a replay's events go (``engine.bus``)."""

    def accept(self, arrivals: Sequence[Arrival]) -> None: ...

    async def room(self) -> None:
        """Return once there is room for another event."""
        ...


class ArchiveKeeper:
    """``store`` None: nothing outlives the process."""

    def __init__(
        self,
        homes: Homes,
        now: Callable[[], datetime],
        store: ArchiveStore | None = None,
        *,
        events_max: int = ARCHIVED_MAX,
        bytes_max: int = ARCHIVED_BYTES_MAX,
    ) -> None:
        self._homes = homes
        self._now = now
        self._store = store
        self._events_max = events_max
        self._bytes_max = bytes_max
        self._events: dict[_Key, deque[Archived]] = {}
        self._replays: set[asyncio.Task[None]] = set()

    def keep(self, arrival: Arrival) -> None:
        """Put an event into every archive that wants it."""
        region = parse_arn(arrival.bus_arn).region
        for name in self._homes.of(region).archives.wanting(arrival):
            one = archived(arrival)
            self._events.setdefault((region, name), deque()).append(one)
            if self._store is not None:
                self._store.keep(region, name, one)
            self._homes.of(region).archives.counted(name, events=1, size_bytes=one.counted_bytes)
            self._prune(region, name)

    def restore(self, stored: Iterable[tuple[str, str, Archived]]) -> None:
        """Take up stored events; the counters come from them."""
        for region, name, one in stored:
            self._events.setdefault((region, name), deque()).append(one)
        for home in self._homes:
            for archive in home.archives.saved():
                events = self._events.get((parse_arn(archive.arn).region, archive.name), ())
                home.archives.counted(
                    archive.name,
                    events=len(events) - archive.event_count,
                    size_bytes=sum(one.counted_bytes for one in events) - archive.size_bytes,
                )

    def prune(self, region: str) -> None:
        """Drop what is past its retention by now, so that what is told of archives is so."""
        for archive in self._homes.of(region).archives.saved():
            self._prune(region, archive.name)

    def forget(self, region: str, name: str) -> None:
        """The archive was deleted."""
        gone = self._events.pop((region, name), None)
        if gone and self._store is not None:
            self._store.drop(region, name, len(gone))

    def resume(self, bus: Deliverer) -> None:
        """Go on with the replays of an earlier process, each from the minute that it was in."""
        for home in self._homes:
            for replay in home.replays.saved():
                if replay.state.active:
                    self.replay(parse_arn(replay.arn).region, replay.name, bus)

    def replay(self, region: str, name: str, bus: Deliverer) -> None:
        """Send what is left of a replay."""
        task = asyncio.get_running_loop().create_task(self._replay(region, name, bus))
        self._replays.add(task)
        task.add_done_callback(self._replays.discard)

    async def close(self) -> None:
        for task in tuple(self._replays):
            task.cancel()
        await asyncio.gather(*self._replays, return_exceptions=True)

    async def clear(self) -> None:
        await self.close()
        self._events.clear()

    async def _replay(self, region: str, name: str, bus: Deliverer) -> None:
        """Minute by minute, first minute first (B74); cancelled between two events at the earliest (B77)."""
        home = self._homes.of(region)
        replay = home.replays.current(name)
        if replay.state is not ReplayState.RUNNING:
            replay = home.replays.report(name, ReplayEvent.STARTED, now=self._now())
            self._homes.changed(region)
        archive = replay.archive_arn.rpartition("/")[2]
        self._prune(region, archive)
        for minute in in_minutes(replay, tuple(self._events.get((region, archive), ()))):
            for one in minute:
                await bus.room()
                replay = home.replays.current(name)
                if replay.state is ReplayState.CANCELLING:
                    break
                bus.accept([replay_arrival(replay, one, now_s=self._now().timestamp())])
                home.replays.replayed(name, one.event)
                await asyncio.sleep(0)
            self._homes.changed(region)  # how far it is: a restart goes on from here
        home.replays.report(name, ReplayEvent.STOPPED, now=self._now())
        self._homes.changed(region)

    def _prune(self, region: str, name: str) -> None:
        """Drop what is past its retention, and what is too much."""
        archives = self._homes.of(region).archives
        archive = archives.named(name)
        events = self._events.get((region, name))
        if archive is None or not events:
            return
        before_s = archive.dropped_before_s(self._now())
        dropped = size_bytes = 0
        while events and (
            len(events) > self._events_max
            or archive.size_bytes - size_bytes > self._bytes_max
            or (before_s is not None and events[0].archived_s < before_s)
        ):
            size_bytes += events.popleft().counted_bytes
            dropped += 1
        if dropped:
            archives.counted(name, events=-dropped, size_bytes=-size_bytes)
            if self._store is not None:
                self._store.drop(region, name, dropped)
