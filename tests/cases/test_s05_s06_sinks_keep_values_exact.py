"""s05 and s06, what sinks do: every number and every byte is read back as it was written, at every depth."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from afterbay.core.change.record import ChangeRecord
from afterbay.sinks.dynamodb import DynamoDbSink
from afterbay.sinks.memory import MemorySink
from afterbay.sinks.sqlite import SqliteSink
from contract.opensearch_server import opensearch_place

HERE = Path(__file__).parent
BINARY = json.loads((HERE / "s05-binary-everywhere.json").read_text())
NUMBERS = json.loads((HERE / "s06-numbers-that-do-not-fit.json").read_text())


@pytest.fixture(params=["memory", "sqlite", "dynamodb", "opensearch"])
def stored(request, tmp_path, monkeypatch):
    """``stored(case)``: the case's one item, written to a sink and read back."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(), ExitStack() as places:
        client = boto3.client("dynamodb", region_name="eu-west-1")

        def write(case):
            (key,) = case["table"]["key"]
            client.create_table(
                TableName="copy",
                KeySchema=[{"AttributeName": key["name"], "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key["name"], "AttributeType": key["type"]}],
                BillingMode="PAY_PER_REQUEST",
            )
            sink = {
                "memory": MemorySink,
                "sqlite": lambda: SqliteSink(tmp_path / "exact.db", "copy"),
                "dynamodb": lambda: DynamoDbSink("copy", client=client),
                "opensearch": lambda: places.enter_context(opensearch_place()).sink(),
            }[request.param]()
            (record,) = case["records"]
            assert [verdict.kind.value for verdict in sink.apply([ChangeRecord(record)])] == ["applied"]
            (found,) = sink.read_live()
            sink.close()
            return found.item

        yield write


def test_every_number_is_exact(stored):
    item = stored(NUMBERS)
    for name, text in NUMBERS["exact_values"].items():
        assert Decimal(item[name]) == Decimal(text) and not isinstance(item[name], float)
    assert sorted(map(Decimal, item["numbers"])) == sorted(map(Decimal, NUMBERS["exact_set"]))
    assert [Decimal(one) for one in item["numbers"]] == sorted(map(Decimal, NUMBERS["exact_set"]))


def test_binary_is_base64_once_at_every_depth(stored):
    item = stored(BINARY)
    wanted = {name: bytes.fromhex(text) for name, text in BINARY["original_bytes_hex"].items() if name != "set"}
    read = {
        "pk": item["pk"],
        "raw": item["raw"],
        "doc.inner": item["doc"]["inner"],
        "doc.list[0]": item["doc"]["list"][0],
    }
    assert {name: b64decode(text, validate=True) for name, text in read.items()} == wanted
    assert sorted(b64decode(one) for one in item["set"]) == sorted(
        bytes.fromhex(one) for one in BINARY["original_bytes_hex"]["set"]
    )
    assert item["doc"]["list"][1] == "AQID"


def test_a_sink_with_a_binary_type_stores_the_bytes(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName="blobs",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "B"}],
            BillingMode="PAY_PER_REQUEST",
        )
        sink = DynamoDbSink("blobs", client=client)
        sink.apply([ChangeRecord(BINARY["records"][0])])
        sink.close()
        (item,) = client.scan(TableName="blobs")["Items"]
        assert item["pk"]["B"].hex() == BINARY["original_bytes_hex"]["pk"]
        assert item["doc"]["M"]["inner"]["B"].hex() == BINARY["original_bytes_hex"]["doc.inner"]
    rows = SqliteSink(tmp_path / "b.db", "blobs")
    rows.apply([ChangeRecord(BINARY["records"][0])])
    rows.close()
    import sqlite3

    database = sqlite3.connect(tmp_path / "b.db")
    assert database.execute("SELECT pk FROM blobs_live").fetchone()[0].hex() == BINARY["original_bytes_hex"]["pk"]
    database.close()
