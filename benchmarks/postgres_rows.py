"""``postgres_rows``: changes into the PostgreSQL sink, beside a plain COPY of the same items without any guard."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from afterbay.core.change.record import ChangeRecord
from afterbay.core.change.value import json_bytes
from afterbay.sinks.postgres import PostgresSink
from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median

__all__ = ["BENCHMARK"]

ROUNDS = 3
ROWS = 10_000
BATCH = 500
RATIO_MIN = 0.5
SERVER = Path(__file__).parents[1] / "scripts" / "servers" / "postgres.sh"


def _record(number: int) -> dict[str, object]:
    """A put of about 500 bytes, as a function gets it."""
    key = {"pk": {"S": f"ORDER#{number}"}, "sk": {"S": "HEAD"}}
    items = [{"M": {"sku": {"S": f"sku-{n}"}, "count": {"N": "2"}}} for n in range(3)]
    image = key | {"status": {"S": "PAID"}, "total": {"N": "19.90"}, "note": {"S": "x" * 200}, "items": {"L": items}}
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-05T10:11:12.345",
        "dynamodb": {
            "ApproximateCreationDateTime": 1767607872,
            "Keys": key,
            "NewImage": image,
            "SequenceNumber": f"{10**25 + number}",
            "StreamViewType": "NEW_IMAGE",
        },
    }


def _per_second(write: Callable[[Sequence[ChangeRecord]], None], events: Sequence[bytes]) -> float:
    """The events are parsed before: the function service does that for both."""
    batches = [[ChangeRecord(one) for one in json.loads(event)] for event in events]
    began = time.perf_counter()
    for batch in batches:
        write(batch)
    return ROWS / (time.perf_counter() - began)


def _guarded(url: str, events: Sequence[bytes]) -> float:
    sink = PostgresSink(url, f"bench{uuid.uuid4().hex}")

    def write(batch: Sequence[ChangeRecord]) -> None:
        assert not any(verdict.failed for verdict in sink.apply(batch))

    try:
        return _per_second(write, events)
    finally:
        sink.close()


def _plain(url: str, events: Sequence[bytes]) -> float:
    """One COPY and one commit per batch, into a table with a primary key; items decoded by the same code."""
    table = f"bench{uuid.uuid4().hex}"
    with psycopg.connect(url) as session:
        session.execute(f"CREATE TABLE {table} (pk text, sk text, item jsonb, PRIMARY KEY (pk, sk))".encode())
        session.commit()

        def write(batch: Sequence[ChangeRecord]) -> None:
            with session.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                for change in batch:
                    assert change.new is not None
                    copy.write_row((change.new["pk"], change.new["sk"], json_bytes(change.new).decode()))
            session.commit()

        return _per_second(write, events)


def _run() -> list[Result]:
    was_running = subprocess.run([SERVER, "status"], capture_output=True, check=False).returncode == 0
    started = subprocess.run([SERVER, "start"], capture_output=True, text=True, check=False)
    if started.returncode:
        print(f"postgres_rows is not measured: {started.stderr.strip()}", file=sys.stderr)
        return []
    url = started.stdout.split()[-1]
    events = [
        json.dumps([_record(number) for number in range(first, first + BATCH)]).encode()
        for first in range(0, ROWS, BATCH)
    ]
    ours: list[float] = []
    theirs: list[float] = []
    try:
        _guarded(url, events)  # warm
        for _ in range(ROUNDS):  # in turn: what else the machine does meets both
            ours.append(_guarded(url, events))
            theirs.append(_plain(url, events))
    finally:
        if not was_running:
            subprocess.run([SERVER, "stop"], capture_output=True, check=False)
    return [
        Result(
            "postgres_rows",
            median(ours),
            "rows/s",
            Better.HIGHER,
            Peer("plain COPY, no guard, the same decoding", median(theirs)),
            Budget(RATIO_MIN, of_ratio=True),
            note=f"new items, batches of {BATCH}, one session; both decode the images, which is most of the time",
        )
    ]


BENCHMARK = Benchmark(("postgres_rows",), _run)
