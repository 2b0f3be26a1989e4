"""Which shards are read next by a reader that keeps its place in memory: parents before children, each shard once.

Decides order and starting points. A mapping has a line-up of its own, which is saved step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from afterbay.core.shard.iterator import first_of_latest
from afterbay.core.shard.lineage import ShardDescription, children_of, leaves, may_start
from afterbay.core.shard.position import After, Latest, ShardEnd, ShardId, StartAt, TrimHorizon

__all__ = ["NOTHING_READ", "Frontier", "Stood"]

Stood = Mapping[ShardId, After | ShardEnd | None]
"""Where an earlier reading of the stream stood, by shard. None: it had begun, and nothing was read yet."""

NOTHING_READ: Stood = MappingProxyType({})


class Frontier:
    """Told what is listed and what has ended; tells what to read. ``stood`` is where an earlier reading left off."""

    def __init__(self, stood: Stood = NOTHING_READ) -> None:
        self._stood = stood
        self._listed: dict[ShardId, ShardDescription] = {}
        self._starts: dict[ShardId, StartAt] = {}
        self._otherwise: StartAt = TrimHorizon()
        self._taken: set[ShardId] = set()
        self._done: set[ShardId] = {shard for shard, at in stood.items() if isinstance(at, ShardEnd)}

    def begin(
        self,
        shards: Iterable[ShardDescription],
        start: StartAt,
        *,
        tips: Mapping[ShardId, StartAt] = MappingProxyType({}),
        stream_disabled: bool = False,
    ) -> None:
        """The first listing fixes where reading starts.

        Rules: S36 and S37 from the roots, S45 LATEST in the open shards of this moment alone, all others are passed
        over; what appears later is read from its start.
        """
        listed = {one.shard: one for one in shards}
        if isinstance(start, Latest):
            open_ones = leaves(listed, stream_disabled=stream_disabled)
            self._starts |= {shard: first_of_latest(start.since, tips.get(shard)) for shard in open_ones}
            self._done |= listed.keys() - set(open_ones)
        else:
            self._otherwise = start  # AtTime in a shard that is newer than the time is its start
        self.take(listed.values())

    def take(self, shards: Iterable[ShardDescription]) -> None:
        """Absorb a listing, of the whole stream or of one shard's children. What is known stays."""
        self._listed |= {one.shard: one for one in shards}

    def next(self) -> tuple[tuple[ShardDescription, StartAt], ...]:
        """The shards that may be read now (S35), each with its start; each is told once."""
        unfinished = self._listed.keys() - self._done
        found = tuple(
            (one, self._start_of(one.shard))
            for one in self._listed.values()
            if one.shard in unfinished and one.shard not in self._taken and may_start(one, unfinished)
        )
        self._taken |= {one.shard for one, _ in found}
        return found

    def finish(self, shard: ShardId) -> None:
        """Nothing more will come of it: its children may start."""
        self._done.add(shard)

    def is_closed(self, shard: ShardId) -> bool:
        """True where the listing says so, or where a child is listed (S26): an empty page is not its tip then."""
        return self._listed[shard].closed or bool(children_of(shard, self._listed))

    @property
    def missing(self) -> tuple[ShardId, ...]:
        """Shards that an earlier reading did not end and that are not listed any more: their rest is lost (S21)."""
        return tuple(shard for shard in self._stood if shard not in self._done and shard not in self._listed)

    @property
    def exhausted(self) -> bool:
        """True when every shard that is known is done."""
        return not self._listed.keys() - self._done

    def _start_of(self, shard: ShardId) -> StartAt:
        at = self._stood.get(shard)
        return at if isinstance(at, After) else self._starts.get(shard, self._otherwise)
