"""DynamoDB transactions of two workers at once, on the local address: tokens in a second table, and a running total."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

import afterbay
from contract.histories import history
from integration.serving import REGION, Served, child, unique

CHANGES = 40


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with child(tmp_path_factory.mktemp("address")) as one:
        yield one


def table(client, *keys: str) -> str:
    name = unique("table")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def side_by_side(work) -> None:
    """Two workers, each with all changes in an order of its own."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda seed: work(random.Random(seed)), (1, 2)))


@pytest.fixture
def endpoint(served, monkeypatch) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return f"region={REGION}&endpoint_url={quote(served.url, safe='')}"


def test_a_sink_with_a_ledger_ends_in_the_tables_state(served, endpoint):
    client = served.client("dynamodb")
    address = f"dynamodb://{table(client, 'pk', 'sk')}?ledger={table(client, '_key')}&ttl=mirror&{endpoint}"
    made = history(7, changes=CHANGES, mirrored=True)

    def write(rng: random.Random) -> None:
        sink, waiting = afterbay.sink(address), rng.sample(made.changes, CHANGES)
        while waiting:  # a record that failed comes again, as from a mapping
            told = sink.apply(waiting[:9])
            assert not any(one.kind is afterbay.Kind.POISON for one in told)
            failed = [change for change, one in zip(waiting, told, strict=False) if one.failed]
            waiting = failed + waiting[9:]
        sink.close()

    side_by_side(write)
    sink = afterbay.sink(address)
    assert {one.key: one.item for one in sink.read_live()} == made.expected()
    sink.close()


def test_a_total_counts_each_change_once(served, endpoint):
    client = served.client("dynamodb")
    totals, address = table(client, "name"), f"dynamodb://{table(client, '_key')}?{endpoint}"
    changes = history(8, changes=CHANGES).changes

    def count(rng: random.Random) -> None:
        ledger = afterbay.ledger(address)
        for change in rng.sample(changes, CHANGES):
            with afterbay.once(change, ledger) as transaction:
                transaction.update(
                    TableName=totals,
                    Key={"name": {"S": "all"}},
                    UpdateExpression="ADD amount :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )
        ledger.close()

    side_by_side(count)
    (item,) = client.scan(TableName=totals)["Items"]
    assert item["amount"] == {"N": str(CHANGES)}
