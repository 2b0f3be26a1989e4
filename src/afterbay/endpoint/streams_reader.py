"""The engine's way to the address's own streams: no HTTP between, the same service, and so the same faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from afterbay.aws.errors import service_error
from afterbay.core.change.raw import RawRecord
from afterbay.core.change.wire import raw_record
from afterbay.core.shard.lineage import ShardDescription
from afterbay.core.shard.position import ShardId
from afterbay.endpoint.services.dynamodb_streams import StreamsService
from afterbay.errors import EndpointError, ServiceError
from afterbay.sources.streams_api import IteratorType, ShardPage

__all__ = ["IDLE_WAIT_S", "InProcessStreams"]

IDLE_WAIT_S = 300.0
"""How long an idle shard of the address is listened to at a time; well below the life of an iterator (S42). Reading it
four times a second (R53) would make eight idle hours, passed by the clock, 100,000 wake-ups of every shard."""


async def _nothing_to_wait_for() -> None:
    return


class InProcessStreams:
    """A ``sources.streams_api.StreamsApi`` on the ``StreamsService``. Writers wake readers.

    An answer is given once what it tells of is ``durable``: a position must not be saved behind a record that is not.
    """

    def __init__(self, streams: StreamsService, durable: Callable[[], Awaitable[None]] = _nothing_to_wait_for) -> None:
        self._streams = streams
        self._durable = durable

    async def describe_stream(
        self, stream_arn: str, *, after: ShardId | None = None, children_of: ShardId | None = None
    ) -> ShardPage:
        try:
            page = await self._streams.describe_stream(stream_arn, after=after, children_of=children_of)
        except EndpointError as error:
            raise _ours(error) from error
        await self._durable()
        shards = tuple(
            ShardDescription(
                shard.shard_id,
                (shard.parent,) if shard.parent else (),
                closed=shard.closed and shard.shard_id not in page.shown_open,
            )
            for shard in page.shards
        )
        return ShardPage(shards, page.status, page.last)

    async def get_shard_iterator(
        self,
        stream_arn: str,
        shard: ShardId,
        kind: IteratorType,
        *,
        sequence_number: str | None = None,
        timestamp: float | None = None,
    ) -> str:
        try:
            iterator = await self._streams.get_shard_iterator(
                stream_arn, shard, kind, sequence_number=sequence_number, timestamp=timestamp
            )
        except EndpointError as error:
            raise _ours(error) from error
        await self._durable()
        return iterator

    async def get_records(
        self, stream_arn: str, iterator: str, *, limit: int
    ) -> tuple[Sequence[RawRecord], str | None]:
        try:
            page = await self._streams.get_records(iterator, limit)
        except EndpointError as error:
            raise _ours(error) from error
        await self._durable()
        records = [raw_record(raw, stream_arn, index=index) for index, raw in enumerate(page.records)]
        return records, page.next_iterator

    async def wait_for_records(self, iterator: str, timeout_s: float) -> None:
        """Until a writer wakes the reader, or for longer than was asked for: nothing new can be missed here."""
        try:
            await self._streams.wait_behind(iterator, max(timeout_s, IDLE_WAIT_S))
        except EndpointError as error:
            raise _ours(error) from error


def _ours(error: EndpointError) -> ServiceError:
    return service_error(error.code, error.message, status=error.status)
