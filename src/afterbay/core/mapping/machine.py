"""One mapping: ``Mapping.handle(event, now) -> commands``.

Decides when the mapping reads, which shards may start, and when a position is saved. What happens inside a shard is
``shard.py``'s. The state an API caller sees follows ``lifecycle.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import assert_never

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import (
    Command,
    ForgetPositions,
    LoadPositions,
    Notice,
    ReleaseShard,
    SavePositions,
    Tell,
    WakeAt,
)
from afterbay.core.mapping.counters import Counters
from afterbay.core.mapping.dispatch import ShardContext
from afterbay.core.mapping.events import (
    Created,
    Event,
    Invoked,
    LetterStored,
    ListingFailed,
    PositionsForgotten,
    PositionsLoaded,
    PositionsSaved,
    ReadFailed,
    ReadFailure,
    RecordsRead,
    Request,
    Rested,
    ShardsListed,
    ShardWithdrawn,
    SkipRequested,
    Woke,
)
from afterbay.core.mapping.filters import CompileFilters, compile_filters
from afterbay.core.mapping.lifecycle import LifecycleEvent, State
from afterbay.core.mapping.lineup import Lineup
from afterbay.core.mapping.listings import Listings
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.mapping.result import LastResult, result_of
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.mapping.shard import Shard
from afterbay.core.mapping.skip import SkipPlan
from afterbay.core.mapping.standing import Next, Standing
from afterbay.core.shard.position import ShardId
from afterbay.errors import SettingsError

__all__ = ["Mapping"]


class _Phase(Enum):
    """What the mapping is doing, whatever state its API shows."""

    RESTING = "resting"
    LOADING = "loading"
    LISTING = "listing"
    POSITIONING = "positioning"
    READING = "reading"
    DRAINING = "draining"
    FORGETTING = "forgetting"
    OVER = "over"


class Mapping:
    """An event source mapping, from creation to deletion, over any number of starts and stops.

    ``uuid`` is the mapping's; ``seed`` comes from the state store. ``orders_parents``: the source itself hands over
    parents before children; ``retention_s``: how long it keeps a record (None: not known); ``compile_filters`` reads
    the filters, a pipe's in its own way (X21). ``keeps_bodies``: letters carry what the function got (E18). ``gone`` is
    True once a deletion is complete, ``stopped`` once a stop is.
    """

    def __init__(
        self,
        uuid: str,
        settings: MappingSettings,
        seed: bytes,
        *,
        orders_parents: bool = False,
        retention_s: float | None = None,
        compile_filters: CompileFilters = compile_filters,
        keeps_bodies: bool = False,
    ) -> None:
        self.uuid = uuid
        self.settings = settings
        self.last_result = LastResult.NONE
        self.counters = Counters()
        self.shards: dict[ShardId, Shard] = {}
        self._ids = RequestIds(seed, uuid)
        self._phase = _Phase.RESTING
        self._compile_filters = compile_filters
        self._keeps_bodies = keeps_bodies
        self._retention_s = retention_s
        self._lineup = Lineup(orders_parents=orders_parents)
        self._run = 0
        self._passes: Callable[[bytes], bool] | None = None
        self._saving = False
        self._dirty: dict[ShardId, None] = {}
        self._forget: list[ShardId] = []
        self._listings = Listings()
        self._wake: datetime | None = None
        self._standing = Standing()

    @property
    def state(self) -> State:
        return self._standing.state

    @property
    def gone(self) -> bool:
        return self._phase is _Phase.OVER and self.state is State.DELETING

    @property
    def stopped(self) -> bool:
        return self._phase is _Phase.OVER

    @property
    def listing_failure(self) -> str | None:
        """Why the shards cannot be listed at the moment."""
        return self._listings.failure

    @property
    def source_over(self) -> bool:
        """True once the stream is disabled or gone and everything in it is done: no record will ever come (S23)."""
        reading = self._phase in (_Phase.LISTING, _Phase.READING)
        return reading and self._listings.over and not (self.shards or self._dirty or self._saving)

    @property
    def lineup(self) -> Lineup:
        """Which shards are known, and what has become of each."""
        return self._lineup

    def handle(self, event: Event, now: datetime) -> tuple[Command, ...]:
        """Absorb one event; return what to do about it."""
        commands = self._absorb(event, now)
        if self._phase in (_Phase.READING, _Phase.DRAINING):
            commands += self._settle(self._touched(event))
        commands += self._save()
        if self._phase is _Phase.DRAINING and self._drained:
            commands += self._drain_over()
        return tuple(commands + self._wake_up())

    def _absorb(self, event: Event, now: datetime) -> list[Command]:
        match event:
            case RecordsRead() | ReadFailed():
                return self._read(event, now)
            case Invoked(shard=shard, lane=lane, request_id=request_id, outcome=outcome):
                return self._invoked(shard, lane, request_id, outcome, now)
            case Rested(shard=shard, lane=lane, run=run, request_id=request_id):
                reading = self.shards.get(shard)
                late = reading is None or reading.run != run or reading.draining
                return [] if reading is None or late else reading.rested(lane, request_id, now)
            case LetterStored(shard=shard, lane=lane, request_id=request_id):
                reading = self.shards.get(shard)
                return [] if reading is None else reading.letter_stored(lane, request_id, now)
            case SkipRequested():
                return self._read_shard(event).skip(event, now)
            case ShardsListed() | ListingFailed() | ShardWithdrawn():
                return self._listed(event, now)
            case PositionsLoaded(saved=saved):
                return self._loaded(saved, now)
            case PositionsSaved():
                return self._saved(now)
            case PositionsForgotten():
                self._phase = _Phase.OVER
                return []
            case Woke():
                self._wake = None
                return self._woke(now)
            case _:
                return self._asked(event, now)

    # What the user asks for

    def plan_skip(self, request: SkipRequested) -> SkipPlan:
        """What the request would give up now. Raises ``SettingsError`` as the request itself would."""
        return self._read_shard(request).plan_skip(request)

    def _read_shard(self, request: SkipRequested) -> Shard:
        """The shard that a skip is about. Raises ``SettingsError`` for one that is not being read."""
        shard = self.shards.get(request.shard) if self._phase is _Phase.READING else None
        if shard is None:
            reading = ", ".join(self.shards) if self._phase is _Phase.READING else ""
            raise SettingsError(
                f"{request.shard} is not being read; the mapping is {self.state.value}",
                hint=f"it reads {reading}"
                if reading
                else "only a mapping that reads can be unblocked: enable it first",
            )
        return shard

    def _asked(self, request: Request, now: datetime) -> list[Command]:
        """Start nothing new; once nothing is in flight, go on with what is wished (R38, R66).

        Raises ``SettingsError`` (ResourceInUseException) for a request that the state does not take (E19).
        """
        if not self._standing.take(request):
            return []
        if isinstance(request, Created):
            return self._go_on()
        self._phase = _Phase.DRAINING
        self._listings.clear()
        for shard in self.shards.values():
            shard.drain()
        return []

    def _go_on(self) -> list[Command]:
        wish = self._standing.wish
        self.settings = wish.settings or self.settings
        match wish.next:
            case Next.START:
                return self._start()
            case Next.REST:
                self._phase = _Phase.RESTING
                self._standing.arrive(LifecycleEvent.STOPPED)
                return []
            case Next.DELETE:
                self._phase = _Phase.FORGETTING
                return [ForgetPositions()]
            case Next.END:
                self._phase = _Phase.OVER
                return []
            case _:
                assert_never(wish.next)

    def _start(self) -> list[Command]:
        """Read the saved positions, then the stream's shards."""
        self._passes = self._compile_filters(self.settings.filters, self.settings.kind)
        self._phase = _Phase.LOADING
        return [LoadPositions()]

    @property
    def _drained(self) -> bool:
        return not self._saving and not self._dirty and all(shard.idle for shard in self.shards.values())

    def _drain_over(self) -> list[Command]:
        # Those that only wait, too: LATEST may have been fixed in them, and is fixed anew.
        released: list[Command] = [ReleaseShard(shard) for shard in {**self.shards, **self._lineup.listed}]
        self.shards.clear()
        self._lineup.clear()
        return released + self._go_on()

    # Positions

    def _loaded(self, saved: tuple[SavedShard, ...], now: datetime) -> list[Command]:
        if self._phase is not _Phase.LOADING:
            return []
        self._lineup.load(saved)
        self._phase = _Phase.LISTING
        first = not self._lineup.positioned
        return [self._listings.ask(pin_latest=first and self.settings.starting_position is StartingPosition.LATEST)]

    def _saved(self, now: datetime) -> list[Command]:
        self._saving = False
        self._lineup.save_is_over()
        if self._phase is _Phase.POSITIONING:
            return self._begin(now)
        if self._phase is not _Phase.READING:
            return []
        return self._start_shards(now)

    def _save(self) -> list[Command]:
        """Save what moved, one save at a time: what moves meanwhile goes with the next one."""
        if self._saving or not (self._dirty or self._forget):
            return []
        rows: list[SavedShard] = []
        for shard in self._dirty:
            reading = self.shards.get(shard)
            row = reading.saved() if reading is not None else self._lineup.saved.get(shard)
            if row is not None:
                self._lineup.saved[shard] = row
                rows.append(row)
        command = SavePositions(tuple(rows), tuple(self._forget))
        self._dirty.clear()
        self._forget.clear()
        self._saving = True
        self._lineup.save_begins()
        return [command]

    # Shards

    def _listed(self, event: ShardsListed | ListingFailed | ShardWithdrawn, now: datetime) -> list[Command]:
        if self._phase not in (_Phase.LISTING, _Phase.READING):
            return []
        match event:
            case ListingFailed():
                # A stream that cannot be read must not hold up the API (R34, R52).
                self._standing.arrive(LifecycleEvent.STARTED)
                return self._listings.failed(event)
            case ShardWithdrawn(shard=shard):
                self.shards.pop(shard, None)
                self._lineup.withdraw(shard)
                return [ReleaseShard(shard)]
            case ShardsListed():
                return self._take_listing(event, now)
            case _:
                assert_never(event)

    def _take_listing(self, event: ShardsListed, now: datetime) -> list[Command]:
        commands = self._listings.came(event, now)
        fresh = self._lineup.take(event, self.settings, now)
        for gone in fresh.vanished:
            self._forget.append(gone)
            self._dirty.pop(gone, None)
        commands += [Tell(Notice.SHARD_GONE, shard, "it is not listed any more") for shard in fresh.lost]
        for row in fresh.rows:
            self._dirty[row.shard] = None
        if self._phase is _Phase.LISTING:
            if not fresh.rows:
                return commands + self._begin(now)
            self._phase = _Phase.POSITIONING
            return commands
        return commands + self._start_shards(now)

    def _begin(self, now: datetime) -> list[Command]:
        """The positions are fixed and saved: from here on nothing that is written is missed (R46)."""
        self._phase = _Phase.READING
        self._standing.arrive(LifecycleEvent.STARTED)
        return self._start_shards(now)

    def _start_shards(self, now: datetime) -> list[Command]:
        """Read every shard whose parents are done, saved and all (R48)."""
        commands: list[Command] = []
        for description, start, orphan in self._lineup.startable():
            if orphan is not None:
                commands.append(Tell(Notice.PARENT_MISSING, description.shard, f"its parent is {orphan}"))
            row = self._lineup.saved.get(description.shard)
            self._run += 1
            context = ShardContext(
                self.uuid,
                self.settings,
                self._passes,
                self._ids,
                self.counters,
                self._run,
                keeps_bodies=self._keeps_bodies,
                retention_s=self._retention_s,
            )
            shard = Shard(description, start, context, now, row)
            self.shards[description.shard] = shard
            commands += shard.begin(now)
        return commands

    def _touched(self, event: Event) -> list[Shard]:
        """The shards that an event can have moved: the one that it names, else all."""
        match event:
            case RecordsRead() | ReadFailed() | Invoked() | Rested() | LetterStored() | SkipRequested():
                one = self.shards.get(event.shard)
                return [] if one is None else [one]
            case _:
                return list(self.shards.values())

    def _settle(self, shards: list[Shard]) -> list[Command]:
        """Note which positions moved, and which shards came to their end."""
        commands: list[Command] = []
        for shard in shards:
            name = shard.description.shard
            if shard.settle_watermark():
                self._dirty[name] = None
            if shard.finished:
                self._lineup.finish(shard.saved())
                self._dirty[name] = None
                del self.shards[name]
                commands.append(ReleaseShard(name))
                if self._phase is _Phase.READING:
                    commands.append(self._listings.ask_children(name))
        return commands

    # Records

    def _read(self, event: RecordsRead | ReadFailed, now: datetime) -> list[Command]:
        shard = self.shards.get(event.shard)
        if shard is None or event.run != shard.run or self._phase is not _Phase.READING:
            return []
        if isinstance(event, RecordsRead):
            return shard.records_read(event.records, event.end, now)
        match event.failure:
            case ReadFailure.ITERATOR_EXPIRED:
                return shard.iterator_expired(now)
            case ReadFailure.TRIMMED:
                return shard.trimmed(now)
            case ReadFailure.GONE:
                return shard.gone(event.reason, now)
            case ReadFailure.THROTTLED | ReadFailure.UNAVAILABLE | ReadFailure.DENIED:
                return shard.read_failed(event.reason, event.retry_after_s, now)
            case _:
                assert_never(event.failure)

    def _invoked(self, name: ShardId, lane: int, request_id: str, outcome: Outcome, now: datetime) -> list[Command]:
        shard = self.shards.get(name)
        if shard is None:
            return []
        self.last_result = result_of(outcome, self.last_result)
        return shard.invoked(lane, request_id, outcome, now)

    # Time

    def _woke(self, now: datetime) -> list[Command]:
        if self._phase is not _Phase.READING:
            return []
        commands: list[Command] = []
        for shard in self.shards.values():
            commands += shard.advance(now)
        if self._listings.due(now):
            commands.append(self._listings.ask())
        return commands

    def _wake_up(self) -> list[Command]:
        windows = self.settings.batching_window_s > 0 or self.settings.tumbling_window_s > 0
        moments = (
            [moment for shard in self.shards.values() if (moment := shard.wake_at()) is not None] if windows else []
        )
        if self._listings.next_at is not None:
            moments.append(self._listings.next_at)
        wake = min(moments, default=None)
        if wake == self._wake:
            return []
        self._wake = wake
        return [WakeAt(wake)]
