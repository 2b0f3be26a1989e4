"""A shard of an engine that is stopped, unblocked: what its mapping would save and write if it were told to skip.

Drives the same core that the engine drives, over the saved positions of one shard, with a function that is never
reached. What comes of it, positions and letters, is for the caller to store in one step.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import (
    Command,
    Deliver,
    ListShards,
    LoadPositions,
    ReadShard,
    SavePositions,
    StoreLetter,
)
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import (
    Created,
    Event,
    Invoked,
    LetterStored,
    PositionsLoaded,
    PositionsSaved,
    ReadFailed,
    ReadFailure,
    RecordsRead,
    ShardsListed,
    SkipRequested,
)
from afterbay.core.mapping.lineup import POSITIONED
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.outcome import NotReached
from afterbay.core.mapping.settings import MappingSettings
from afterbay.core.mapping.shard import Shard
from afterbay.core.pipe.filters import compiler_of
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, Position, ShardEnd, ShardId
from afterbay.errors import IteratorExpiredError, SettingsError, TrimmedError
from afterbay.ports import Source

__all__ = ["GivenUp", "give_up"]

EMPTY_READS_MAX = 20
"""Empty pages in a row after which nothing more is there: ``through`` is then not written yet, or no record's."""

PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class GivenUp:
    """``rows`` replace the saved ones; ``letters`` name ``records`` records of ``keys`` items (an item may count once
    more for every 10,000 records). No row: nothing was unfinished."""

    rows: tuple[SavedShard, ...]
    letters: tuple[Letter, ...]
    keys: int

    @property
    def records(self) -> int:
        return sum(letter.count for letter in self.letters)


async def give_up(
    uuid: str,
    settings: MappingSettings,
    saved: tuple[SavedShard, ...],
    seed: bytes,
    source: Source,
    request: SkipRequested,
    now: Callable[[], datetime],
    *,
    pause_s: float = PAUSE_S,
) -> GivenUp:
    """``saved``: all rows of the mapping; ``seed``: the state file's; ``pause_s``: after an empty page.

    Raises ``SettingsError`` for what cannot be meant, and ``ServiceError``.
    """
    rows = {row.shard: row for row in saved}
    if not rows:
        raise SettingsError(f"the state file has no position of mapping {uuid}", hint="is it the mapping's own file?")
    listing = {one.shard: one for one in (await source.list_shards(pin_latest=False)).shards}
    described = listing.get(request.shard)
    if described is None:
        known = ", ".join(listing) or "none"
        raise SettingsError(f"the stream has no shard {request.shard}", hint=f"it has {known}")
    for parent in described.parents:
        row = rows.get(parent)
        if parent in listing and (row is None or not isinstance(row.at, ShardEnd)):
            raise SettingsError(
                f"{request.shard} is not being read: its parent {parent} is not done", hint="skip there"
            )
    kept = tuple(rows[name] for name in (POSITIONED, request.shard) if name in rows)
    mapping = Mapping(uuid, settings, seed, orders_parents=True, compile_filters=compiler_of(settings.function_arn))
    work = _Work(mapping, described, kept, source, request, now, pause_s)
    await work.run()
    return GivenUp(tuple(work.rows.values()), tuple(work.letters), work.keys)


class _Work:
    """One shard in the hands of the core. Nothing is stored: the last row of each shard counts, and every letter."""

    def __init__(
        self,
        mapping: Mapping,
        shard: ShardDescription,
        saved: tuple[SavedShard, ...],
        source: Source,
        request: SkipRequested,
        now: Callable[[], datetime],
        pause_s: float,
    ) -> None:
        self.rows: dict[ShardId, SavedShard] = {}
        self.letters: list[Letter] = []
        self.keys = 0
        self._mapping, self._shard, self._saved = mapping, shard, saved
        self._source, self._request, self._now = source, request, now
        self._commands: deque[Command] = deque()
        self._reads: deque[ReadShard] = deque()
        self._empty = 0
        self._pause_s = pause_s

    async def run(self) -> None:
        """Read up to the position that is asked for, giving up on the way what leaves no room to read on."""
        self._tell(Created(enabled=True))
        asked = False
        while True:
            while self._commands:
                self._perform(self._commands.popleft())
            reading = self._mapping.shards.get(self._shard.shard)
            if reading is None:
                return  # all of it is done
            upto = self._read_through(reading)
            if upto >= self._request.through or reading.ended:
                if asked and not self._mapping.plan_skip(self._upto(upto)).records:
                    return
                asked = True
                self._skip(upto)
            elif not self._reads:
                self._skip(upto)
            elif self._empty < EMPTY_READS_MAX:
                await self._read(self._reads.popleft())
            else:
                raise SettingsError(
                    f"{self._request.through} lies ahead in {self._shard.shard}: nothing is behind {upto} yet",
                    hint="only what is in the stream can be skipped",
                )

    def _skip(self, read: int) -> None:
        self.keys += self._mapping.plan_skip(self._upto(read)).keys
        self._tell(self._upto(read))

    def _upto(self, read: int) -> SkipRequested:
        return replace(self._request, through=Position(min(self._request.through, read)))

    def _read_through(self, reading: Shard) -> int:
        at = reading.read_position
        return at.position if isinstance(at, After) else 0

    def _tell(self, event: Event) -> None:
        self._commands.extend(self._mapping.handle(event, self._now()))

    def _perform(self, command: Command) -> None:
        """A function that is not reached costs nothing and does nothing; pauses are not waited for."""
        match command:
            case LoadPositions():
                self._tell(PositionsLoaded(self._saved))
            case ListShards(children_of=None):
                self._tell(ShardsListed((self._shard,), complete=False))
            case SavePositions(shards=rows):
                self.rows |= {row.shard: row for row in rows}
                self._tell(PositionsSaved())
            case StoreLetter(shard=shard, lane=lane, letter=letter):
                self.letters.append(letter)
                self._tell(LetterStored(shard, lane, letter.request_id))
            case Deliver(shard=shard, lane=lane, batch=batch):
                self._tell(Invoked(shard, lane, batch.request_id, NotReached("the engine is stopped")))
            case ReadShard():
                self._reads.append(command)
            case _:
                pass

    async def _read(self, command: ReadShard) -> None:
        if self._empty:
            await asyncio.sleep(self._pause_s)
        try:
            page = await self._source.read(command.shard, command.start, limit=command.limit, pause_s=0.0)
        except TrimmedError as error:
            self._empty += 1
            self._tell(ReadFailed(command.shard, command.run, ReadFailure.TRIMMED, error.message))
            return
        except IteratorExpiredError as error:
            self._empty += 1
            self._tell(ReadFailed(command.shard, command.run, ReadFailure.ITERATOR_EXPIRED, error.message))
            return
        self._empty = 0 if page.records else self._empty + 1
        self._tell(RecordsRead(command.shard, command.run, page.records, page.end))
