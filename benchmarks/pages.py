"""GetRecords answers in memory, as DynamoDB Streams writes them: two images, about 1 KB a record.

Made from a seed, so that every run measures the same bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

__all__ = ["STREAM_ARN", "make_pages"]

STREAM_ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000"
SEED = 4
PAGE_RECORDS = 900
"""What fits into a page of 1 MB."""

SHUFFLED = 0.1
"""The part of the records whose members come in another order: nobody promised the usual one."""

KEYS = 5_000
FILLER_BYTES = 64
FIRST_NUMBER = 10**23
COUNTER_STEP = 10**12
CREATED_S = 1_790_000_000


def make_pages(count: int) -> list[bytes]:
    """``count`` full pages, sequence numbers rising through them; every second record ends as ``SHIPPED``."""
    records = _records(random.Random(SEED))
    return [_page([next(records) for _ in range(PAGE_RECORDS)], number) for number in range(count)]


def _page(records: list[dict[str, object]], number: int) -> bytes:
    page = {"NextShardIterator": f"{STREAM_ARN}|1|{number:064d}", "Records": records}
    return json.dumps(page, separators=(",", ":")).encode()


def _records(rng: random.Random) -> Iterator[dict[str, object]]:
    number = 0
    while True:
        number += 1
        yield _record(rng, number)


def _record(rng: random.Random, number: int) -> dict[str, object]:
    key = f"order-{rng.randrange(KEYS):06d}"
    old = _image(rng, key, "PENDING")
    status = "SHIPPED" if number % 2 else "PACKED"
    new = {**old, "status": {"S": status}, "updated": {"N": str(CREATED_S + number)}}
    change: dict[str, object] = {
        "ApproximateCreationDateTime": CREATED_S + number // 1000,
        "Keys": {"pk": {"S": key}},
        "NewImage": new,
        "OldImage": old,
        "SequenceNumber": str(FIRST_NUMBER + number * COUNTER_STEP),
        "SizeBytes": 700,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    record: dict[str, object] = {
        "awsRegion": "eu-west-1",
        "dynamodb": change,
        "eventID": f"{rng.getrandbits(128):032x}",
        "eventName": "MODIFY",
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.1",
    }
    if rng.random() < SHUFFLED:
        record = _shuffled({**record, "dynamodb": _shuffled(change, rng)}, rng)
    return record


def _image(rng: random.Random, key: str, status: str) -> dict[str, object]:
    return {
        "pk": {"S": key},
        "amount": {"N": str(rng.randrange(1, 100_000) / 100)},
        "customer": {"S": f"customer-{rng.randrange(10_000):05d}"},
        "lines": {"L": [{"M": {"sku": {"S": f"{rng.getrandbits(32):08x}"}, "count": {"N": "2"}}}]},
        "note": {"S": f"{rng.getrandbits(FILLER_BYTES * 4):0{FILLER_BYTES}x}"},
        "status": {"S": status},
        "updated": {"N": str(CREATED_S)},
    }


def _shuffled(members: dict[str, object], rng: random.Random) -> dict[str, object]:
    names = list(members)
    rng.shuffle(names)
    return {name: members[name] for name in names}
