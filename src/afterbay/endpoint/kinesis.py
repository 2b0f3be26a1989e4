"""Kinesis streams of the address: moto's, mended where a reader would lose or repeat records.

moto moves a shard's records to its children when it is split or merged, goes on writing to the parent, never ends a
closed shard, and forgets whose an iterator is that was asked for by ARN. As on AWS, here records stay where they were
written, new ones go to open shards only, and the last page of a closed shard has no iterator behind it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from datetime import datetime
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

_PUT_RECORDS = "Kinesis_20131202.PutRecords"


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
        if parse_arn(stream_arn).account != ACCOUNT:
            return False
        return await self._moto.run(lambda: self.has(stream_arn))

    async def close(self) -> None:
        """Leave moto as it was."""
        await self._moto.run(self._mended.close)
        self._is_mended = False

    def has(self, stream_arn: str) -> bool:
        """True for a stream of this address. For moto's thread."""
        arn = parse_arn(stream_arn)
        return arn.resource.partition("/")[2] in _streams(arn.region)

    def deliver(self, stream_arn: str, records: Iterable[tuple[str, bytes]]) -> bool:
        """Write records, each with its partition key, and wake who reads; False if the stream is gone.

        Larger ones too than PutRecords takes (S91): none is lost here. For moto's thread.
        """
        self.mend()
        arn = parse_arn(stream_arn)
        name = arn.resource.partition("/")[2]
        if name not in _streams(arn.region):
            return False
        from moto.kinesis.models import kinesis_backends

        backend: KinesisBackend = kinesis_backends[ACCOUNT][arn.region]

        def put(_: Request) -> Response:
            for partition_key, data in records:
                backend.put_record(stream_arn, name, partition_key, "", b64encode(data).decode())
            return Response()

        keeper = self._moto.keeper
        headers = {"x-amz-target": _PUT_RECORDS, "content-type": "application/x-amz-json-1.1"}
        request = Request("POST", "/", "", headers, b"", arn.region)
        _ = put(request) if keeper is None else keeper.around(request, put)
        self._moto.on_loop(self.news.tell)
        return True

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
        (KinesisBackend, "get_shard_iterator"): _iterators_know_their_stream(KinesisBackend.get_shard_iterator),
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


GetShardIterator = Callable[["KinesisBackend", "str | None", "str | None", str, str, int, datetime], str]


def _iterators_know_their_stream(get_shard_iterator: GetShardIterator) -> GetShardIterator:
    @wraps(get_shard_iterator)
    def named(
        backend: KinesisBackend,
        stream_arn: str | None,
        stream_name: str | None,
        shard_id: str,
        shard_iterator_type: str,
        starting_sequence_number: int,
        at_timestamp: datetime,
    ) -> str:
        name = backend.describe_stream(stream_arn=stream_arn, stream_name=stream_name).stream_name
        return get_shard_iterator(
            backend, stream_arn, name, shard_id, shard_iterator_type, starting_sequence_number, at_timestamp
        )

    return named
