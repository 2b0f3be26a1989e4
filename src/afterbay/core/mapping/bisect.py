"""How a failed batch splits (R92 to R95)."""

from __future__ import annotations

from afterbay.core.mapping.batch import Batch, make_batch
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.shard.position import ShardId

__all__ = ["halves"]


def halves(batch: Batch, shard: ShardId, ids: RequestIds) -> tuple[Batch, Batch]:
    """Cut ``batch``, of two records or more, in two; the left half, floor(n/2) records, goes first.

    Rules: R93 each half is a new batch with a budget of its own, R92 the cut itself uses no retry.
    """
    middle = len(batch.records) // 2
    return (
        make_batch(batch.records[:middle], shard, ids, generation=batch.generation),
        make_batch(batch.records[middle:], shard, ids, generation=batch.generation),
    )
