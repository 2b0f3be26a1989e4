"""Messages under way: a queue's batch, and which of its messages an answer left undone."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from afterbay.core.change.message import Message
from afterbay.core.mapping.batch import Batch, make_batch
from afterbay.core.mapping.request_id import RequestIds
from afterbay.core.shard.position import Position, ShardId

__all__ = ["MessageBatch"]


@dataclass(slots=True, eq=False)
class MessageBatch:
    """``again_at``: the function was not reached, and is tried again then; None while it is being invoked or its
    messages deleted. ``hidden_until``: then the queue hands the first of them out again."""

    batch: Batch
    messages: tuple[Message, ...]
    hidden_until: datetime
    again_at: datetime | None = None

    @property
    def groups(self) -> frozenset[str]:
        return frozenset(one.group for one in self.messages if one.group is not None)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(message.message_id for message in self.messages)

    def split(self, failed: Set[Position]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """The messages that are done, and those that are not."""
        pairs = list(zip(self.batch.records, self.messages, strict=True))
        done = tuple(message for record, message in pairs if record.position not in failed)
        return done, tuple(message for record, message in pairs if record.position in failed)

    def rest(self, left: Set[Position], ids: RequestIds) -> MessageBatch:
        """A batch of those that are ``left``, hidden as long as this one."""
        records = [record for record in self.batch.records if record.position in left]
        _, messages = self.split(left)
        receipt = ShardId(messages[0].receipt)
        batch = make_batch(records, receipt, ids, generation=self.batch.generation + 1)
        return MessageBatch(batch, messages, self.hidden_until)
