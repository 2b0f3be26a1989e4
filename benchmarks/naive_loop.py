"""What people write first: boto3 reads a stream, and a handler gets its records a hundred at a time.

A process of its own: ``python -m benchmarks.naive_loop STREAM_ARN COUNT STARTED``. ``STARTED`` is a file that gets the
monotonic nanosecond at which the reading begins, once imports and client are done.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import boto3

from benchmarks.stopwatch import handler

BATCH = 100


def main(stream: str, count: int, started: Path) -> None:
    client = boto3.client("dynamodbstreams")
    started.write_text(f"{time.monotonic_ns()}\n", encoding="utf-8")
    shards = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    done = 0
    for shard in shards:
        place = client.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        iterator = place["ShardIterator"]
        while iterator is not None and done < count:
            page = client.get_records(ShardIterator=iterator, Limit=1000)
            records = page["Records"]
            for start in range(0, len(records), BATCH):
                handler({"Records": records[start : start + BATCH]}, None)
            done += len(records)
            iterator = page.get("NextShardIterator")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
