"""A Delta table in a bucket of a real S3 server: commits are conditional puts there."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import afterbay
import buckets
import servers
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.errors import SettingsError
from contract.histories import KEYS, History, history
from contract.sink_suite import kinds, live


@pytest.fixture
def bucket(monkeypatch) -> str:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": servers.server_url("seaweedfs"),
    }.items():
        monkeypatch.setenv(name, value)
    return buckets.bucket()


def test_two_writers_of_one_table_in_a_bucket_end_in_the_tables_state(bucket):
    made = history(12, changes=30, mirrored=True)
    folder = buckets.prefix()
    ready = threading.Barrier(2)

    def write(batches: list[list[ChangeRecord]]) -> None:
        sink = afterbay.sink(f"delta:s3://{bucket}/{folder}?ttl=mirror")
        ready.wait()
        for batch in batches:
            while any(kind is Kind.RETRYABLE for kind in kinds(sink, batch)):
                pass

    batches = [made.changes[start : start + 6] for start in range(0, 30, 6)]
    with ThreadPoolExecutor(2) as writers:
        list(writers.map(write, (batches, batches[::-1])))
    sink = afterbay.sink(f"delta:s3://{bucket}/{folder}")
    assert len(list(sink.read_live())) == len(live(sink)) and live(sink) == made.expected()


def test_a_bucket_that_is_not_there_is_retryable(bucket):
    change = ChangeRecord(History(random.Random(1)).put(KEYS[2]))
    (verdict,) = afterbay.sink(f"delta:s3://no-{bucket}/orders").apply([change])
    assert verdict.kind is Kind.RETRYABLE and "404" in verdict.reason and "\x1b" not in verdict.reason


def test_commits_without_a_condition_are_refused(monkeypatch):
    monkeypatch.setenv("AWS_S3_ALLOW_UNSAFE_RENAME", "true")
    with pytest.raises(SettingsError, match="AWS_S3_ALLOW_UNSAFE_RENAME"):
        afterbay.sink("delta:s3://bucket/orders")
