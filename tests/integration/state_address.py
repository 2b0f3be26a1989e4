"""``afterbay dev --state`` as a child that a test kills and starts again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.forked import launch
from integration.serving import READY, WAIT_S, Served, environment, unique, wait_for


@contextmanager
def killed(state: Path, folder: Path) -> Iterator[Served]:
    """An address on ``state``; SIGKILL when the block ends, however it ends."""
    log = folder / f"{unique('dev')}.log"
    words = ("dev", "--port", "0", "--state", str(state))
    with log.open("wb") as stderr:
        process = launch(*words, env=environment(), stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        wait_for(lambda: process.poll() is not None or READY.search(log.read_text()), "the address is ready")
        told = READY.search(log.read_text())
        assert told, log.read_text()[-2000:]
        served = Served(told[1], process, log)
        yield served
        served.close()
    finally:
        process.kill()
        process.wait(WAIT_S)


def records_of(served: Served, stream: str) -> list[dict]:
    """Every record that can be read, parents before children."""
    client = served.client("dynamodbstreams")
    shards = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    found: list[dict] = []
    for shard in shards:
        one = client.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        while one is not None:
            page = client.get_records(ShardIterator=one)
            found += page["Records"]
            one = page.get("NextShardIterator") if page["Records"] else None
    return found
