"""A Delta table in a bucket of a real S3 server: commits are conditional puts there."""

from __future__ import annotations

import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest

import afterbay
import servers
from afterbay.core.change.record import ChangeRecord
from afterbay.core.guard import Kind
from afterbay.errors import SettingsError
from contract.histories import KEYS, History, history
from contract.sink_suite import kinds, live


@pytest.fixture
def bucket(monkeypatch) -> str:
    if "seaweedfs" not in servers.names():
        pytest.skip("there is no script yet that starts an S3 server")
    url = servers.server_url("seaweedfs")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": url,
    }.items():
        monkeypatch.setenv(name, value)
    name = f"lake-{uuid.uuid4().hex}"
    client = boto3.client("s3", region_name="eu-west-1", endpoint_url=url)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    client.close()
    return name


def test_two_writers_of_one_table_in_a_bucket_end_in_the_tables_state(bucket):
    made = history(12, changes=30, mirrored=True)
    ready = threading.Barrier(2)

    def write(batches: list[list[ChangeRecord]]) -> None:
        sink = afterbay.sink(f"delta:s3://{bucket}/lake/orders?ttl=mirror")
        ready.wait()
        for batch in batches:
            while any(kind is Kind.RETRYABLE for kind in kinds(sink, batch)):
                pass

    batches = [made.changes[start : start + 6] for start in range(0, 30, 6)]
    with ThreadPoolExecutor(2) as writers:
        list(writers.map(write, (batches, batches[::-1])))
    sink = afterbay.sink(f"delta:s3://{bucket}/lake/orders")
    assert len(list(sink.read_live())) == len(live(sink)) and live(sink) == made.expected()


def test_a_bucket_that_is_not_there_is_retryable(bucket):
    change = ChangeRecord(History(random.Random(1)).put(KEYS[2]))
    (verdict,) = afterbay.sink(f"delta:s3://no-{bucket}/orders").apply([change])
    assert verdict.kind is Kind.RETRYABLE and "404" in verdict.reason and "\x1b" not in verdict.reason


def test_commits_without_a_condition_are_refused(monkeypatch):
    monkeypatch.setenv("AWS_S3_ALLOW_UNSAFE_RENAME", "true")
    with pytest.raises(SettingsError, match="AWS_S3_ALLOW_UNSAFE_RENAME"):
        afterbay.sink("delta:s3://bucket/orders")
