"""``opensearch_docs``: documents a second into one OpenSearch node, half of them new, half changed, batches of 500.

Ours are changes as they come from a stream, and guarded; the peer's are the same documents, ready made, through the
client's own bulk helper, which guards nothing. Both meet the same mapping, with refresh off.
"""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from opensearchpy import OpenSearch, helpers

from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.sinks.live import plain_item
from afterbay.sinks.opensearch import OpenSearchSink
from afterbay.sinks.opensearch_cluster import ClusterAddress
from benchmarks.harness import Benchmark, Better, Budget, Peer, Result, median
from benchmarks.load import item

__all__ = ["BENCHMARK"]

BATCH = 500
BATCHES = 16
ROUNDS = 5
WARM_UP = 2
"""Rounds until the server has compiled what it does."""
FILLER_BYTES = 200
RATIO_MIN = 0.5
SCRIPT = Path(__file__).resolve().parent.parent / "scripts/servers/opensearch.sh"
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-05T10:11:12.345"


@contextmanager
def _server() -> Iterator[str]:
    """The URL of the tests' server, started with all that Java has; one that ran before goes on running."""
    ran = subprocess.run([SCRIPT, "status"], capture_output=True, check=False).returncode == 0
    wanted = {**os.environ, "AFTERBAY_OPENSEARCH_JAVA": ""}
    told = subprocess.run([SCRIPT, "start"], stdout=subprocess.PIPE, text=True, check=True, env=wanted)
    try:
        yield told.stdout.strip().splitlines()[-1]
    finally:
        if not ran:
            subprocess.run([SCRIPT, "stop"], check=True)


def _batches() -> Iterator[list[ChangeRecord]]:
    """Each makes as many items as it changes; what it changes is of the batch before. One is there at a time, as in a
    function."""
    half, sequence = BATCH // 2, 10**22
    for number in range(BATCHES):
        batch = []
        for offset in range(half):
            for order, kind in ((number * half + offset, "MODIFY"), ((number + 1) * half + offset, "INSERT")):
                sequence += 1
                batch.append(_change(order, kind, sequence))
        yield batch


def _change(order: int, kind: str, sequence: int) -> ChangeRecord:
    image = item(order, FILLER_BYTES) | {"version": {"N": "4" if kind == "MODIFY" else "3"}}
    change = {
        "ApproximateCreationDateTime": 1767607872.0,
        "Keys": {"pk": image["pk"]},
        "NewImage": image,
        "SequenceNumber": str(sequence),
        "SizeBytes": 600,
        "StreamViewType": "NEW_IMAGE",
    }
    return ChangeRecord(
        msgspec.json.encode({"eventName": kind, "eventSource": "aws:dynamodb", "dynamodb": change}), stream_arn=STREAM
    )


def _documents(batch: Sequence[ChangeRecord]) -> list[dict[str, object]]:
    plain = (plain_item(change.new or {}) for change in batch)
    return [{"_id": one["pk"], "_source": one} for one in plain]


@contextmanager
def _index(url: str, client: OpenSearch) -> Iterator[OpenSearchSink]:
    """A sink with an index that is there and is not refreshed, with the first items in it."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    sink = OpenSearchSink(ClusterAddress(url), name)
    sink.apply([_change(order, "INSERT", 10**21 + order) for order in range(BATCH // 2)])
    client.indices.put_settings(index=name, body={"refresh_interval": "-1"})
    client.indices.refresh(index=name)
    try:
        yield sink
    finally:
        sink.close()
        client.indices.delete(index=f"{name}-with-tombstones")


def _ours(url: str, client: OpenSearch) -> float:
    took_s = 0.0
    with _index(url, client) as sink:
        for batch in _batches():
            began = time.perf_counter()
            verdicts = sink.apply(batch)
            took_s += time.perf_counter() - began
            assert all(verdict.kind is Kind.APPLIED for verdict in verdicts)
    return BATCH * BATCHES / took_s


def _peers(url: str, client: OpenSearch) -> float:
    took_s = 0.0
    with _index(url, client) as sink:
        name = str(sink).removeprefix("opensearch:")
        for documents in map(_documents, _batches()):
            began = time.perf_counter()
            helpers.bulk(client, documents, index=name, chunk_size=BATCH)
            took_s += time.perf_counter() - began
    return BATCH * BATCHES / took_s


def _run() -> list[Result]:
    with _server() as url:
        client = OpenSearch(url, timeout=60)
        ours, theirs = [], []
        for number in range(WARM_UP + ROUNDS):  # in turn: what else the machine does meets both
            pair = _ours(url, client), _peers(url, client)
            if number >= WARM_UP:
                ours.append(pair[0])
                theirs.append(pair[1])
        client.close()
    return [
        Result(
            "opensearch_docs",
            median(ours),
            "documents/s",
            Better.HIGHER,
            Peer("opensearchpy.helpers.bulk, without a guard", median(theirs)),
            Budget(RATIO_MIN, of_ratio=True),
            note="half new, half changed, batches of 500, refresh off; ours reads each token first",
        )
    ]


BENCHMARK = Benchmark(("opensearch_docs",), _run)
