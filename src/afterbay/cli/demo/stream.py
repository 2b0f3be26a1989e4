"""The whole stream, read by boto3 from its oldest record on, parents before their children."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import afterbay
from afterbay.core.change.record import ChangeRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_dynamodbstreams.type_defs import ShardTypeDef

__all__ = ["Streamed", "parents_first", "read_stream"]

PAGES_MAX = 10_000
"""Pages of one shard. The demo's whole input is some twenty; a shard that never ends must not hold the demo."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A change and the shard that it was read from."""

    shard: str
    change: ChangeRecord

    @property
    def pk(self) -> str:
        return str(self.change.keys["pk"])


def read_stream(client: DynamoDBStreamsClient, stream_arn: str) -> list[Streamed]:
    """Everything that the stream holds now."""
    found: list[Streamed] = []
    for shard in parents_first(_shards(client, stream_arn)):
        for records in _pages(client, stream_arn, shard):
            changes = afterbay.changes({"Records": records}, stream_arn=stream_arn)
            found += (Streamed(shard, change) for change in changes)
    return found


def parents_first(parents: Mapping[str, str | None]) -> list[str]:
    """Shards (id -> its parent's id) in an order in which no child comes before its parent."""
    ordered: dict[str, None] = {}

    def visit(shard: str) -> None:
        lineage: list[str] = []
        here: str | None = shard
        while here is not None and here in parents and here not in ordered and here not in lineage:
            lineage.append(here)
            here = parents[here]
        ordered.update(dict.fromkeys(reversed(lineage)))

    for shard in parents:
        visit(shard)
    return list(ordered)


def _shards(client: DynamoDBStreamsClient, stream_arn: str) -> dict[str, str | None]:
    listed: list[ShardTypeDef] = []
    described = client.describe_stream(StreamArn=stream_arn)["StreamDescription"]
    listed += described.get("Shards", [])
    while last := described.get("LastEvaluatedShardId"):
        described = client.describe_stream(StreamArn=stream_arn, ExclusiveStartShardId=last)["StreamDescription"]
        listed += described.get("Shards", [])
    return {shard.get("ShardId", ""): shard.get("ParentShardId") for shard in listed}


def _pages(client: DynamoDBStreamsClient, stream_arn: str, shard: str) -> Iterator[list[Mapping[str, object]]]:
    iterator: str | None = client.get_shard_iterator(
        StreamArn=stream_arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    for _ in range(PAGES_MAX):
        if not iterator:
            return  # the end of a closed shard
        page = client.get_records(ShardIterator=iterator, Limit=1000)
        records: list[Mapping[str, object]] = [dict(record) for record in page["Records"]]
        if not records:
            return  # an open shard, read up to now: nobody writes any more
        yield records
        iterator = page.get("NextShardIterator")
