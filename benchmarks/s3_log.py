"""``s3_log``: change log of two images a row into a local S3 server, beside plain uploads of the same lines."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from contextlib import closing
from pathlib import Path

from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median

__all__ = ["BENCHMARK"]

SERVER = Path(__file__).parent.parent / "scripts" / "servers" / "seaweedfs.sh"
ROUNDS = 5
BATCH = 1_000
IMAGE_BYTES = 4_000
MB_PER_S_MIN = 50.0
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def _changes(number: int):
    """A batch as a function gets it, of about 8 kB a record; each batch has numbers of its own."""
    import msgspec

    import afterbay

    def image(index: int, version: int) -> dict[str, object]:
        words = (index * 2_654_435_761 + word * 40_503 + version for word in range(IMAGE_BYTES // 9))
        note = " ".join(f"{word % 4_294_967_296:08x}" for word in words)
        return {
            "pk": {"S": f"order-{index}"},
            "status": {"S": "SHIPPED"},
            "n": {"N": str(version)},
            "note": {"S": note},
        }

    records = [
        {
            "eventID": f"{number}-{index}",
            "eventName": "MODIFY",
            "eventSource": "aws:dynamodb",
            "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-01T00:00:00.000",
            "dynamodb": {
                "ApproximateCreationDateTime": 1767607872,
                "Keys": {"pk": {"S": f"order-{index}"}},
                "OldImage": image(index, number),
                "NewImage": image(index, number + 1),
                "SequenceNumber": str(10**24 + number * BATCH + index),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }
        for index in range(BATCH)
    ]
    return list(afterbay.changes(msgspec.json.decode(msgspec.json.encode({"Records": records}))))


def _run() -> list[Result]:
    import boto3
    from botocore.config import Config

    from afterbay.sinks.bucket_log import BucketLogSink
    from afterbay.sinks.bucket_rows import log_format

    was_running = subprocess.run([SERVER, "status"], capture_output=True, check=False).returncode == 0
    started = subprocess.run([SERVER, "start"], capture_output=True, text=True, check=True)
    url = started.stdout.split()[-1]
    os.environ |= KEYS
    name = f"bench-{uuid.uuid4().hex[:8]}"
    plain = boto3.client(
        "s3", endpoint_url=url, region_name="eu-west-1", config=Config(s3={"addressing_style": "path"})
    )
    plain.create_bucket(Bucket=name)
    ours: list[float] = []
    theirs: list[float] = []
    try:
        written = log_format("jsonl", "zstd")
        lines = log_format("jsonl", "none")
        with closing(BucketLogSink(name, "log", written=written, region="eu-west-1", endpoint_url=url)) as sink:
            sink.apply(_changes(0)[:10])
            for number in range(1, ROUNDS + 1):
                changes = _changes(number)
                began = time.perf_counter()
                verdicts = sink.apply(changes)
                took_s = time.perf_counter() - began
                assert not any(verdict.failed for verdict in verdicts)
                rows = list(sink.read_log())[-BATCH:]
                text = lines.encode(rows)
                ours.append(len(text) / 1e6 / took_s)
                began = time.perf_counter()
                plain.put_object(Bucket=name, Key=f"plain/{number}", Body=text)
                theirs.append(len(text) / 1e6 / (time.perf_counter() - began))
    finally:
        plain.close()
        if not was_running:
            subprocess.run([SERVER, "stop"], check=True)
    return [
        Result(
            "s3_log",
            median(ours),
            "MB/s",
            Better.HIGHER,
            Peer("put_object of the same lines, ready-made", median(theirs)),
            Budget(MB_PER_S_MIN),
            note="MB of JSON lines before compression, from decoded events to the answer; one thread, zstd, "
            f"{BATCH} records of two {IMAGE_BYTES / 1000:g} kB images in a batch",
        )
    ]


BENCHMARK = Benchmark(("s3_log",), _run)
