"""``end_to_end_process``: a mapping of the local address delivers 10,000 records of 1 KB to a function in its process.

The records are in the stream already; timed from asking for Enabled to the last return, batch 100.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from benchmarks.functions import enable, make_function, make_mapping
from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median
from benchmarks.load import fill, make_table
from benchmarks.processes import address, ministack, ministack_there, wait_for
from benchmarks.wire import RawClient
from benchmarks.witness import calls, delivered

__all__ = ["BENCHMARK"]

RECORDS = 10_000
FILLER_BYTES = 225
BATCH = 100
ROUNDS = 3
RATIO_MIN = 3.0
PATIENCE_S = 120
TABLE = "orders"


def _per_second(serve: Callable[[Path], AbstractContextManager[str]]) -> float:
    with ExitStack() as up:
        folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="afterbay-bench-")))
        url = up.enter_context(serve(folder))
        client = up.enter_context(RawClient(url))
        witness = folder / "witness"
        stream = make_table(client, TABLE)
        fill(client, TABLE, RECORDS, FILLER_BYTES)
        make_function(url, witness)
        mapping = make_mapping(url, stream, batch_size=BATCH, enabled=False)
        began = enable(url, mapping)
        wait_for(lambda: delivered(witness) >= RECORDS, PATIENCE_S, "everything is delivered")
        return RECORDS * 1e9 / (calls(witness)[-1].ended_ns - began)


def _run() -> list[Result]:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):  # in turn: what else the machine does meets both
        ours.append(_per_second(address))
        if ministack_there():
            theirs.append(_per_second(ministack))
    return [
        Result(
            "end_to_end_process",
            median(ours),
            "records/s",
            Better.HIGHER,
            Peer("ministack", median(theirs) if theirs else None),
            Budget(RATIO_MIN, of_ratio=True),
            note=f"{RECORDS} records, batch {BATCH}. scripts/peers.sh installs the peer",
        )
    ]


BENCHMARK = Benchmark(("end_to_end_process",), _run)
