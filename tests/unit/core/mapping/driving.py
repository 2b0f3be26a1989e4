"""A driver for machine tests: performs commands against a stream of lists and a scripted function; time is passed
in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from afterbay.core.change.raw import ItemKey, RawRecord
from afterbay.core.mapping.batch import Batch
from afterbay.core.mapping.checkpoint import SavedShard
from afterbay.core.mapping.commands import (
    Command,
    Deliver,
    ForgetPositions,
    ListShards,
    LoadPositions,
    ReadShard,
    ReleaseShard,
    Rest,
    SavePositions,
    StoreLetter,
    Tell,
    WakeAt,
)
from afterbay.core.mapping.deadletter import Letter
from afterbay.core.mapping.events import (
    Created,
    Event,
    Invoked,
    LetterStored,
    PositionsForgotten,
    PositionsLoaded,
    PositionsSaved,
    RecordsRead,
    Rested,
    ShardsListed,
    Woke,
)
from afterbay.core.mapping.machine import Mapping
from afterbay.core.mapping.outcome import Delivered, Outcome
from afterbay.core.mapping.response import read_answer
from afterbay.core.mapping.settings import MappingSettings, StartingPosition
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import After, AtTime, Latest, Position, ShardId, StartAt

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"


def settings(**changes: object) -> MappingSettings:
    values: dict[str, object] = {
        "event_source_arn": ARN,
        "function_arn": "arn:aws:lambda:eu-west-1:000000000000:function:f",
        "starting_position": StartingPosition.TRIM_HORIZON,
    }
    return MappingSettings(**{**values, **changes})  # type: ignore[arg-type]


def record(position: int, key: str = "k", *, age_s: float = 0.0, body: bytes = b"{}") -> RawRecord:
    return RawRecord(body, position, ItemKey(key.encode()), T0.timestamp() - age_s, "INSERT")


def answered(batch: Batch, payload: bytes, *, error: str | None = None, partial: bool, window: bool = False) -> Outcome:
    """What comes of it when the function answers ``payload``; records are named by their positions."""
    return read_answer(
        payload,
        function_error=error,
        executed_version="$LATEST",
        positions={str(one.position): Position(one.position) for one in batch.records},
        partial=partial,
        window=window,
    )


@dataclass
class Stored:
    """What survives a crash."""

    rows: dict[ShardId, SavedShard] = field(default_factory=dict)
    letters: dict[str, Letter] = field(default_factory=dict)
    restarted: bool = False


class World:
    """``stream``: records per shard; ``function``: batch -> outcome. Time stands still unless ``run`` moves it."""

    def __init__(
        self,
        mapping_settings: MappingSettings,
        stream: dict[str, list[RawRecord]],
        function: Callable[[Batch], Outcome] = lambda batch: Delivered(),
        *,
        parents: dict[str, tuple[str, ...]] | None = None,
        closed: set[str] | None = None,
        stored: Stored | None = None,
        page: int = 1000,
        retention_s: float | None = None,
    ) -> None:
        self.now = T0
        self.stream, self.function, self.page = stream, function, page
        self.parents = parents or {}
        self.closed = closed or set()
        self.stored = stored or Stored()
        self.stored.restarted = bool(self.stored.rows)
        self.mapping = Mapping("uuid-1", mapping_settings, b"seed", retention_s=retention_s)
        self.delivered: list[list[int]] = []
        self.batches: list[Batch] = []
        self.deliveries: list[Deliver] = []
        self.told: list[Tell] = []
        self.saves: list[SavePositions] = []
        self.pending: list[tuple[datetime, Command]] = []
        self.wake: datetime | None = None
        self.in_hand: list[Deliver] = []
        self.hold = False
        self.hold_saves = False
        self.saves_in_hand: list[SavePositions] = []
        self.max_in_flight = 0

    def tell(self, event: Event) -> tuple[Command, ...]:
        commands = self.mapping.handle(event, self.now)
        for command in commands:
            match command:
                case WakeAt(when=when):
                    self.wake = when
                case Tell():
                    self.told.append(command)
                case ReleaseShard():
                    pass
                case Deliver() if self.hold:
                    self.in_hand.append(command)
                case SavePositions() if self.hold_saves:
                    self.saves_in_hand.append(command)
                case ReadShard(pause_s=pause_s, delay_s=delay_s):
                    self.pending.append((self.now + timedelta(seconds=pause_s + delay_s), command))
                case ListShards(delay_s=delay_s) | Rest(delay_s=delay_s):
                    self.pending.append((self.now + timedelta(seconds=delay_s), command))
                case _:
                    self.pending.append((self.now + timedelta(seconds=self.takes_s(command)), command))
        return commands

    def takes_s(self, command: Command) -> float:
        """How long a delivery, a save or a letter takes; for worlds in which things overlap."""
        return 0.0

    def start(self, *, enabled: bool = True) -> World:
        self.tell(Created(enabled))
        return self

    def run(self, seconds: float = 0.0) -> World:
        """Perform everything due up to ``seconds`` from now, in order of its time."""
        until = self.now + timedelta(seconds=seconds)
        for _ in range(100_000):
            due = min((moment for moment, _ in self.pending), default=None)
            wake = self.wake if self.wake is not None and (due is None or self.wake < due) else None
            moment = wake or due
            if moment is None or moment > until:
                self.now = max(self.now, until)
                return self
            self.now = max(self.now, moment)
            if wake is not None:
                self.wake = None
                self.tell(Woke())
                continue
            index = next(i for i, (at, _) in enumerate(self.pending) if at == due)
            _, command = self.pending.pop(index)
            self.tell(self.perform(command))
        raise AssertionError("the machine does not come to rest")

    def perform(self, command: Command) -> Event:
        match command:
            case LoadPositions():
                return PositionsLoaded(tuple(self.stored.rows.values()))
            case SavePositions(shards=rows, forget=forget):
                self.saves.append(command)
                self.stored.rows |= {row.shard: row for row in rows}
                for shard in forget:
                    self.stored.rows.pop(shard, None)
                return PositionsSaved()
            case ForgetPositions():
                self.stored.rows.clear()
                return PositionsForgotten()
            case ListShards(children_of=parent):
                return self.listing(parent)
            case ReadShard():
                return self.read(command)
            case Deliver(shard=shard, lane=lane, batch=batch):
                self.max_in_flight = max(self.max_in_flight, 1)
                self.batches.append(batch)
                self.deliveries.append(command)
                self.delivered.append([r.position for r in batch.records])
                return Invoked(shard, lane, batch.request_id, self.function(batch))
            case Rest(shard=shard, lane=lane, run=run, request_id=request_id):
                return Rested(shard, lane, run, request_id)
            case StoreLetter(shard=shard, lane=lane, letter=letter):
                key = f"{letter.request_id} to {letter.last}"  # a crash may have stored what is discarded again
                assert key not in self.stored.letters or self.stored.restarted, "a letter is stored once"
                self.stored.letters[key] = letter
                return LetterStored(shard, lane, letter.request_id)
            case _:
                raise AssertionError(f"not to be performed: {command}")

    def answer(self, index: int = 0) -> None:
        """Answer a delivery that was held back."""
        command = self.in_hand.pop(index)
        self.tell(self.perform(command))

    def listing(self, parent: ShardId | None) -> ShardsListed:
        described = tuple(
            ShardDescription(
                ShardId(name), tuple(ShardId(p) for p in self.parents.get(name, ())), closed=name in self.closed
            )
            for name in self.stream
            if parent is None or parent in self.parents.get(name, ())
        )
        return ShardsListed(described, complete=parent is None, children_of=parent)

    def read(self, command: ReadShard) -> RecordsRead:
        records = [r for r in self.stream[command.shard] if behind(r, command.start)]
        end = command.shard in self.closed and len(records) <= self.page
        return RecordsRead(command.shard, command.run, tuple(records[: self.page]), end)

    @property
    def letters(self) -> list[Letter]:
        return list(self.stored.letters.values())

    def saved(self, shard: str = "s") -> object:
        return self.stored.rows[ShardId(shard)].at


def behind(one: RawRecord, start: StartAt) -> bool:
    match start:
        case After(position=position):
            return one.position > position
        case AtTime(time=time) | Latest(since=time):
            return one.created_s >= int(time.timestamp())
        case _:
            return True


def after(position: int) -> After:
    return After(Position(position))
