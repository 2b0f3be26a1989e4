"""``get_records_1000_ms``: one GetRecords answer with 1,000 records of 900 bytes, over HTTP."""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import Benchmark, Better, Peer, Result, median
from benchmarks.load import fill, make_table, trim_horizon
from benchmarks.processes import address, moto_server
from benchmarks.wire import RawClient

__all__ = ["BENCHMARK"]

RECORDS = 1000
FILLER_BYTES = 101
"""Makes a record of 900 bytes on our address."""

REPEATS = 15
TABLE = "orders"


def _read(client: RawClient) -> tuple[float, int]:
    """Milliseconds of a whole page (the median), and the bytes of a record in it."""
    stream = make_table(client, TABLE)
    fill(client, TABLE, RECORDS, FILLER_BYTES)
    (iterator,) = trim_horizon(client, stream)
    request = client.stream_request("GetRecords", {"ShardIterator": iterator, "Limit": RECORDS})
    body = client.send(request)
    count = len(json.loads(body)["Records"])
    assert count == RECORDS, f"a page of {count} records"
    spent: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        client.send(request)
        spent.append((time.perf_counter() - began) * 1000)
    return median(spent), len(body) // RECORDS


def _run() -> list[Result]:
    with ExitStack() as up:
        folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="afterbay-bench-")))
        ours = up.enter_context(RawClient(up.enter_context(address(folder))))
        theirs = up.enter_context(RawClient(up.enter_context(moto_server(folder))))
        value, record_bytes = _read(ours)
        other, other_bytes = _read(theirs)
        return [
            Result(
                "get_records_1000_ms",
                value,
                "ms",
                Better.LOWER,
                Peer("moto's server", other),
                note=f"{record_bytes} bytes a record here, {other_bytes} from moto: the same items",
            )
        ]


BENCHMARK = Benchmark(("get_records_1000_ms",), _run)
