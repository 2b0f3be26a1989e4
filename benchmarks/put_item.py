"""``put_item``: unconditional PutItem, one connection, on ``afterbay dev`` with a stream and on moto's own server
without one."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median
from benchmarks.load import item, make_table
from benchmarks.processes import address, moto_server
from benchmarks.wire import RawClient

__all__ = ["BENCHMARK"]

ROUNDS = 3
PUTS = 600
WARM_UP = 100
FILLER_BYTES = 0
RATIO_MIN = 3.0
TABLE = "orders"


def _per_second(client: RawClient, first: int, puts: int) -> float:
    """New items, so that neither server has an old one to find."""
    requests = [client.put_request(TABLE, item(number, FILLER_BYTES)) for number in range(first, first + puts)]
    began = time.perf_counter()
    for request in requests:
        client.send(request)
    return puts / (time.perf_counter() - began)


def _run() -> list[Result]:
    with ExitStack() as up:
        folder = Path(up.enter_context(tempfile.TemporaryDirectory(prefix="afterbay-bench-")))
        ours = up.enter_context(RawClient(up.enter_context(address(folder))))
        theirs = up.enter_context(RawClient(up.enter_context(moto_server(folder))))
        make_table(ours, TABLE, stream="NEW_AND_OLD_IMAGES")
        make_table(theirs, TABLE, stream=None)
        rates: dict[RawClient, list[float]] = {ours: [], theirs: []}
        for client in rates:
            _per_second(client, 0, WARM_UP)
        for number in range(ROUNDS):  # in turn: what else the machine does meets both
            for client, seen in rates.items():
                seen.append(_per_second(client, WARM_UP + number * PUTS, PUTS))
        peer = Peer("moto's server, without a stream", median(rates[theirs]))
        return [
            Result(
                "put_item",
                median(rates[ours]),
                "records/s",
                Better.HIGHER,
                peer,
                Budget(RATIO_MIN, of_ratio=True),
                note="one connection, kept alive where the server allows it (moto's closes it after each answer)",
            )
        ]


BENCHMARK = Benchmark(("put_item",), _run)
