"""The shard log of one stream: which shard a change goes to, lineage, splits and rolls, 24 hours of memory.

Pure: the time is an argument, randomness is a seed handed in. Shards end on request, and by age where ``age`` is called
(S18). Positions inside a shard are ``shard.py``'s, the record's content is ``record.py``'s.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import pairwise

from afterbay.core.change.arn import StreamArn
from afterbay.core.change.source import TABLE_RETENTION_S
from afterbay.core.change.value import canonical
from afterbay.core.change.view import ViewType
from afterbay.core.shard.position import Position, ShardId
from afterbay.emulator.record import Change, encode_record, kind_of
from afterbay.emulator.shard import ShardLog
from afterbay.errors import NotFoundError, SettingsError

__all__ = [
    "ON_DEMAND_SHARDS",
    "OPEN_SHARDS_MAX",
    "PROVISIONED_SHARDS",
    "RETENTION",
    "Appended",
    "KeyElement",
    "StreamLog",
    "stream_label",
]

RETENTION = timedelta(seconds=TABLE_RETENTION_S)
"""How long a record can be read, and a disabled stream be described (S23, S24)."""

PROVISIONED_SHARDS = 1
ON_DEMAND_SHARDS = 4
"""Root shards of a new stream by the table's billing mode (S19)."""

LIFETIME_MS = int(timedelta(hours=3, minutes=45) / timedelta(milliseconds=1))
LIFETIME_SPREAD_MS = int(timedelta(minutes=45) / timedelta(milliseconds=1))
"""A shard lives so long, and up to so much longer, by the random part of its id: 3.8 to 4.5 h were published (S18)."""

OPEN_SHARDS_MAX = 64
"""A schedule that splits goes on to roll from here: doubling has no end by itself."""

FIRST_COUNTER = 2
"""Where a lineage's counter starts: low, so that numbers grow a digit within a few records (S103)."""

_HASH_SPACE = 2**64
_TAIL_STEP = 10**12
"""Each shard of a stream has its own range of tails, so that no two records of a stream share a number (S68)."""


@dataclass(frozen=True, slots=True)
class KeyElement:
    """One attribute of the key schema; ``role`` is HASH or RANGE."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a change was stored, and as what."""

    shard: ShardId
    number: Position
    created_s: int
    body: bytes


def stream_label(created: datetime) -> str:
    """The label of a stream enabled at ``created``: UTC with milliseconds and no zone (S16)."""
    return created.strftime("%Y-%m-%dT%H:%M:%S.") + f"{created.microsecond // 1000:03d}"


class StreamLog:
    """Everything that can be read of one stream.

    ``seed`` makes event ids and shard suffixes; two streams want two seeds. ``first_counter`` is for tests that want a
    certain length of sequence number at once (S103). A stream without roots takes up stored ones (``rows.py``).
    """

    def __init__(
        self,
        arn: StreamArn,
        *,
        view: ViewType,
        keys: Sequence[KeyElement],
        created: datetime,
        seed: bytes,
        roots: int = PROVISIONED_SHARDS,
        first_counter: int = FIRST_COUNTER,
    ) -> None:
        self.arn = arn
        self.view = view
        self.keys = tuple(keys)
        self.created = created
        self.disabled_at: datetime | None = None
        self._seed = seed
        self._drawn = 0
        self._ordinal = 0
        self._last_ms = 0
        self._swept_s = 0
        self._lifetime_s: int | None = None
        self._children = 1
        self._due_ms: int | None = None
        self._hash_name = next(key.name for key in keys if key.role == "HASH")
        self._shards: dict[ShardId, ShardLog] = {}
        self._open_shards: list[ShardLog] = []
        self._lows: list[int] = []
        bounds = [_HASH_SPACE * part // roots for part in range(roots + 1)] if roots else []
        for low, high in pairwise(bounds):
            self._open(None, low, high, first_counter, created)
        self._route(self._shards.values())

    def take_up(
        self,
        shards: Sequence[ShardLog],
        *,
        ordinal: int,
        last_ms: int,
        disabled_at: datetime | None,
        lifetime_s: int | None = None,
        children: int = 1,
    ) -> None:
        """Be the stream that these shards are of."""
        assert not self._shards, "only a stream without shards takes some up"
        self._shards = {one.shard_id: one for one in shards}
        self._lifetime_s, self._children = lifetime_s, children
        self._ordinal, self._last_ms, self.disabled_at = ordinal, last_ms, disabled_at
        self._route(self._shards.values())

    @property
    def ordinal(self) -> int:
        """How many shards were opened so far."""
        return self._ordinal

    @property
    def last_ms(self) -> int:
        """The time in the newest shard's id, in epoch milliseconds."""
        return self._last_ms

    @property
    def lifetime_s(self) -> int | None:
        """How long a shard lives, in seconds; None for about four hours, each a little different (S18)."""
        return self._lifetime_s

    @property
    def children(self) -> int:
        """What a shard that has lived its time is continued by: 1 or 2."""
        return self._children

    @property
    def enabled(self) -> bool:
        return self.disabled_at is None

    def append(self, change: Change, now: datetime) -> Appended | None:
        """Store one committed change; None if it makes no record (S71). The order is that of the calls (S75)."""
        assert self.enabled, "a disabled stream takes no changes"
        kind = kind_of(change)
        if kind is None:
            return None
        item = change.old if change.new is None else change.new
        assert item is not None
        keys = {key.name: item[key.name] for key in self.keys}
        shard = self._shard_of(keys[self._hash_name])
        created_s = int(now.timestamp())
        self.trim(now)
        number = shard.next_number()
        body = encode_record(
            change,
            kind,
            keys=keys,
            view=self.view,
            number=number,
            created_s=created_s,
            region=self.arn.region,
            event_id=self._draw(16),
        )
        shard.append(number, body, created_s)
        return Appended(shard.shard_id, number, shard.created_s, body)

    def shard(self, shard_id: str) -> ShardLog:
        """The shard of that id. Raises ``NotFoundError`` for one that never was or is fully trimmed (S21)."""
        found = self._shards.get(ShardId(shard_id))
        if found is None:
            raise NotFoundError(
                f"Requested resource not found: Shard: {shard_id} in Stream: {self.arn} not found",
                code="ResourceNotFoundException",
            )
        return found

    def shards(self, *, after: str | None = None, children_of: str | None = None) -> list[ShardLog]:
        """Shards in the order of their ids (S8): those behind ``after``, or the children of one (S10)."""
        found = sorted(self._shards.values(), key=lambda one: one.shard_id)
        if children_of is not None:
            found = [one for one in found if one.parent == children_of]
        return found if after is None else [one for one in found if one.shard_id > after]

    def split(self, shard_id: str, now: datetime) -> tuple[ShardId, ...]:
        """Close a shard and continue it with two, each with half of its keys."""
        return self._continue(shard_id, now, parts=2)

    def roll(self, shard_id: str, now: datetime) -> tuple[ShardId, ...]:
        """Close a shard and continue it with one."""
        return self._continue(shard_id, now, parts=1)

    def schedule(self, *, lifetime_s: int | None, children: int) -> None:
        """From now on shards live so long (None: as on AWS) and are continued by so many, 1 or 2."""
        assert children in (1, 2), "shards split or continue, they never merge (S9)"
        self._lifetime_s, self._children = lifetime_s, children
        self._note_due()

    def next_end(self) -> datetime | None:
        """When the next shard has lived its time; None for a stream without open shards."""
        return None if self._due_ms is None else _at(self._due_ms)

    def age(self, now: datetime) -> tuple[ShardId, ...]:
        """End the shards that have lived their time, each at its own instant; which ones ended.

        Generations that nobody could read any more are left out.
        """
        ended: list[ShardId] = []
        now_ms = int(now.timestamp() * 1000)
        forgotten_ms = int((now - RETENTION).timestamp() * 1000) - 2000
        while self._due_ms is not None and self._due_ms <= now_ms:
            one = min(self._open_shards, key=self._end_ms)
            newest_ms = one.created_s * 1000 if len(one) else 0
            when = _at(max(self._end_ms(one), newest_ms, forgotten_ms))
            splits = self._children == 2 and len(self._open_shards) < OPEN_SHARDS_MAX and one.high - one.low > 1
            self._continue(one.shard_id, when, parts=2 if splits else 1)
            ended.append(one.shard_id)
        return tuple(ended)

    def disable(self, now: datetime) -> None:
        """Close every shard; what was written stays readable until it is trimmed (S23)."""
        self.disabled_at = now
        for one in self._open_shards:
            one.close(int(now.timestamp()))
        self._open_shards = []
        self._note_due()

    def trim(self, now: datetime) -> None:
        """Forget records older than 24 h, and closed shards that have nothing left (S21, S24)."""
        horizon_s = int((now - RETENTION).timestamp())
        if horizon_s == self._swept_s:
            return
        self._swept_s = horizon_s
        for one in list(self._shards.values()):
            one.trim(horizon_s)
            if one.closed_s is not None and one.closed_s < horizon_s:
                del self._shards[one.shard_id]

    def gone(self, now: datetime) -> bool:
        """True when the stream was disabled 24 h ago: nobody can describe it any more."""
        return self.disabled_at is not None and self.disabled_at + RETENTION < now

    def _continue(self, shard_id: str, now: datetime, *, parts: int) -> tuple[ShardId, ...]:
        parent = self.shard(shard_id)
        if parent.closed:
            raise SettingsError(f"shard {shard_id} is closed already", hint="name an open shard of the stream")
        if parent.high - parent.low < parts:
            raise SettingsError(f"shard {shard_id} is too narrow to split", hint="split another, or roll this one")
        parent.close(int(now.timestamp()))
        middle = (parent.low + parent.high) // 2
        bounds = (parent.low, middle, parent.high) if parts == 2 else (parent.low, parent.high)
        children = tuple(
            self._open(parent.shard_id, low, high, parent.counter + 1, now) for low, high in pairwise(bounds)
        )
        self._route([*self._open_shards, *(self._shards[one] for one in children)])
        return children

    def _open(self, parent: ShardId | None, low: int, high: int, counter: int, now: datetime) -> ShardId:
        """Open a shard. Ids rise with every shard of a stream, also within one millisecond (S17)."""
        self._last_ms = max(int(now.timestamp() * 1000), self._last_ms + 1)
        shard_id = ShardId(f"shardId-{self._last_ms:020d}-{self._draw(4)}")
        tail = self._ordinal * _TAIL_STEP + int(self._draw(2), 16) * 10
        self._ordinal += 1
        self._shards[shard_id] = ShardLog(
            shard_id, parent=parent, low=low, high=high, counter=counter, tail=tail, created_ms=self._last_ms
        )
        return shard_id

    def _route(self, shards: Iterable[ShardLog]) -> None:
        """Records go to those of ``shards`` that are open.

        To look at a day of shards whenever one ends would take minutes where they live for one.
        """
        self._open_shards = sorted((one for one in shards if not one.closed), key=lambda one: one.low)
        self._lows = [one.low for one in self._open_shards]
        self._note_due()

    def _note_due(self) -> None:
        self._due_ms = min(map(self._end_ms, self._open_shards), default=None)

    def _end_ms(self, shard: ShardLog) -> int:
        """When a shard has lived its time, in epoch milliseconds; follows from its id, so that it need not be kept."""
        if self._lifetime_s is not None:
            return shard.created_ms + self._lifetime_s * 1000
        drawn = int(shard.shard_id.rpartition("-")[2], 16)
        return shard.created_ms + LIFETIME_MS + LIFETIME_SPREAD_MS * drawn // 2**32

    def _shard_of(self, hash_key: object) -> ShardLog:
        """The open shard for a partition key; equal keys, however spelt, go to one shard (S101)."""
        place = int.from_bytes(blake2b(canonical({"k": hash_key}), digest_size=8).digest(), "big")
        return self._open_shards[bisect_right(self._lows, place) - 1]

    def _draw(self, size: int) -> str:
        """The next ``size`` bytes of the stream's randomness, in hex."""
        self._drawn += 1
        return blake2b(self._drawn.to_bytes(8, "big"), key=self._seed[:64], digest_size=size).hexdigest()


def _at(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
