"""``end_to_end_inline``: ``afterbay run --inline`` reads 10,000 records of 1 KB over HTTP, beside a naive boto3 loop.

Both read the same stream of the same address and call the same handler in their own process, batch 100. Timed from the
start of the reading, not of the process, to the last return.
"""

from __future__ import annotations

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median
from benchmarks.load import fill, make_table
from benchmarks.processes import address, child, environment, wait_for
from benchmarks.wire import RawClient
from benchmarks.witness import calls, delivered

__all__ = ["BENCHMARK"]

RECORDS = 10_000
FILLER_BYTES = 225
BATCH = 100
ROUNDS = 3
RATIO_MIN = 9.0
PATIENCE_S = 120
RUNNING = b"running 1 mapping(s)"
TABLE = "orders"


def _ours(url: str, stream: str, folder: Path) -> float:
    """Records a second. The start is when the engine says that it runs; it reads from then on."""
    witness, mapping, log = folder / "witness", folder / "mapping.json", folder / "run.log"
    wish = {
        "FunctionName": "stopwatch",
        "EventSourceArn": stream,
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": BATCH,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    mapping.write_text(json.dumps(wish), encoding="utf-8")
    command = ["-m", "afterbay", "run", "--mapping", str(mapping), "--state", str(folder / "state.sqlite3")]
    inline = ["--inline", "benchmarks.stopwatch:handler"]
    with child([*command, *inline], log, environment(url, STOPWATCH=str(witness))):
        wait_for(lambda: RUNNING in log.read_bytes(), PATIENCE_S, "the engine runs")
        began = time.monotonic_ns()
        return _rate(witness, began)


def _theirs(url: str, stream: str, folder: Path) -> float:
    witness, started = folder / "witness", folder / "started"
    command = ["-m", "benchmarks.naive_loop", stream, str(RECORDS), str(started)]
    with child(command, folder / "naive.log", environment(url, STOPWATCH=str(witness))):
        wait_for(lambda: started.exists() and started.read_text().endswith("\n"), PATIENCE_S, "the loop reads")
        return _rate(witness, int(started.read_text()))


def _rate(witness: Path, began_ns: int) -> float:
    wait_for(lambda: delivered(witness) >= RECORDS, PATIENCE_S, "everything is delivered")
    return RECORDS * 1e9 / (calls(witness)[-1].ended_ns - began_ns)


def _run() -> list[Result]:
    ours: list[float] = []
    theirs: list[float] = []
    with ExitStack() as up:
        folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="afterbay-bench-")))
        url = up.enter_context(address(folder))
        client = up.enter_context(RawClient(url))
        stream = make_table(client, TABLE)
        fill(client, TABLE, RECORDS, FILLER_BYTES)
        for number in range(ROUNDS):
            for name, measure, rates in (("ours", _ours, ours), ("naive", _theirs, theirs)):
                place = folder / f"{name}-{number}"
                place.mkdir()
                rates.append(measure(url, stream, place))
    return [
        Result(
            "end_to_end_inline",
            median(ours),
            "records/s",
            Better.HIGHER,
            Peer("a naive boto3 loop", median(theirs)),
            Budget(RATIO_MIN, of_ratio=True),
            note=f"{RECORDS} records, batch {BATCH}, state in SQLite; both read over HTTP from one afterbay dev",
        )
    ]


BENCHMARK = Benchmark(("end_to_end_inline",), _run)
