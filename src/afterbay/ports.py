"""What the engine needs from the world, one page: each protocol has at least one adapter, and an in-memory one for
tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from afterbay.core.change.message import Message
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Verdict
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId, StartAt

__all__ = [
    "Answer",
    "CheckpointStore",
    "Function",
    "JournalReader",
    "JournalRow",
    "JournalStore",
    "OutboxEntry",
    "Page",
    "QueueSource",
    "ShardListing",
    "Sink",
    "Source",
    "Target",
]


@dataclass(frozen=True, slots=True)
class ShardListing:
    """What the stream says of its shards. ``complete`` is False for a listing of one shard's children only.

    ``tips`` holds, for a source that knows it, the position of the newest record of each open shard (None: no record
    yet); LATEST then needs no clock (S45).
    """

    shards: tuple[ShardDescription, ...]
    complete: bool
    stream_disabled: bool = False
    tips: dict[ShardId, StartAt] = field(default_factory=dict[ShardId, StartAt])


@dataclass(frozen=True, slots=True)
class Page:
    """One read of one shard, in the shard's order. ``end``: the shard has nothing behind this page, ever (S43)."""

    records: tuple[RawRecord, ...]
    end: bool = False


class Source(Protocol):
    """A stream. Raises ``ServiceError`` only; keeps iterators to itself."""

    @property
    def orders_parents(self) -> bool:
        """True where the source itself hands over parents before children (a fleet)."""
        ...

    async def list_shards(self, *, pin_latest: bool, children_of: ShardId | None = None) -> ShardListing:
        """List the shards, or the children of one. ``pin_latest``: fix LATEST in every open shard while at it."""
        ...

    async def read(self, shard: ShardId, start: StartAt, *, limit: int, pause_s: float) -> Page:
        """Read on from ``start``. May wait up to ``pause_s`` (clock seconds) first if it knows of nothing new."""
        ...

    def forget(self, shard: ShardId) -> None:
        """Drop what is kept for a shard (iterators): it is no longer read."""
        ...

    async def close(self) -> None: ...


class QueueSource(Protocol):
    """A queue. Raises ``ServiceError`` only, but for ``RecordError`` where an answer cannot be read."""

    async def visibility_s(self) -> float:
        """How long a message that was received stays hidden."""
        ...

    async def receive(self, *, limit: int, wait_s: float, hides_s: int | None = None) -> tuple[Message, ...]:
        """Up to ``limit`` messages (10 at most). May wait up to ``wait_s`` for the first one. They stay hidden for
        ``hides_s``; None: for ``visibility_s``."""
        ...

    def stop_waiting(self) -> None:
        """Receives that wait should answer soon, with nothing."""
        ...

    async def delete(self, messages: Sequence[Message]) -> tuple[int, str | None]:
        """How many are deleted, and why the others are not."""
        ...

    async def give_back(self, messages: Sequence[Message]) -> None:
        """Make them visible at once."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function answered. ``payload`` is its JSON (or the error document); ``function_error`` None or
    "Unhandled"."""

    payload: bytes
    function_error: str | None = None
    executed_version: str = "$LATEST"


class Function(Protocol):
    """A function that can be invoked. An answer with an error is an ``Answer``; ``ServiceError`` means it was not
    reached."""

    async def invoke(self, payload: bytes, *, request_id: str) -> Answer: ...


class Target(Protocol):
    """Where a dead letter goes. Returns when the service has it; raises ``ServiceError``."""

    async def send(self, letter: Letter, *, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A stored letter that is still to be sent. ``tries`` counts failed sends."""

    number: int
    letter: Letter
    tries: int
    last_error: str | None


class CheckpointStore(Protocol):
    """Positions and the outbox of dead letters, of many mappings. Blocking: the engine calls it in a thread.

    Every method is one transaction: after it returns, the change survives a crash.
    """

    def load(self, mapping: str) -> tuple[SavedShard, ...]: ...

    def save(self, mapping: str, shards: Sequence[SavedShard], forget: Sequence[ShardId] = ()) -> None:
        """Replace the rows of ``shards``; remove those of ``forget``."""
        ...

    def delete(self, mapping: str) -> None:
        """Forget every position of a mapping; its letters stay until they are sent."""
        ...

    def store_letter(self, letter: Letter, *, outbox_max: int) -> bool:
        """Keep a letter until it is sent; the same (mapping, shard, request id, last record) is kept once. False: the
        outbox is full."""
        ...

    def outbox(self, *, limit: int) -> tuple[OutboxEntry, ...]:
        """The letters whose turn is next; one that failed goes behind the others."""
        ...

    def outbox_size(self) -> int:
        """How many letters are stored and not sent."""
        ...

    def letter_sent(self, number: int) -> None: ...

    def letter_failed(self, number: int, error: str) -> None: ...

    def seed(self) -> bytes:
        """The random bytes made when the store was; request ids derive from them."""
        ...

    def close(self) -> None: ...


class JournalRow(NamedTuple):
    """One entry of the journal (``telemetry/journal.py``) and what it is found by.

    ``first`` and ``last``: the range of positions that it is about; None: about no record in particular. ``shard`` is
    empty in a row about the whole mapping, ``mapping`` too where only a request id is known.
    """

    mapping: str
    shard: str
    first: int | None
    last: int | None
    request_id: str | None
    body: bytes


class JournalReader(Protocol):
    """Rows of the journal, oldest first, each with its number: numbers rise, and are not used again. Blocking."""

    def seed(self) -> bytes:
        """The store's random bytes; marks of keys are made under a key derived from them."""
        ...

    def journal_at(self, positions: Collection[int], shard: str | None) -> list[tuple[int, JournalRow]]:
        """Rows whose range holds one of ``positions``, of one shard or of all."""
        ...

    def journal_holding(self, content: bytes) -> list[tuple[int, JournalRow]]:
        """Rows whose body holds these bytes somewhere."""
        ...

    def journal_of_requests(self, request_ids: Collection[str]) -> list[tuple[int, JournalRow]]:
        """Rows that name one of these requests."""
        ...

    def journal_of_shard(self, mapping: str | None, shard: str | None) -> list[tuple[int, JournalRow]]:
        """Rows without range and request: about the whole mapping or the shard itself. None: of all mappings, of all
        shards."""
        ...


class JournalStore(JournalReader, Protocol):
    """Where the engine writes its journal. Blocking: it has a thread of its own for it."""

    def append_journal(self, rows: Sequence[JournalRow]) -> None:
        """Keep ``rows``, as one transaction; beyond the bounds of the store the oldest rows go. What a crash of the
        machine takes of it is not missed."""
        ...


class Sink(Protocol):
    """A guarded destination (E5). One verdict per change, in order (E8)."""

    def apply(self, changes: Sequence[ChangeRecord]) -> list[Verdict]: ...

    def close(self) -> None: ...
