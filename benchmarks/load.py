"""Tables and records to measure with: made through AWS's own API, by batch_write_item."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.wire import RawClient

__all__ = ["fill", "item", "make_table", "trim_horizon"]

BATCH_WRITE_MAX = 25


def make_table(client: RawClient, name: str, *, stream: str | None = "NEW_IMAGE") -> str:
    """A table with the string key ``pk``. The ARN of its stream, "" without one."""
    request: dict[str, object] = {
        "TableName": name,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    }
    if stream is not None:
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream}
    arn: str = client.table("CreateTable", request)["TableDescription"].get("LatestStreamArn", "")
    return arn


def item(number: int, filler_bytes: int) -> dict[str, object]:
    """An order of some ten attributes, a list and a map among them; a text of ``filler_bytes`` gives it its size."""
    return {
        "pk": {"S": f"order-{number:08d}"},
        "amount": {"N": f"{number % 1000}.25"},
        "customer": {"S": f"customer-{number % 700:05d}"},
        "express": {"BOOL": number % 2 == 0},
        "lines": {"L": [_line(number), _line(number + 1)]},
        "note": {"S": "x" * filler_bytes},
        "placed": {"S": "2026-09-21T14:03:07Z"},
        "ship_to": {"M": {"city": {"S": "Utrecht"}, "street": {"S": "Lange Nieuwstraat 7"}, "zip": {"S": "3512 PA"}}},
        "status": {"S": "SHIPPED"},
        "version": {"N": "3"},
    }


def _line(number: int) -> dict[str, object]:
    return {"M": {"count": {"N": "2"}, "price": {"N": "12.5"}, "sku": {"S": f"sku-{number % 90:04d}"}}}


def fill(client: RawClient, table: str, count: int, filler_bytes: int) -> None:
    """Write ``count`` different items."""
    for start in range(0, count, BATCH_WRITE_MAX):
        numbers = range(start, min(count, start + BATCH_WRITE_MAX))
        puts = [{"PutRequest": {"Item": item(number, filler_bytes)}} for number in numbers]
        client.table("BatchWriteItem", {"RequestItems": {table: puts}})


def trim_horizon(client: RawClient, stream: str) -> Iterator[str]:
    """An iterator at the oldest record, for each shard."""
    for shard in client.stream("DescribeStream", {"StreamArn": stream})["StreamDescription"]["Shards"]:
        place = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        yield client.stream("GetShardIterator", place)["ShardIterator"]
