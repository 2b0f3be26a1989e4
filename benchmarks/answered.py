"""The driver of a machine in a benchmark: what each command is answered with, at once and without a world."""

from __future__ import annotations

from collections.abc import Callable

from afterbay.core.mapping.commands import Command, Deliver, ListShards, LoadPositions, ReadShard, SavePositions
from afterbay.core.mapping.events import (
    Event,
    Invoked,
    PositionsLoaded,
    PositionsSaved,
    RecordsRead,
    ShardsListed,
)
from afterbay.core.mapping.outcome import Outcome
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId

__all__ = ["SHARD", "answered"]

SHARD = ShardId("shardId-00000001790000000000-00000000")


def answered(
    command: Command, read: Callable[[ReadShard], RecordsRead | None], deliver: Callable[[Deliver], Outcome]
) -> Event | None:
    """``read`` gives the next page, None at the end; ``deliver`` says what became of a batch."""
    match command:
        case ReadShard():
            return read(command)
        case Deliver(shard=shard, lane=lane, batch=batch):
            return Invoked(shard, lane, batch.request_id, deliver(command))
        case SavePositions():
            return PositionsSaved()
        case LoadPositions():
            return PositionsLoaded(())
        case ListShards():
            return ShardsListed((ShardDescription(SHARD, (), closed=False),))
        case _:
            return None
