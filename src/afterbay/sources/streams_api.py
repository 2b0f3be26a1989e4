"""What a stream's reader asks of DynamoDB Streams: four calls, over HTTP or in-process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from afterbay.core.change.raw import RawRecord
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId

__all__ = ["Clock", "IteratorType", "ShardPage", "StreamsApi"]

IteratorType = Literal["TRIM_HORIZON", "LATEST", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"]


class Clock(Protocol):
    """The process's clock, as far as a source needs one."""

    def now(self) -> datetime: ...

    async def sleep_until(self, when: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class ShardPage:
    """One answer of DescribeStream (S7). ``last`` is where the next page starts; None on the last one."""

    shards: tuple[ShardDescription, ...]
    status: str
    last: ShardId | None


class StreamsApi(Protocol):
    """The data plane. Raises ``ServiceError`` only, but for ``RecordError`` where an answer cannot be read."""

    async def describe_stream(
        self, stream_arn: str, *, after: ShardId | None = None, children_of: ShardId | None = None
    ) -> ShardPage:
        """One page of shards, in the order of their ids (S8). ``children_of`` is the CHILD_SHARDS filter (S10)."""
        ...

    async def get_shard_iterator(
        self,
        stream_arn: str,
        shard: ShardId,
        kind: IteratorType,
        *,
        sequence_number: str | None = None,
        timestamp: float | None = None,
    ) -> str:
        """An iterator (S11). ``timestamp`` is epoch seconds."""
        ...

    async def get_records(
        self, stream_arn: str, iterator: str, *, limit: int
    ) -> tuple[Sequence[RawRecord], str | None]:
        """Records in Lambda's form, and the next iterator: None at the end of the shard (S43)."""
        ...

    async def wait_for_records(self, iterator: str, timeout_s: float) -> None:
        """Return after ``timeout_s`` of clock time, or as soon as a read of ``iterator`` would tell something new."""
        ...
