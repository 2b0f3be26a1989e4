"""What is odd about a function's answers, told at first, and then now and then: it does so in every invocation."""

from __future__ import annotations

from datetime import datetime, timedelta

from afterbay.core.mapping.commands import Notice, Tell
from afterbay.core.mapping.outcome import FailedSome, NotReached, Outcome
from afterbay.core.shard.position import ShardId

__all__ = ["Warnings"]

AGAIN_AFTER = timedelta(minutes=10)


class Warnings:
    """Those of one shard, or of one queue."""

    def __init__(self) -> None:
        self._told: dict[Notice, tuple[datetime, int]] = {}

    def tell(self, outcome: Outcome, shard: ShardId | None, now: datetime) -> list[Tell]:
        """What to say of ``outcome``, with how often it was seen since it was told last."""
        warned = None if isinstance(outcome, NotReached | FailedSome) else outcome.warned
        if warned is None:
            return []
        last_at, unseen = self._told.get(warned.notice, (None, 0))
        if last_at is not None and now - last_at < AGAIN_AFTER:
            self._told[warned.notice] = (last_at, unseen + 1)
            return []
        self._told[warned.notice] = (now, 0)
        since = f" ({unseen} more since it was told last)" if unseen else ""
        return [Tell(warned.notice, shard, warned.detail + since)]
