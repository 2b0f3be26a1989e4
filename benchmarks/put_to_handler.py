"""``put_to_handler_ms_p50`` and ``_p99``: from before a PutItem is sent to the first line of the handler.

The shard is idle before each put, and the function has a process of its own. The PutItem itself is part of it.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.functions import make_function, make_mapping
from benchmarks.harness import Benchmark, Better, Budget, Result, percentile
from benchmarks.load import item, make_table
from benchmarks.processes import address, wait_for
from benchmarks.wire import RawClient
from benchmarks.witness import calls

__all__ = ["BENCHMARK"]

PUTS = 200
WARM_UP = 10
IDLE_S = 0.03
"""Between a call of the handler and the next put: the shard has nothing left, and the reader waits."""

PATIENCE_S = 20
FILLER_BYTES = 0
P50_MS, P99_MS = 10.0, 50.0
TABLE = "orders"


def _latencies_ms(client: RawClient, witness: Path) -> list[float]:
    spent: list[float] = []
    for number in range(WARM_UP + PUTS):
        request = client.put_request(TABLE, item(number, FILLER_BYTES))
        began = time.monotonic_ns()
        client.send(request)
        spent.append((_called_ns(witness, number) - began) / 1e6)
        time.sleep(IDLE_S)
    return spent[WARM_UP:]


def _called_ns(witness: Path, number: int) -> int:
    """When the handler was called for the put of that number, once it was."""
    wait_for(lambda: len(calls(witness)) > number, PATIENCE_S, "the handler is called")
    return calls(witness)[number].began_ns


def _run() -> list[Result]:
    with ExitStack() as up:
        folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="afterbay-bench-")))
        url = up.enter_context(address(folder))
        client = up.enter_context(RawClient(url))
        witness = folder / "witness"
        stream = make_table(client, TABLE)
        make_function(url, witness)
        make_mapping(url, stream, batch_size=100, enabled=True)
        spent = _latencies_ms(client, witness)
    note = f"{PUTS} puts to an idle shard, the PutItem included; no peer is installed"
    return [
        Result("put_to_handler_ms_p50", percentile(spent, 50), "ms", Better.LOWER, budget=Budget(P50_MS), note=note),
        Result("put_to_handler_ms_p99", percentile(spent, 99), "ms", Better.LOWER, budget=Budget(P99_MS), note=note),
    ]


BENCHMARK = Benchmark(("put_to_handler_ms_p50", "put_to_handler_ms_p99"), _run)
