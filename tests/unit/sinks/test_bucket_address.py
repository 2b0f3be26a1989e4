"""``s3://`` addresses: which sink they make, and what each needs installed."""

from __future__ import annotations

import sys

import pytest

import afterbay
import afterbay.sinks
from afterbay.errors import SettingsError
from afterbay.sinks.address import parse_address
from afterbay.sinks.bucket_log import BucketLogSink
from afterbay.sinks.bucket_state import BucketStateSink


def test_a_place_is_a_bucket_and_a_prefix():
    parsed = parse_address("s3://orders-copy/a%20b/c/?mode=state&region=eu-west-1")
    assert parsed.place == "orders-copy/a b/c" and str(parsed) == "s3:orders-copy/a b/c"


@pytest.mark.parametrize(
    ("parameters", "kind", "suffix"),
    [
        ("mode=state", BucketStateSink, None),
        ("mode=log", BucketLogSink, ".jsonl.gz"),
        ("mode=log&compression=none", BucketLogSink, ".jsonl"),
        ("mode=log&format=jsonl&compression=zstd", BucketLogSink, ".jsonl.zst"),
        ("mode=log&format=parquet&compression=gzip", BucketLogSink, ".parquet"),
    ],
)
def test_the_mode_makes_the_sink_and_opens_nothing(parameters, kind, suffix):
    sink = afterbay.sink(f"s3://orders/state?{parameters}&endpoint_url=http%3A%2F%2F127.0.0.1%3A9")
    assert isinstance(sink, kind) and str(sink) == "s3:orders/state"
    assert suffix is None or sink._format.suffix == suffix
    sink.close()


@pytest.mark.parametrize("parameters", ["format=parquet", "compression=zstd"])
def test_what_needs_pyarrow_says_what_to_install(monkeypatch, parameters):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "afterbay.sinks.bucket_arrow", raising=False)
    monkeypatch.delattr(afterbay.sinks, "bucket_arrow", raising=False)
    with pytest.raises(SettingsError, match=r"afterbay\[parquet\]"):
        afterbay.sink(f"s3://orders/log?mode=log&{parameters}")
    afterbay.sink("s3://orders/log?mode=log").close()
