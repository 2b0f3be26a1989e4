"""Kinesis streams of the address: moto's, mended where a reader would lose or repeat records.

moto moves a shard's records to its children when it is split or merged, goes on writing to the parent, and never ends
a closed shard. As on AWS, here records stay where they were written, new ones go to open shards only, and the last page
of a closed shard has no iterator behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import TYPE_CHECKING

from afterbay.core.change.arn import parse_arn
from afterbay.endpoint.moto import Moto
from afterbay.endpoint.protocol import ACCOUNT, Request, Response, TimeKeeper
from afterbay.sources.news import News

if TYPE_CHECKING:
    from moto.kinesis.models import KinesisBackend, Record, Shard, Stream

__all__ = ["KinesisStreams"]

_READING = ("Get", "List", "Describe")
"""How operations that write nothing begin: a reader must not wake itself."""


class KinesisStreams:
    """The service as the address calls it. ``news`` tells whoever reads that something was written."""

    def __init__(self, moto: Moto, clock: TimeKeeper) -> None:
        self.news = News(clock)
        self._moto = moto
        self._mended = ExitStack()
        self._is_mended = False

    async def __call__(self, request: Request) -> Response:
        response = await self._moto.run(lambda: self._call(request))
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if not operation.startswith(_READING):
            self.news.tell()
        return response

    async def exists(self, stream_arn: str) -> bool:
        """True for a stream of this address."""
        arn = parse_arn(stream_arn)
        if arn.account != ACCOUNT:
            return False
        name = arn.resource.partition("/")[2]
        return await self._moto.run(lambda: name in _streams(arn.region))

    async def close(self) -> None:
        """Leave moto as it was."""
        await self._moto.run(self._mended.close)
        self._is_mended = False

    def mend(self) -> None:
        """Mend moto, if it is not. For moto's thread."""
        if not self._is_mended:
            self._mended.enter_context(_mended())
            self._is_mended = True

    def _call(self, request: Request) -> Response:
        self.mend()
        return self._moto.call(request)


def _streams(region: str) -> dict[str, Stream]:
    from moto.kinesis.models import kinesis_backends

    backend: KinesisBackend = kinesis_backends[ACCOUNT][region]
    return backend.streams


@contextmanager
def _mended() -> Generator[None]:
    """moto's classes with our methods around theirs."""
    from moto.kinesis.models import KinesisBackend, Stream

    theirs = {
        (Stream, "split_shard"): _records_stay(Stream.split_shard),
        (Stream, "merge_shards"): _records_stay(Stream.merge_shards),
        (Stream, "get_shard_for_key"): _open_shards_take(Stream.get_shard_for_key),
        (KinesisBackend, "get_records"): _closed_shards_end(KinesisBackend.get_records),
    }
    before = {(kind, name): kind.__dict__[name] for kind, name in theirs}
    for (kind, name), method in theirs.items():
        setattr(kind, name, method)
    try:
        yield
    finally:
        for (kind, name), method in before.items():
            setattr(kind, name, method)


def _records_stay(reshard: Callable[[Stream, str, str], None]) -> Callable[[Stream, str, str], None]:
    @wraps(reshard)
    def resharded(stream: Stream, shard: str, other: str) -> None:
        written = {name: one.records for name, one in stream.shards.items()}
        for one in stream.shards.values():
            one.records = type(one.records)()  # nothing to move
        try:
            reshard(stream, shard, other)
        finally:
            for name, records in written.items():
                stream.shards[name].records = records

    return resharded


ShardForKey = Callable[["Stream", str, str], "Shard | None"]


def _open_shards_take(shard_for_key: ShardForKey) -> ShardForKey:
    @wraps(shard_for_key)
    def chosen(stream: Stream, partition_key: str, explicit_hash_key: str) -> Shard | None:
        every = stream.shards
        stream.shards = {name: one for name, one in every.items() if one.is_open}
        try:
            found = shard_for_key(stream, partition_key, explicit_hash_key)
            if found is None and explicit_hash_key:  # moto leaves out the last key of each range
                last = int(explicit_hash_key)
                found = next((one for one in stream.shards.values() if one.ending_hash == last), None)
            return found
        finally:
            stream.shards = every

    return chosen


GetRecords = Callable[["KinesisBackend", "str | None", str, "int | None"], "tuple[str, list[Record], int]"]


def _closed_shards_end(
    get_records: GetRecords,
) -> Callable[[KinesisBackend, str | None, str, int | None], tuple[str | None, list[Record], int]]:
    from moto.kinesis.utils import decompose_shard_iterator

    @wraps(get_records)
    def ending(
        backend: KinesisBackend, stream_arn: str | None, shard_iterator: str, limit: int | None
    ) -> tuple[str | None, list[Record], int]:
        following, records, behind = get_records(backend, stream_arn, shard_iterator, limit)
        name, shard_id, last = decompose_shard_iterator(following)
        stream = backend.describe_stream(stream_arn=stream_arn, stream_name=name)
        shard: Shard = stream.get_shard(shard_id)
        ended = not shard.is_open and int(last) >= shard.get_max_sequence_number()
        return (None if ended else following), records, behind

    return ending
