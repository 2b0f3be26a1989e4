"""``backfill_items``: ``afterbay backfill`` of a table on a local address into SQLite, beside a plain Scan loop that
writes the same items without any guard.

10,000 items; ``BACKFILL_ITEMS`` says another number (100,000 take some minutes: the address's Scan looks at the whole
table for each page).
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.harness import Benchmark, Better, Peer, Result, median
from benchmarks.load import fill, make_table
from benchmarks.processes import address, environment
from benchmarks.wire import RawClient

__all__ = ["BENCHMARK"]

ITEMS = int(os.environ.get("BACKFILL_ITEMS", "10000"))
ROUNDS = 3 if ITEMS <= 10_000 else 1
FILLER_BYTES = 600
TABLE = "orders"


def _ours(url: str, file: Path) -> float:
    """Items a second by the verb's own count of seconds: without the start of its process, which the peer has not."""
    words = ["backfill", TABLE, "--into", f"sqlite:///{file}?table=copy", "--state", f"{file}.state", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "afterbay", *words], env=environment(url), capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert (told["scanned"], told["written"], told["failed"]) == (ITEMS, ITEMS, 0), told
    return ITEMS / float(told["seconds"])


def _theirs(url: str, file: Path) -> float:
    """What people write first: page after page, each item as it came, one transaction a page."""
    began = time.perf_counter()
    with RawClient(url) as client, closing(sqlite3.connect(file)) as sql:
        sql.execute("CREATE TABLE copy (pk TEXT PRIMARY KEY, item TEXT)")
        request: dict[str, object] = {"TableName": TABLE, "ConsistentRead": True}
        while True:
            page = client.table("Scan", request)
            rows = [(one["pk"]["S"], json.dumps(one)) for one in page["Items"]]
            with sql:
                sql.executemany("INSERT OR REPLACE INTO copy VALUES (?, ?)", rows)
            if "LastEvaluatedKey" not in page:
                break
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        assert sql.execute("SELECT count(*) FROM copy").fetchone() == (ITEMS,)
    return ITEMS / (time.perf_counter() - began)


def _run() -> list[Result]:
    ours: list[float] = []
    theirs: list[float] = []
    with ExitStack() as up:
        folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="afterbay-bench-")))
        url = up.enter_context(address(folder))
        with RawClient(url) as client:
            make_table(client, TABLE)
            fill(client, TABLE, ITEMS, FILLER_BYTES)
        for number in range(ROUNDS):  # in turn: what else the machine does meets both
            ours.append(_ours(url, folder / f"ours{number}.db"))
            theirs.append(_theirs(url, folder / f"theirs{number}.db"))
    return [
        Result(
            "backfill_items",
            median(ours),
            "items/s",
            Better.HIGHER,
            Peer("a plain Scan loop, no guard, no state", median(theirs)),
            note=f"{ITEMS:,} items of 1 KB into SQLite, 4 segments; most of the time is the address's own Scan in both",
        )
    ]


BENCHMARK = Benchmark(("backfill_items",), _run)
