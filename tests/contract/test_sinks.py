"""One suite over every sink: whatever is replayed, in whatever order, it ends in the table's own state."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

import buckets
from afterbay.sinks.bucket_state import BucketStateSink
from afterbay.sinks.delta import DeltaStore
from afterbay.sinks.dynamodb import DynamoDbSink
from afterbay.sinks.lake import LakeSink
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.options import Expiry, SinkOptions
from afterbay.sinks.postgres import PostgresSink
from afterbay.sinks.sqlite import SqliteSink
from contract import lakes, sink_suite, verifying
from contract.moto_tables import OneCallAtATime, make_tokens_table
from contract.opensearch_server import OpenSearchPlace, opensearch_place
from servers import server_url

SERVERS = ("postgres",)
KINDS = [
    "memory",
    "sqlite",
    "dynamodb",
    "dynamodb_ledger",
    "postgres",
    "opensearch",
    "bucket",
    "delta",
    "iceberg",
]
SLOW = {"iceberg", "dynamodb_ledger"}
"""What takes a tenth of a second per commit: one random history of each sort is enough there."""


def histories(*seeds: int):
    """Each kind of sink with each seed; a slow one with the first."""
    pairs = [(kind, seed) for kind in KINDS for seed in (seeds[:1] if kind in SLOW else seeds)]
    return pytest.mark.parametrize(("make_sink", "seed"), pairs, indirect=["make_sink"])


@pytest.fixture
def moto_table(monkeypatch) -> Iterator[str]:
    """A table with the key of the histories, in moto in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("dynamodb", region_name="eu-west-1").create_table(
            TableName="copy",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        make_tokens_table()
        yield "copy"


@pytest.fixture
def opensearch() -> Iterator[OpenSearchPlace]:
    with opensearch_place() as place:
        yield place


@pytest.fixture
def bucket_place() -> Iterator[dict]:
    """A prefix of its own on the real S3 server, and a client of it."""
    client = buckets.connect()
    yield {"bucket": buckets.bucket(), "prefix": buckets.prefix(), "client": client}
    client.close()


@pytest.fixture(params=KINDS)
def make_sink(request, tmp_path):
    """``make_sink(ttl)``: a sink on the one store of this test, made anew at each call."""
    made = []
    table = request.getfixturevalue("moto_table") if request.param.startswith("dynamodb") else "copy"
    place = request.getfixturevalue("bucket_place") if request.param == "bucket" else {}
    name = request.node.nodeid
    server = server_url(request.param) if request.param in SERVERS else ""
    fresh = f"t{uuid.uuid4().hex}"

    def make(ttl: Expiry = Expiry.SKIP):
        options = SinkOptions(ttl=ttl)
        match request.param:
            case "memory":
                sink = MemorySink.named(name, options=options)
            case "sqlite":
                sink = SqliteSink(tmp_path / "sink.db", table, options=options)
            case "dynamodb":
                sink = DynamoDbSink(table, options=options, client=OneCallAtATime())
            case "opensearch":
                sink = request.getfixturevalue("opensearch").sink(options=options)
            case "dynamodb_ledger":
                sink = DynamoDbSink(table, ledger="tokens", options=options, client=OneCallAtATime())
            case "postgres":
                sink = PostgresSink(server, fresh, options=options)
            case "bucket":
                sink = BucketStateSink(**place, options=options)
            case "delta":
                sink = LakeSink(DeltaStore(str(tmp_path / "copy")), options=options)
            case "iceberg":
                sink = LakeSink(lakes.iceberg(tmp_path), options=options)
        made.append(sink)
        return sink

    yield make
    for sink in made:
        sink.close()
    MemorySink.forget(name)


@histories(1, 2, 3)
@pytest.mark.parametrize("ttl", list(Expiry))
def test_replays_between_batches_change_nothing(make_sink, ttl, seed):
    sink_suite.in_order_with_replays(make_sink(ttl), ttl, seed)


@histories(4, 5)
def test_changes_in_no_order_at_all_end_in_the_tables_state(make_sink, seed):
    sink_suite.in_no_order(make_sink(Expiry.MIRROR), seed)


def test_keys_that_look_alike_are_two_items(make_sink):
    sink_suite.keys_that_look_alike(make_sink())


def test_one_bad_record_has_its_own_verdict(make_sink):
    sink_suite.one_bad_record_between_good_ones(make_sink())


def test_a_skipped_expiry_leaves_its_mark(make_sink):
    sink = make_sink()
    sink_suite.a_skipped_expiry_leaves_its_mark(sink)
    sink_suite.a_look_up_shows_what_a_skipped_expiry_left(sink)


def test_a_backfill_writes_only_what_is_missing(make_sink):
    sink_suite.a_backfill_writes_only_what_is_missing(make_sink())


def test_an_image_that_the_view_hides_is_refused_with_the_view_named(make_sink):
    sink_suite.an_image_that_the_view_hides_is_refused(make_sink())


def test_a_text_that_no_store_takes_is_refused_alone(make_sink):
    sink_suite.a_text_that_no_store_takes_is_refused_alone(make_sink())


def test_a_mend_holds_only_while_nothing_was_applied_in_between(make_sink):
    sink_suite.mending_holds_only_while_nothing_was_applied(make_sink())


@histories(21)
def test_mends_beside_live_changes_leave_the_tables_state(make_sink, seed, request):
    slow = request.node.callspec.params["make_sink"] in SLOW
    sink_suite.mends_beside_live_changes(make_sink, seed, rounds=3 if slow else 5)


@histories(31)
def test_what_is_behind_its_table_is_found_and_mended(make_sink, seed):
    verifying.what_is_behind_is_found_and_mended(make_sink(Expiry.MIRROR), seed)


def test_tokens_outlive_the_sink_object(make_sink):
    """A new process finds what the last one stored: a stale change stays stale."""
    first, second = make_sink(Expiry.MIRROR), make_sink(Expiry.MIRROR)
    made = sink_suite.history(6, mirrored=True)
    first.apply(made.changes)
    first.close()
    assert not {verdict.kind.value for verdict in second.apply(made.changes)} - {"duplicate", "stale"}
    assert sink_suite.live(second) == made.expected()


def test_a_sink_that_no_change_has_reached_holds_nothing(make_sink):
    sink_suite.a_sink_that_no_change_has_reached_holds_nothing(make_sink())
