"""The server has acted and its answer is lost: PostgreSQL and S3 behind a proxy that cuts the connection (E9).

OpenSearch's own such tests are in ``test_opensearch.py``, with what it tells of each document.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

import buckets
import servers
from afterbay.sinks.bucket_log import BucketLogSink
from afterbay.sinks.bucket_state import BucketStateSink
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.postgres import PostgresSink
from contract.cutting_proxy import CuttingProxy
from contract.histories import history
from contract.sink_suite import live

MIRROR = SinkOptions(ttl=Expiry.MIRROR)
BATCH = 12
DELIVERIES_MAX = 4
"""Of one batch: its answer is lost once, and a pool may hold a second connection that goes with it."""

WRITES = {"postgres": b"COMMIT", "bucket": b"PUT /", "log": b"PUT /"}
"""How the request begins that makes a batch last."""


@pytest.fixture(params=sorted(WRITES))
def behind(request) -> Iterator[tuple[object, CuttingProxy, bytes]]:
    """A sink behind a proxy, the proxy, and the request whose answer is to be lost."""
    kind = request.param
    with CuttingProxy(servers.server_url("postgres" if kind == "postgres" else "seaweedfs")) as proxy:
        if kind == "postgres":
            address = f"postgresql://postgres@{urlsplit(proxy.url).netloc}/postgres"
            sink = PostgresSink(address, f"t{uuid.uuid4().hex}", options=MIRROR)
        else:
            client = boto3.client(
                "s3",
                endpoint_url=proxy.url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                region_name="eu-west-1",
                config=Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 4}),
            )
            make = BucketStateSink if kind == "bucket" else BucketLogSink
            sink = make(buckets.bucket(), buckets.prefix(), options=MIRROR, client=client)
        yield sink, proxy, WRITES[kind]
        sink.close()


def test_a_batch_whose_answer_is_lost_is_told_again_and_changes_nothing(behind):
    sink, proxy, write = behind
    made = history(11, changes=60, mirrored=True)
    starts = range(0, len(made.changes), BATCH)
    for start in starts:
        batch = made.changes[start : start + BATCH]
        proxy.cut(write)
        for _ in range(DELIVERIES_MAX):
            if not any(verdict.failed for verdict in sink.apply(batch)):
                break
        else:
            pytest.fail("the batch never got through")
    assert proxy.cuts >= len(starts)
    assert live(sink) == made.expected()
