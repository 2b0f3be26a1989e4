"""s02: deletes and upserts of one key in one batch, for every sink and any batch size, delivered twice."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from afterbay.core.change.record import ChangeRecord
from afterbay.sinks.dynamodb import DynamoDbSink
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.sqlite import SqliteSink
from contract.opensearch_server import opensearch_place

CASE = json.loads((Path(__file__).parent / "s02-delete-and-upsert-in-one-batch.json").read_text())
AFTER = {"K2": {"pk": "K2", "v": 2}, "K3": {"pk": "K3", "v": 3}}


@pytest.fixture(params=["memory", "sqlite", "dynamodb", "opensearch"])
def sink(request, tmp_path, monkeypatch):
    if request.param == "memory":
        yield MemorySink()
        return
    if request.param == "sqlite":
        sink = SqliteSink(tmp_path / "s02.db", "items")
        yield sink
        sink.close()
        return
    if request.param == "opensearch":
        with opensearch_place() as place:
            sink = place.sink()
            yield sink
            sink.close()
        return
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("dynamodb", region_name="eu-west-1").create_table(
            TableName="items",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        sink = DynamoDbSink("items", region="eu-west-1")
        yield sink
        sink.close()


def start_state() -> list[ChangeRecord]:
    """What the sink holds before, as an earlier part of the same stream wrote it."""
    records = []
    for number, (key, attributes) in enumerate(CASE["sink"]["start_state"].items()):
        image = {"pk": {"S": key}} | {name: {"N": str(value)} for name, value in attributes.items()}
        first = CASE["records"][0]
        change = first["dynamodb"] | {
            "Keys": {"pk": {"S": key}},
            "NewImage": image,
            "SequenceNumber": f"41000000000000000000000000{number}",
        }
        records.append(ChangeRecord(first | {"eventName": "INSERT", "dynamodb": change}))
    return records


@pytest.mark.parametrize("size", [1, 3, 8])
def test_any_batch_size_and_a_second_delivery_end_in_the_tables_state(sink, size):
    sink.apply(start_state())
    changes = [ChangeRecord(record) for record in CASE["records"]]
    for _ in CASE["deliver"]:
        for start in range(0, len(changes), size):
            assert not any(verdict.failed for verdict in sink.apply(changes[start : start + size]))
        assert {one.item["pk"]: one.item for one in sink.read_live()} == AFTER
