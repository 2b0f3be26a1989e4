"""docs/once.md: its Python blocks run, one after the other, and do what the page says."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import boto3
from moto import mock_aws

import afterbay
from contract.moto_tables import make_tokens_table

PAGE = (Path(__file__).parents[2] / "docs" / "once.md").read_text()
STREAM = "arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/2026-01-05T10:11:12.345"


def record(number: int, amount: int) -> dict:
    key = {"pk": {"S": "order-1"}}
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": STREAM,
        "dynamodb": {
            "ApproximateCreationDateTime": 1767607872,
            "Keys": key,
            "NewImage": key | {"amount": {"N": str(amount)}, "mail": {"S": "a@example.org"}},
            "SequenceNumber": f"{number:021}",
            "StreamViewType": "NEW_IMAGE",
        },
    }


EVENT = {"Records": [record(10**20 + 1, 20), record(10**20 + 2, 22)]}


def test_the_examples_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with closing(sqlite3.connect("totals.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE totals (total INTEGER)")
        database.execute("INSERT INTO totals VALUES (0)")

        def total() -> int:
            return database.execute("SELECT total FROM totals").fetchone()[0]

        names: dict = {"EVENT": EVENT, "total": total}
        for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
            exec(compile(block, "docs/once.md", "exec"), names)

    with mock_aws():
        make_tokens_table("counted")
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(
            TableName="totals",
            KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        counted = afterbay.ledger("dynamodb://counted?region=eu-west-1")
        for change in [*afterbay.changes(EVENT), *afterbay.changes(EVENT)]:
            names["count"](change, counted)
        (item,) = client.scan(TableName="totals")["Items"]
        assert item["amount"] == {"N": "42"}

    sent = []
    (first, _) = afterbay.changes(EVENT)
    mails = afterbay.ledger("sqlite:///mails.db?table=mails")
    for _ in range(2):
        names["tell"](first, mails, lambda **mail: sent.append(mail))
    assert [mail["to"] for mail in sent] == ["a@example.org"] and len(sent[0]["idempotency_key"]) == 108
    mails.close()
    names["ledger"].close()
